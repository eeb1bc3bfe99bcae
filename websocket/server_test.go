package websocket_test

import (
	"testing"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestMessagesTravelBothWays(t *testing.T) {
	n := serve(t, websocket.Options{})
	conn := n.connect(t, "1")
	write(t, conn, "ping")
	if got := read(t, conn); got != "pong" {
		t.Errorf("ping was answered %q", got)
	}
	const frame = `{"type":"greet","content":"{\"text\":\"hi\"}"}`
	write(t, conn, frame)
	if got := read(t, conn); got != frame {
		t.Errorf("the echo of %s is %s", frame, got)
	}
	s := n.session(t, "1")
	if err := conn.Close(client.StatusNormalClosure, "bye"); err != nil {
		t.Errorf("close: %v", err)
	}
	if cause := ended(t, s); cause.Code != websocket.CloseNormal || !cause.ByPeer || cause.Reason != "bye" {
		t.Errorf("the session ended with %v", cause)
	}
}
