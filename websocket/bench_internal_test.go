package websocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// discardConn is a connection whose peer takes everything at once.
type discardConn struct{ net.Conn }

func (discardConn) Write(p []byte) (int, error) { return len(p), nil }
func (discardConn) Close() error                { return nil }
func (discardConn) SetDeadline(time.Time) error { return nil }

type noDispatcher struct{}

func (noDispatcher) Dispatch(context.Context, *Session, Message) error { return nil }

// benchSessions returns a manager with sessions of as many users, which write
// to nowhere.
func benchSessions(b testing.TB, count int) (*SessionManager, []*Session) {
	b.Helper()
	m := newManager(b)
	limits := DefaultLimits()
	limits.OutboxMessages, limits.OutboxBytes = 1<<30, 1<<40
	srv, err := NewServer(m, Options{
		Authenticator: func(*http.Request) (LoginUser, error) { return LoginUser{}, errors.New("nobody") },
		Dispatcher:    noDispatcher{},
		Limits:        limits,
	})
	if err != nil {
		b.Fatal(err)
	}
	sessions := make([]*Session, count)
	for i := range sessions {
		s := srv.newSession(benchUser(i), &srv.formats[0].format)
		s.conversation = JSON.Open(s)
		if err := m.add(s, &srv.limits); err != nil {
			b.Fatal(err)
		}
		s.connect(discardConn{})
		s.outbox.start(discardConn{})
		sessions[i] = s
	}
	b.Cleanup(func() {
		for _, s := range sessions {
			s.end(&CloseError{Code: CloseNormal}, true)
			s.outbox.wait()
			s.sever()
		}
		if err := srv.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return m, sessions
}

func benchUser(i int) LoginUser {
	return LoginUser{ID: fmt.Sprint(i), Type: Member, Tenant: fmt.Sprint("tenant", i%10)}
}

var benchMessage = Message{Type: "demo-message-receive", Content: []byte(`{"fromUserId":1024,"text":"Hello, how are you? \u4f60\u597d","single":true}`)}

func BenchmarkJSON(b *testing.B) {
	conversation := JSON.Open(nil)
	frame, err := conversation.AppendEncode(nil, benchMessage)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(frame)))
		for b.Loop() {
			_, _ = conversation.AppendEncode(frame[:0], benchMessage)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(frame)))
		payload := make([]byte, len(frame))
		for b.Loop() {
			copy(payload, frame) // which Receive owns
			if _, ok, err := conversation.Receive(payload); !ok || err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDeliver(b *testing.B) {
	m, sessions := benchSessions(b, 1000)
	for _, bench := range []struct {
		name   string
		target Target
	}{
		{"to 1000 sessions", ToAll()},
		{"to a tenant of 100", ToAll().InTenant("tenant1")},
		{"to a user", ToUser(Member, "500")},
		{"to a session", ToSession(sessions[7].id)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			taken := 0
			for b.Loop() {
				n, err := m.Deliver(bench.target, benchMessage)
				if err != nil {
					b.Fatal(err)
				}
				taken += n
			}
			for _, s := range sessions {
				s.outbox.wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(taken), "ns/session")
		})
	}
}

// BenchmarkOutbox pushes and drains batches, as a broadcast or a burst does.
func BenchmarkOutbox(b *testing.B) {
	frame := textOf(1, 200)
	for _, burst := range []int{1, 32, 256} {
		b.Run(fmt.Sprint(burst), func(b *testing.B) {
			o, _ := newOutbox(1<<30, 1<<40)
			o.start(discardConn{})
			b.ReportAllocs()
			for b.Loop() {
				for range burst {
					_ = o.push(frame)
				}
				o.wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/frame")
		})
	}
}

// BenchmarkTypeCounts is what counting adds to each Deliver and each dispatch.
func BenchmarkTypeCounts(b *testing.B) {
	c := newTypeCounts()
	for i := range MaxCountedTypes {
		c.count(fmt.Sprint(benchMessage.Type, i), true)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.count(benchMessage.Type, true)
	}
}
