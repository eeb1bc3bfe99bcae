package redis

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// A network that hangs may be mended when the packets have been given up.
func TestClosedConnectionsSendNoMore(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := abrupt((&net.Dialer{}).DialContext)(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	sent := 0
	for chunk := make([]byte, 1<<20); ; { // until the system takes no more
		if err := conn.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		took, err := conn.Write(chunk)
		if sent += took; err != nil && sent > 0 {
			break
		}
	}
	conn.Close()
	received, err := io.Copy(io.Discard, server)
	if !errors.Is(err, syscall.ECONNRESET) || received >= int64(sent) {
		t.Errorf("received %d bytes of %d and %v, want fewer and a reset", received, sent, err)
	}
}

// go-redis repairs a subscription by itself where it can.
func TestNothingIsDialledWithAnEndedContext(t *testing.T) {
	dial := abrupt(func(context.Context, string, string) (net.Conn, error) {
		t.Error("it dials")
		return nil, errors.New("refused")
	})
	if _, err := dial(established, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
