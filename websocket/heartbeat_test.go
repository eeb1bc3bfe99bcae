package websocket_test

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// bubble runs f with a node of its own in a bubble of fake time. Timeouts that
// are zero in the limits are off or never reached.
func bubble(t *testing.T, o websocket.Options, f func(t *testing.T, n *piping)) {
	synctest.Test(t, func(t *testing.T) {
		l := websocket.DefaultLimits()
		l.ReadTimeout, l.PingInterval, l.PongTimeout, l.IdleTimeout = o.Limits.ReadTimeout, o.Limits.PingInterval, o.Limits.PongTimeout, o.Limits.IdleTimeout
		l.WriteTimeout, l.CloseTimeout = time.Hour, time.Hour
		if o.Limits.WriteTimeout > 0 {
			l.WriteTimeout = o.Limits.WriteTimeout
		}
		if o.Limits.CloseTimeout > 0 {
			l.CloseTimeout = o.Limits.CloseTimeout
		}
		o.Limits = l
		n := newNode(t, o)
		f(t, &piping{node: n, start: time.Now()})
		if err := n.Shutdown(t.Context()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
}

// piping is a node in a bubble; connections to it are net.Pipes.
type piping struct {
	*node
	start time.Time
}

// client connects a user.
func (n *piping) client(t *testing.T, user string) (net.Conn, *websocket.Session) {
	t.Helper()
	conn := piped(t, n.Server, user)
	return conn, n.session(t, user)
}

// frames reads all frames until the connection ends, in the background.
func frames(conn net.Conn) <-chan received {
	c := make(chan received, 1000)
	go func() {
		defer close(c)
		for {
			first, payload, err := receiveFrame(struct{ io.Reader }{conn})
			if err != nil {
				return
			}
			c <- received{first, payload, time.Now()}
		}
	}()
	return c
}

type received struct {
	first   byte
	payload string
	at      time.Time
}

// within checks that something happened after a timeout and not much later: the
// sweeper may be late by a quarter of the shortest timeout, at most a second.
func within(t *testing.T, what string, passed, timeout time.Duration) {
	t.Helper()
	if passed < timeout || passed > timeout+timeout/2 {
		t.Errorf("%s after %s, want %s or little more", what, passed, timeout)
	}
}

func TestSilentClientIsPinged(t *testing.T) {
	limits := websocket.Limits{PingInterval: 25 * time.Second, PongTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	bubble(t, websocket.Options{Limits: limits}, func(t *testing.T, n *piping) {
		conn, s := n.client(t, "silent")
		got := frames(conn)

		// It answers the first pings with a pong, which keeps it.
		since := n.start
		for range 5 {
			f := <-got
			if f.first != fin|ping {
				t.Fatalf("frame %#x", f.first)
			}
			within(t, "pinged", f.at.Sub(since), limits.PingInterval)
			<-time.After(limits.PongTimeout / 2)
			if len(got) != 0 {
				t.Error("it is pinged again before it has answered")
			}
			send(t, conn, frame(fin|pong, f.payload))
			since = time.Now()
		}

		// Any other byte is an answer as well, part of a frame too.
		f := <-got
		within(t, "pinged", f.at.Sub(since), limits.PingInterval)
		<-time.After(limits.PongTimeout / 2)
		whole := frame(fin|text, "ping")
		send(t, conn, whole[:1])
		<-time.After(limits.PongTimeout)
		send(t, conn, whole[1:])
		if f := <-got; f.first != fin|text || f.payload != "pong" {
			t.Errorf("frame %#x with %q", f.first, f.payload)
		}

		// Then it answers no more.
		ping := <-got
		if ping.first != 0x80|0x9 {
			t.Fatalf("frame %#x", ping.first)
		}
		f = <-got
		if want := closeCode(websocket.ClosePeerSilent, "nothing was received in time"); f.first != fin|closing || f.payload != want {
			t.Errorf("frame %#x with %q", f.first, f.payload)
		}
		within(t, "closed", f.at.Sub(ping.at), limits.PongTimeout)
		if cause := ended(t, s); cause.Code != websocket.ClosePeerSilent || cause.ByPeer {
			t.Errorf("session ended with %+v", cause)
		}
		_ = conn.Close()
	})
}

func TestClientThatSendsIsNotPinged(t *testing.T) {
	limits := websocket.Limits{PingInterval: 25 * time.Second, PongTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	bubble(t, websocket.Options{Limits: limits}, func(t *testing.T, n *piping) {
		conn, s := n.client(t, "busy")
		got := frames(conn)
		for range 20 {
			<-time.After(20 * time.Second)
			send(t, conn, frame(fin|text, "ping"))
			if f := <-got; f.first != fin|text {
				t.Fatalf("frame %#x", f.first)
			}
		}
		if s.Context().Err() != nil || len(got) != 0 {
			t.Error("it was pinged or closed")
		}
		// What it is sent does not count: it may have gone nonetheless.
		for range 3 {
			<-time.After(10 * time.Second)
			_ = s.Send(websocket.Message{Type: "news"})
		}
		pinged := false
		for range 4 {
			f := <-got
			pinged = pinged || f.first == fin|ping
		}
		if !pinged {
			t.Error("sending to it kept it from being pinged")
		}
		_ = conn.Close()
	})
}

func TestIdleTimeout(t *testing.T) {
	limits := websocket.Limits{IdleTimeout: time.Minute}
	bubble(t, websocket.Options{Limits: limits}, func(t *testing.T, n *piping) {
		conn, s := n.client(t, "idle")
		got := frames(conn)
		<-time.After(59 * time.Second)
		send(t, conn, frame(fin|pong, ""))
		sent := time.Now()
		f := <-got
		if want := closeCode(websocket.ClosePeerSilent, "nothing was received in time"); f.first != fin|closing || f.payload != want {
			t.Errorf("frame %#x with %q", f.first, f.payload)
		}
		within(t, "closed", f.at.Sub(sent), limits.IdleTimeout)
		if cause := ended(t, s); cause.Code != websocket.ClosePeerSilent {
			t.Errorf("session ended with %+v", cause)
		}
		_ = conn.Close()
	})
}
