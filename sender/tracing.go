package sender

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/switchboard-go/switchboard/websocket"
)

// tracing makes the spans of a cluster. Nil makes none.
type tracing struct{ tracer trace.Tracer }

func newTracing(p trace.TracerProvider) *tracing {
	if p == nil {
		return nil
	}
	return &tracing{p.Tracer(modulePath + "/sender")}
}

// traceParentKey is the field of the W3C Trace Context that envelopes carry.
const traceParentKey = "traceparent"

// send begins the span of a Send. It returns the trace context for its envelope
// and ends the span when the caller calls end.
func (t *tracing) send(ctx context.Context, to websocket.Target, m websocket.Message) (traceParent string, end func(error)) {
	if t == nil {
		return "", func(error) {}
	}
	ctx, span := t.tracer.Start(ctx, "send "+m.Type, trace.WithSpanKind(trace.SpanKindProducer), attributes(to, m))
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceParentKey], func(err error) {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// deliver begins the span of what an envelope brings to this node, as a child of
// the span that it was sent in.
func (t *tracing) deliver(e *envelope) (end func()) {
	if t == nil || e.traceParent == "" {
		return func() {}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{traceParentKey: e.traceParent})
	_, span := t.tracer.Start(ctx, "deliver "+e.message.Type, trace.WithSpanKind(trace.SpanKindConsumer), attributes(e.target, e.message))
	return func() { span.End() }
}

// attributes tells of a message. Not the target's name: it is somebody's id.
func attributes(to websocket.Target, m websocket.Message) trace.SpanStartEventOption {
	kind, _, _ := strings.Cut(to.String(), "/")
	return trace.WithAttributes(
		attribute.String("messaging.system", "switchboard"),
		attribute.String("switchboard.target.kind", kind),
		attribute.Int("messaging.message.body.size", len(m.Content)),
	)
}
