package websocket_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"testing"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestStats(t *testing.T) {
	n := serve(t, websocket.Options{})
	if s := n.Stats(); s.Opened != 0 || s.Errors == nil || s.Closed == nil {
		t.Errorf("a new server's counters are %+v", s)
	}
	answer, err := http.Get(n.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, code := range []websocket.CloseCode{websocket.CloseKicked, websocket.CloseKicked, 3210, websocket.CloseNoStatus} {
		conn := n.connect(t, "1")
		const frame = `{"type":"t","content":""}`
		write(t, conn, frame)
		if got := read(t, conn); got != frame {
			t.Errorf("the echo of %s is %s", frame, got)
		}
		n.session(t, "1").Close(code, "")
		_, _, err := conn.Read(ctx)
		want := code
		if code == websocket.CloseNoStatus { // which cannot be sent
			want = websocket.CloseNormal
		}
		if got := client.CloseStatus(err); got != client.StatusCode(want) {
			t.Errorf("after a close with %d came %v", code, err)
		}
	}
	if err := n.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	got := n.Stats()
	closed := map[websocket.CloseCode]uint64{websocket.CloseKicked: 2, websocket.CloseNormal: 1, 0: 1}
	if got.Opened != 4 || got.Refused != 1 || got.Received != 4 || got.Sent != 4 || got.Dropped != 0 || got.Panics != 0 ||
		len(got.Errors) != 0 || !maps.Equal(got.Closed, closed) {
		t.Errorf("the counters are %+v", got)
	}
	// What was returned is the caller's.
	got.Closed[websocket.CloseKicked] = 9
	if again := n.Stats().Closed[websocket.CloseKicked]; again != 2 {
		t.Errorf("a change to the returned counters made it %d", again)
	}
}

// What clients make up gets no counter of its own; what listeners handle does,
// with its failures.
func TestCountsByType(t *testing.T) {
	n := serve(t, websocket.Options{Dispatcher: dispatcher(func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
		switch {
		case m.Type == "good" && len(m.Content) > 2:
			return errors.New("a failure of the listener")
		case m.Type == "good":
			return s.Send(m)
		}
		return &websocket.MessageError{Code: websocket.CodeUnknownType}
	})})
	conn := n.connect(t, "1")
	for _, frame := range []string{
		`{"type":"good","content":""}`, `{"type":"good","content":"failing"}`,
		`{"type":"bad 1","content":""}`, `{"type":"bad 2","content":""}`, `{"type":"","content":""}`,
	} {
		write(t, conn, frame)
		read(t, conn)
	}
	for _, target := range []websocket.Target{websocket.ToAll(), websocket.ToUser(websocket.Admin, "nobody")} {
		deliver(t, n.manager, target, "pushed")
	}
	if _, err := n.manager.Deliver(websocket.Target{}, websocket.Message{Type: "refused"}); err == nil {
		t.Error("a message to nobody was taken")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := n.Stats().ReceivedByType, map[string]uint64{"good": 2, websocket.OtherTypes: 3}; !maps.Equal(got, want) {
		t.Errorf("received by type %v, want %v", got, want)
	}
	if got, want := n.manager.DeliveredByType(), map[string]uint64{"good": 1, "error": 4, "pushed": 2}; !maps.Equal(got, want) {
		t.Errorf("delivered by type %v, want %v", got, want)
	}
}
