package websocket

import (
	"net"
	"testing"
)

// stuckConn is a connection whose peer takes nothing until it is released.
type stuckConn struct {
	net.Conn
	release <-chan struct{}
}

func (c stuckConn) Write(p []byte) (int, error) {
	<-c.release
	return len(p), nil
}
func (stuckConn) Close() error { return nil }

func TestQueued(t *testing.T) {
	m, sessions := benchSessions(t, 2)
	if messages, bytes := m.Queued(); messages != 0 || bytes != 0 {
		t.Errorf("%d messages of %d bytes wait at first", messages, bytes)
	}
	release := make(chan struct{})
	for _, s := range sessions {
		s.outbox.start(stuckConn{release: release})
	}
	for range 3 {
		if n, err := m.Deliver(ToAll(), Message{Type: "t"}); n != 2 || err != nil {
			t.Fatalf("%d sessions took it, %v", n, err)
		}
	}
	const frame = 2 + len(`{"type":"t","content":""}`)
	if messages, bytes := m.Queued(); messages != 6 || bytes != 6*frame {
		t.Errorf("%d messages of %d bytes wait, want 6 of %d", messages, bytes, 6*frame)
	}
	close(release)
	for _, s := range sessions {
		s.outbox.wait()
	}
	if messages, bytes := m.Queued(); messages != 0 || bytes != 0 {
		t.Errorf("%d messages of %d bytes wait at the end", messages, bytes)
	}
}
