package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

// numbered is the message that a sender sends as its n-th.
func numbered(sender, n int) websocket.Message {
	return websocket.Message{Type: fmt.Sprint(sender), Content: fmt.Append(nil, n)}
}

// readNumbered reads a message made by numbered.
func readNumbered(t testing.TB, conn *client.Conn) (sender, n int) {
	t.Helper()
	text := read(t, conn)
	if _, err := fmt.Sscanf(text, `{"type":"%d","content":"%d`, &sender, &n); err != nil {
		t.Fatalf("%.100s: %v", text, err)
	}
	return sender, n
}

// inOrder reads the messages of all senders, and checks that each sender's
// come in order, none twice and none missing.
func inOrder(t testing.TB, conn *client.Conn, senders, each int) {
	t.Helper()
	next := make([]int, senders)
	for range senders * each {
		sender, n := readNumbered(t, conn)
		if n != next[sender] {
			t.Fatalf("of sender %d came %d in place %d", sender, n, next[sender])
		}
		next[sender]++
	}
}

func TestMessagesOfASenderKeepTheirOrder(t *testing.T) {
	const senders, each = 8, 1000
	limits := websocket.DefaultLimits()
	limits.OutboxMessages, limits.OutboxBytes = 2*senders*each, 16<<20
	n := serve(t, websocket.Options{Limits: limits})
	conn, other := n.connect(t, "1"), n.connect(t, "2")
	s := n.session(t, "1")
	deliver := func(target websocket.Target, m websocket.Message) error {
		_, err := n.manager.Deliver(target, m)
		return err
	}
	for _, way := range []struct {
		name     string
		send     func(i int, m websocket.Message) error
		messages int // that the other client gets
	}{
		{"send", func(_ int, m websocket.Message) error { return s.Send(m) }, 0},
		{"broadcast", func(_ int, m websocket.Message) error { return deliver(websocket.ToAll(), m) }, senders * each},
		{"both", func(i int, m websocket.Message) error {
			if i%2 == 0 {
				return s.Send(m)
			}
			return deliver(websocket.ToUserType(websocket.Admin), m)
		}, senders * each / 2},
	} {
		t.Run(way.name, func(t *testing.T) {
			var sending sync.WaitGroup
			for sender := range senders {
				sending.Go(func() {
					for i := range each {
						if err := way.send(i, numbered(sender, i)); err != nil {
							t.Errorf("message %d of sender %d: %v", i, sender, err)
						}
						if i%50 == 0 {
							runtime.Gosched()
						}
					}
				})
			}
			sending.Wait()
			// What comes last shows that nothing came twice.
			if err := deliver(websocket.ToAll(), websocket.Message{Type: "end"}); err != nil {
				t.Fatal(err)
			}
			inOrder(t, conn, senders, each)
			for range way.messages {
				read(t, other)
			}
			for _, conn := range []*client.Conn{conn, other} {
				if got := read(t, conn); !strings.Contains(got, `"end"`) {
					t.Errorf("behind the last message came %.100s", got)
				}
			}
		})
	}
}

// padded is numbered, with so much behind it that a client which takes nothing
// fills what the kernel holds for it soon.
func padded(n int) websocket.Message {
	m := numbered(0, n)
	m.Content = append(m.Content, strings.Repeat(" ", 32<<10)...)
	return m
}

func TestClientThatTakesNothingIsClosedAndDelaysNobody(t *testing.T) {
	limits := websocket.DefaultLimits()
	limits.WriteTimeout, limits.CloseTimeout = patience, patience
	limits.OutboxMessages = 10
	n := serve(t, websocket.Options{Limits: limits})
	stalled := n.connect(t, "stalled")
	s := n.session(t, "stalled")
	healthy := []*client.Conn{n.connect(t, "1"), n.connect(t, "2"), n.connect(t, "3")}
	taken := 0
	for i, more := 0, 10; more > 0; i++ {
		got, err := n.manager.Deliver(websocket.ToAll(), padded(i))
		if err != nil {
			t.Fatal(err)
		}
		if s.Context().Err() == nil {
			taken++
		} else {
			more--
		}
		if got < len(healthy) {
			t.Fatalf("message %d was taken by %d sessions", i, got)
		}
		for _, conn := range healthy {
			if _, number := readNumbered(t, conn); number != i {
				t.Fatalf("a healthy client got %d in place %d", number, i)
			}
		}
	}
	if cause := ended(t, s); cause.Code != websocket.CloseSlowConsumer || cause.ByPeer {
		t.Errorf("the stalled session ended with %v", cause)
	}
	if got := n.manager.Count(websocket.ToAll()); got != len(healthy) {
		t.Errorf("%d sessions are left, want %d", got, len(healthy))
	}
	if got := n.Stats().Dropped; got != 1 {
		t.Errorf("%d messages count as dropped, want 1", got)
	}
	// The client wakes: it gets whole frames, in order, and then the reason.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := 0; ; i++ {
		_, payload, err := stalled.Read(ctx)
		if err != nil {
			if client.CloseStatus(err) != client.StatusCode(websocket.CloseSlowConsumer) {
				t.Errorf("the client's connection ended with %v", err)
			}
			if i < taken-limits.OutboxMessages || i > taken {
				t.Errorf("the client got %d of %d messages", i, taken)
			}
			return
		}
		if want := fmt.Sprintf(`{"type":"0","content":"%d `, i); !strings.HasPrefix(string(payload), want) {
			t.Fatalf("in place %d came %.50s", i, payload)
		}
	}
}

func TestSlowConsumerDrop(t *testing.T) {
	limits := websocket.DefaultLimits()
	limits.WriteTimeout, limits.SlowConsumer = patience, websocket.SlowConsumerDrop
	limits.OutboxMessages = 10
	n := serve(t, websocket.Options{Limits: limits})
	conn := n.connect(t, "1")
	s := n.session(t, "1")
	sent, taken := 0, 0
	send := func(m websocket.Message) error {
		err := s.Send(m)
		if sent++; err == nil {
			taken++
		} else if !errors.Is(err, websocket.ErrSlowConsumer) {
			t.Error(err)
		}
		return err
	}
	for refused := 0; refused < 20; {
		if send(padded(sent)) != nil {
			refused++
		}
	}
	var ending sync.WaitGroup
	ending.Go(func() {
		for deadline := time.Now().Add(patience); send(websocket.Message{Type: "end"}) != nil; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Error("a client that reads again gets nothing")
				return
			}
		}
	})
	arrived := len(until(t, conn, "end")) + 1
	ending.Wait()
	if arrived != taken {
		t.Errorf("%d messages arrived, and %d were taken", arrived, taken)
	}
	if s.Context().Err() != nil {
		t.Errorf("the session ended: %v", context.Cause(s.Context()))
	}
	if dropped := n.Stats().Dropped; dropped != uint64(sent-taken) {
		t.Errorf("%d messages count as dropped, want %d", dropped, sent-taken)
	}
	write(t, conn, "ping")
	if got := read(t, conn); got != "pong" {
		t.Errorf("ping was answered %q", got)
	}
}

func TestSlowListenerDelaysItsOwnSessionOnly(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	n := serve(t, websocket.Options{Dispatcher: dispatcher(func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
		if m.Type == "slow" {
			close(entered)
			<-release
		}
		return echo(ctx, s, m)
	})})
	slow, quick := n.connect(t, "1"), n.connect(t, "2")
	write(t, slow, `{"type":"slow"}`)
	write(t, slow, `{"type":"behind"}`)
	<-entered
	for i := range 100 {
		frame := fmt.Sprintf(`{"type":"t","content":"%d"}`, i)
		write(t, quick, frame)
		if got := read(t, quick); got != frame {
			t.Fatalf("the echo of %s is %s", frame, got)
		}
	}
	// Even in the slow session, only its own messages wait.
	write(t, slow, "ping")
	if got := read(t, slow); got != "pong" {
		t.Errorf("ping was answered %q", got)
	}
	if got := deliver(t, n.manager, websocket.ToAll(), "news"); got != 2 {
		t.Errorf("%d sessions took a broadcast, want 2", got)
	}
	close(release)
	if got := until(t, slow, "behind"); len(got) != 2 || got[0] != "news" || got[1] != "slow" {
		t.Errorf("before the last answer came %v", got)
	}
}
