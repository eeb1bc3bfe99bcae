package websocket_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

func TestReadTimeout(t *testing.T) {
	endless := announced(fin|text, 60000) + strings.Repeat("a", 60000)
	for name, test := range map[string]struct {
		whole string // arrives at once, before
		bytes string // arrive one a second
	}{
		"a frame":                          {"", endless},
		"a frame behind one that is whole": {frame(fin|text, "ping"), endless},
		"fragments":                        {"", frame(text, "a") + strings.Repeat(frame(continuation, "b"), 20)},
		"empty fragments":                  {"", frame(text, "") + strings.Repeat(frame(continuation, ""), 20)},
		"pings inside a message":           {"", frame(text, "a") + strings.Repeat(frame(fin|ping, ""), 20)},
	} {
		t.Run(name, func(t *testing.T) {
			limits := websocket.Limits{ReadTimeout: 10 * time.Second}
			bubble(t, websocket.Options{Limits: limits}, func(t *testing.T, n *piping) {
				conn, s := n.client(t, "slow")
				got := frames(conn)
				send(t, conn, test.whole)
				begun := time.Now()
				go func() {
					for i := 0; s.Context().Err() == nil; i++ {
						_, _ = io.WriteString(conn, test.bytes[i:i+1])
						select {
						case <-s.Context().Done():
						case <-time.After(time.Second):
						}
					}
				}()
				f := <-got
				for f.first != fin|closing {
					f = <-got
				}
				if want := closeCode(websocket.CloseReadTimeout, "message was not finished in time"); f.payload != want {
					t.Errorf("frame %#x with %q", f.first, f.payload)
				}
				within(t, "closed", f.at.Sub(begun), limits.ReadTimeout)
				if cause := ended(t, s); cause.Code != websocket.CloseReadTimeout || cause.ByPeer {
					t.Errorf("session ended with %+v", cause)
				}
				_ = conn.Close()
			})
		})
	}
}

// A message may take as long as the read timeout, each time again.
func TestSlowClientWithinTheReadTimeout(t *testing.T) {
	limits := websocket.Limits{ReadTimeout: 10 * time.Second}
	bubble(t, websocket.Options{Limits: limits}, func(t *testing.T, n *piping) {
		conn, _ := n.client(t, "slow")
		got := frames(conn)
		for range 10 {
			for _, part := range []string{frame(text, "p"), frame(continuation, "in")[:3], frame(continuation, "in")[3:], frame(fin|continuation, "g")} {
				send(t, conn, part)
				<-time.After(3 * time.Second)
			}
			if f := <-got; f.payload != "pong" {
				t.Fatalf("frame %#x with %q", f.first, f.payload)
			}
		}
		_ = conn.Close()
	})
}

func TestLoginExpires(t *testing.T) {
	const lifetime = 10 * time.Minute
	options := websocket.Options{Authenticator: func(*http.Request) (websocket.LoginUser, error) {
		return websocket.LoginUser{ID: "guest", Type: websocket.Admin, ExpiresAt: time.Now().Add(lifetime)}, nil
	}}
	bubble(t, options, func(t *testing.T, n *piping) {
		conn, s := n.client(t, "guest")
		got := frames(conn)
		f := <-got
		if want := closeCode(websocket.CloseLoginExpired, "login expired"); f.first != fin|closing || f.payload != want {
			t.Errorf("frame %#x with %q", f.first, f.payload)
		}
		within(t, "closed", f.at.Sub(n.start), lifetime)
		if cause := ended(t, s); cause.Code != websocket.CloseLoginExpired || cause.ByPeer {
			t.Errorf("session ended with %+v", cause)
		}
		_ = conn.Close()
	})
}

// A client that takes nothing: what was being written fails its session after
// the write timeout, at the most an eighth of a second late here.
func TestWriteTimeout(t *testing.T) {
	limits := websocket.Limits{WriteTimeout: 5 * time.Second, PingInterval: 500 * time.Millisecond, PongTimeout: time.Hour}
	bubble(t, websocket.Options{Limits: limits}, func(t *testing.T, n *piping) {
		_, s := n.client(t, "stalled")
		begun := time.Now()
		if err := s.Send(websocket.Message{Type: "news"}); err != nil {
			t.Fatal(err)
		}
		if cause := ended(t, s); cause.Code != websocket.CloseWriteTimeout || cause.ByPeer {
			t.Errorf("session ended with %+v", cause)
		}
		within(t, "closed", time.Since(begun), limits.WriteTimeout)
		synctest.Wait() // the server's side of it has ended at once, too
		if got := n.Stats().Closed[websocket.CloseWriteTimeout]; got != 1 {
			t.Errorf("%d sessions were closed", got)
		}
	})
}

// A client that takes nothing and whose outbox overflows cannot be told so; it
// is cut after the close timeout.
func TestSlowConsumerIsCut(t *testing.T) {
	limits := websocket.Limits{CloseTimeout: 2 * time.Second}
	bubble(t, websocket.Options{Limits: limits}, func(t *testing.T, n *piping) {
		conn, s := n.client(t, "slow")
		var err error
		for err == nil {
			err = s.Send(websocket.Message{Type: "news", Content: make([]byte, 1000)})
		}
		if !errors.Is(err, websocket.ErrSlowConsumer) {
			t.Errorf("sending fails with %v", err)
		}
		if cause := ended(t, s); cause.Code != websocket.CloseSlowConsumer || cause.ByPeer {
			t.Errorf("session ended with %+v", cause)
		}
		begun := time.Now()
		<-time.After(limits.CloseTimeout - 1)
		synctest.Wait()
		if len(n.Stats().Closed) != 0 {
			t.Error("it was cut too early")
		}
		<-time.After(1)
		synctest.Wait()
		if n.Stats().Closed[websocket.CloseSlowConsumer] != 1 || time.Since(begun) != limits.CloseTimeout {
			t.Errorf("it was not cut after %s: %v", time.Since(begun), n.Stats().Closed)
		}
		_ = conn.Close()
	})
}

// A client that does not answer the close frame, whether it goes on to send or
// not, is cut after the close timeout.
func TestClientThatIgnoresTheCloseIsCut(t *testing.T) {
	limits := websocket.Limits{CloseTimeout: 2 * time.Second}
	for name, sends := range map[string]string{
		"sends nothing":  "",
		"sends messages": frame(fin|text, message("more")),
		"sends pings":    frame(fin|ping, ""),
		"sends garbage":  "\xff",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, websocket.Options{Limits: limits}, func(t *testing.T, n *piping) {
				conn, s := n.client(t, "stubborn")
				got := frames(conn)
				s.Close(websocket.CloseKicked, "logged out")
				begun := time.Now()
				if f := <-got; f.first != fin|closing || f.payload != closeCode(websocket.CloseKicked, "logged out") {
					t.Errorf("frame %#x with %q", f.first, f.payload)
				}
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					for err := error(nil); err == nil && sends != ""; {
						<-time.After(100 * time.Millisecond)
						_, err = io.WriteString(conn, sends)
					}
				}()
				if f, open := <-got; open {
					t.Errorf("frame %#x with %q follows the close frame", f.first, f.payload)
				}
				if passed := time.Since(begun); passed != limits.CloseTimeout {
					t.Errorf("it was cut after %s", passed)
				}
				<-stopped
				synctest.Wait()
				if stats := n.Stats(); stats.Closed[websocket.CloseKicked] != 1 || stats.Received != 0 {
					t.Errorf("the counters are %+v", stats)
				}
			})
		})
	}
}

// The same over TCP, where the close frame must arrive and the connection of a
// client that does not read must end all the same.
func TestTimeoutsOverTCP(t *testing.T) {
	const short = 30 * time.Millisecond
	for _, test := range []struct {
		name   string
		limits func(*websocket.Limits)
		send   string
		code   websocket.CloseCode
		reason string
	}{
		{"message not finished", func(l *websocket.Limits) { l.ReadTimeout = short }, frame(text, "a"), websocket.CloseReadTimeout, "message was not finished in time"},
		{"ping not answered", func(l *websocket.Limits) { l.PingInterval, l.PongTimeout = short, short }, "", websocket.ClosePeerSilent, "nothing was received in time"},
		{"idle", func(l *websocket.Limits) { l.IdleTimeout = short }, "", websocket.ClosePeerSilent, "nothing was received in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			limits := small()
			limits.CloseTimeout = short // it does not answer the close frame either
			test.limits(&limits)
			n := serve(t, websocket.Options{Limits: limits})
			conn := n.raw(t, "hostile")
			s := n.session(t, "hostile")
			send(t, conn, test.send)
			if got := farewell(t, conn); got.code != test.code || got.reason != test.reason {
				t.Errorf("the client was told %d %q", got.code, got.reason)
			}
			if cause := ended(t, s); cause.Code != test.code || cause.Reason != test.reason || cause.ByPeer {
				t.Errorf("session ended with %+v", cause)
			}
			n.raw(t, "other")
		})
	}
}

func TestClientThatNeverReadsIsCutOverTCP(t *testing.T) {
	const short = 500 * time.Millisecond // which the witness must not meet
	for _, test := range []struct {
		name   string
		limits func(*websocket.Limits)
		code   websocket.CloseCode
		reason string
	}{
		{"slow consumer", func(l *websocket.Limits) { l.CloseTimeout = short }, websocket.CloseSlowConsumer, "outbox is full"},
		{"write timeout", func(l *websocket.Limits) { l.WriteTimeout = short; l.SlowConsumer = websocket.SlowConsumerDrop }, websocket.CloseWriteTimeout, "client takes nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			limits := small()
			test.limits(&limits)
			a := newArena(t, websocket.Options{Limits: limits})
			conn := a.raw(t, "hostile")
			s := a.session(t, "hostile")
			flood := websocket.Message{Type: "news", Content: []byte(strings.Repeat("x", 60<<10))}
			for err := error(nil); !errors.Is(err, websocket.ErrSessionClosed); {
				err = s.Send(flood)
			}
			a.over(t, s, test.code, test.reason, false)
			_ = conn.Close()
		})
	}
}

// Clients that are gone, or half gone, while much is being sent to them.
func TestClientLeavesInTheMiddleOfASend(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn) error{
		"reset": func(conn *net.TCPConn) error {
			_ = conn.SetLinger(0)
			return conn.Close()
		},
		"end without a close frame": (*net.TCPConn).CloseWrite,
		"close with unread frames":  (*net.TCPConn).Close,
	} {
		t.Run(name, func(t *testing.T) {
			limits := small()
			limits.OutboxBytes = 32 << 20 // more than the kernel takes
			a := newArena(t, websocket.Options{Limits: limits})
			conn := a.raw(t, "leaver")
			s := a.session(t, "leaver")
			flood := websocket.Message{Type: "news", Content: []byte(strings.Repeat("x", 60<<10))}
			for range 400 {
				if err := s.Send(flood); err != nil {
					t.Fatal(err)
				}
			}
			if first, _ := next(t, conn); first != fin|text {
				t.Fatalf("frame %#x", first)
			}
			if err := leave(conn.(*net.TCPConn)); err != nil {
				t.Fatal(err)
			}
			if cause := a.over(t, s, websocket.CloseAbnormal, "", true); cause.Err == nil || !errors.Is(cause, websocket.ErrSessionClosed) {
				t.Errorf("session ended with %+v", cause)
			}
			if !errors.Is(context.Cause(s.Context()), websocket.ErrSessionClosed) {
				t.Error("the context's cause is not ErrSessionClosed")
			}
		})
	}
}
