package sender_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// tracer returns a provider and what it has recorded.
func tracer(t *testing.T) (*sdk.TracerProvider, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return provider, spans
}

func attribute(s sdk.ReadOnlySpan, key string) string {
	for _, a := range s.Attributes() {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// A trace goes from the request that sends, through the broker, to the nodes
// that deliver.
func TestTraces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		sends, sent := tracer(t)
		delivers, delivered := tracer(t)
		m := join(t, b, "node1", sender.ClusterOptions{TracerProvider: sends}, nil)
		other := join(t, b, "node2", sender.ClusterOptions{TracerProvider: delivers}, nil)
		blind := join(t, b, "node3", sender.ClusterOptions{}, nil)
		pass(probeInterval)
		if n := len(sent.Ended()) + len(delivered.Ended()); n != 0 {
			t.Errorf("probes made %d spans", n)
		}

		request, parent := sends.Tracer("test").Start(t.Context(), http.MethodPost)
		content := []byte(`"hi"`)
		to := websocket.ToUser(websocket.Member, "somebody").InTenant("red")
		if _, err := m.Send(request, to, websocket.Message{Type: "notice", Content: content}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(sent.Ended()) != 1 || len(delivered.Ended()) != 1 {
			t.Fatalf("%d and %d spans, want one of the send and one of the delivery", len(sent.Ended()), len(delivered.Ended()))
		}
		send, deliver := sent.Ended()[0], delivered.Ended()[0]
		if send.Name() != "send notice" || send.SpanKind() != trace.SpanKindProducer || send.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("the send's span is %s %s", send.SpanKind(), send.Name())
		}
		if deliver.Name() != "deliver notice" || deliver.SpanKind() != trace.SpanKindConsumer ||
			deliver.Parent().SpanID() != send.SpanContext().SpanID() || deliver.SpanContext().TraceID() != parent.SpanContext().TraceID() || !deliver.Parent().IsRemote() {
			t.Errorf("the delivery's span is %s %s, of %v", deliver.SpanKind(), deliver.Name(), deliver.Parent())
		}
		for _, span := range []sdk.ReadOnlySpan{send, deliver} {
			if attribute(span, "switchboard.target.kind") != "user" || attribute(span, "messaging.message.body.size") != "4" || attribute(span, "messaging.system") != "switchboard" {
				t.Errorf("the attributes are %v", span.Attributes())
			}
			for _, a := range span.Attributes() {
				if strings.Contains(a.Value.String(), "somebody") {
					t.Errorf("attribute %s names the user", a.Key)
				}
			}
		}

		// A node without spans sends an envelope without the trace.
		if _, err := blind.Send(request, websocket.ToAll(), websocket.Message{Type: "notice"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		m.received(1)
		other.received(2)
		if n := len(sent.Ended()) + len(delivered.Ended()); n != 2 {
			t.Errorf("%d spans after a message without a trace, want 2", n)
		}
	})
}

func TestTracesOfFailedAndLocalSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		provider, spans := tracer(t)
		m := join(t, b, "node1", sender.ClusterOptions{TracerProvider: provider}, nil)
		m.sendTo(websocket.ToSession(sessionOn("node1")))
		if ended := spans.Ended(); len(ended) != 1 || ended[0].Status().Code != codes.Unset || ended[0].Parent().IsValid() {
			t.Errorf("a send to a session of this node: %v, want one span", ended)
		}
		b.Stop()
		if _, err := m.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "notice"}); err == nil {
			t.Fatal("it was sent")
		}
		if ended := spans.Ended(); len(ended) != 2 || ended[1].Status().Code != codes.Error || len(ended[1].Events()) != 1 {
			t.Errorf("a send that fails: %v, want a span with its error", ended)
		}
	})
}
