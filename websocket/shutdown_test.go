package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
	"go.uber.org/goleak"
)

// shutdown begins to shut n down; the result is sent when it is.
func (n *node) shutdown(t testing.TB) <-chan error {
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	go func() {
		defer cancel()
		done <- n.Shutdown(ctx)
	}()
	return done
}

// awaitDraining returns when Shutdown has begun, which is when handshakes are refused.
func (n *node) awaitDraining(t testing.TB) {
	t.Helper()
	for {
		answer, err := n.http.Client().Do(upgrade(t, n.http.URL+"/")) // of nobody
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			return
		}
	}
}

// While it waits for a listener, a server refuses new clients and lets the old
// ones have all they are due, in order, and then the close frame.
func TestShutdownFinishesWhatIsUnderWay(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	n := serve(t, websocket.Options{Limits: small(), Dispatcher: dispatcher(func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
		if m.Type == "block" {
			close(entered)
			<-release
		}
		return echo(ctx, s, m)
	})})
	conn := n.raw(t, "1")
	s := n.session(t, "1")
	send(t, conn, frame(fin|text, typedMessage("block"))+frame(fin|text, typedMessage("received"))+frame(fin|ping, ""))
	await(t, entered)
	if first, _ := next(t, conn); first != fin|pong {
		t.Fatalf("frame %#x", first)
	}
	done := n.shutdown(t)
	n.awaitDraining(t)

	answer, err := n.http.Client().Do(upgrade(t, n.http.URL+"/?user=2"))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, answer, 503, "draining")
	if answer.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
	}
	if s.Context().Err() != nil {
		t.Error("the session ended before its listener")
	}
	if err := s.Send(websocket.Message{Type: "queued"}); err != nil {
		t.Error(err)
	}
	close(release)
	send(t, conn, frame(fin|text, "ping")) // is answered or not, but in no case after the close frame
	got := politeFarewell(t, conn)
	texts := strings.Join(slices.DeleteFunc(got.texts, func(text string) bool { return text == "pong" }), " ")
	if want := typedMessage("queued") + " " + typedMessage("block") + " " + typedMessage("received"); texts != want {
		t.Errorf("received %s, want %s", texts, want)
	}
	if got.code != websocket.CloseGoingAway || got.reason != "server is shutting down" {
		t.Errorf("the client was told %d %q", got.code, got.reason)
	}
	_ = conn.Close()
	if err := await(t, done); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if cause := ended(t, s); cause.Code != websocket.CloseGoingAway || cause.ByPeer {
		t.Errorf("session ended with %+v", cause)
	}
}

func TestShutdownSendsWhatIsQueued(t *testing.T) {
	const messages = 500
	limits := small()
	limits.OutboxBytes = 32 << 20
	n := serve(t, websocket.Options{Limits: limits})
	conn := n.raw(t, "1")
	s := n.session(t, "1")
	padding := strings.Repeat("x", 40<<10) // in all more than the kernel takes
	for i := range messages {
		if err := s.Send(websocket.Message{Type: fmt.Sprint(i), Content: []byte(padding)}); err != nil {
			t.Fatal(err)
		}
	}
	done := n.shutdown(t)
	n.awaitDraining(t)
	got := politeFarewell(t, conn)
	_ = conn.Close()
	if err := await(t, done); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if len(got.texts) != messages || got.code != websocket.CloseGoingAway {
		t.Errorf("the client got %d messages and was told %d", len(got.texts), got.code)
	}
	for i, text := range got.texts {
		if !strings.HasPrefix(text, fmt.Sprintf(`{"type":"%d",`, i)) {
			t.Fatalf("message %d is %.50s", i, text)
		}
	}
}

// A listener that does not return holds up its session for the close timeout,
// and Shutdown until its context ends.
func TestShutdownWithABlockedListener(t *testing.T) {
	release := make(chan struct{})
	blocks := dispatcher(func(context.Context, *websocket.Session, websocket.Message) error {
		<-release
		return nil
	})
	limits := websocket.Limits{CloseTimeout: 2 * time.Second}
	bubble(t, websocket.Options{Limits: limits, Dispatcher: blocks}, func(t *testing.T, n *piping) {
		release = make(chan struct{})
		conn, s := n.client(t, "1")
		got := frames(conn)
		send(t, conn, frame(fin|text, message("1")))
		synctest.Wait() // it has reached the listener
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := n.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 10*time.Second {
			t.Errorf("shutdown: %v after %s", err, time.Since(begun))
		}
		f := <-got
		if f.first != fin|closing || f.payload != closeCode(websocket.CloseGoingAway, "server is shutting down") || f.at.Sub(begun) != limits.CloseTimeout {
			t.Errorf("frame %#x with %q after %s", f.first, f.payload, f.at.Sub(begun))
		}
		if _, open := <-got; open {
			t.Error("a frame follows the close frame")
		}
		if cause := ended(t, s); cause.Code != websocket.CloseGoingAway {
			t.Errorf("session ended with %+v", cause)
		}
		close(release)
	})
}

// When the context ends before the close timeout, connections are cut.
func TestShutdownCutsAtTheEndOfItsContext(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	limits := small()
	limits.CloseTimeout = 10 * patience
	n := serve(t, websocket.Options{Limits: limits, Dispatcher: dispatcher(func(context.Context, *websocket.Session, websocket.Message) error {
		close(entered)
		<-release
		return nil
	})})
	conn := n.raw(t, "1")
	s := n.session(t, "1")
	send(t, conn, frame(fin|text, message("1")))
	await(t, entered)
	stubborn := n.raw(t, "2") // is told to go and does not
	n.session(t, "2").Close(websocket.CloseKicked, "")
	if first, _ := next(t, stubborn); first != fin|closing {
		t.Errorf("frame %#x", first)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	for name, conn := range map[string]net.Conn{"one whose listener blocks": conn, "one that ignores the close frame": stubborn} {
		for {
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			if _, _, err := receiveFrame(conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s was not cut", name)
				break
			} else if err != nil {
				break
			}
		}
	}
	if cause := ended(t, s); cause.Code != websocket.CloseGoingAway {
		t.Errorf("session ended with %+v", cause)
	}
	close(release)
	n.stop(t) // a second Shutdown waits for the rest
}

func TestShutdownWaitsForHandshakes(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	n := serve(t, websocket.Options{Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
		if r.URL.Query().Get("user") == "slow" {
			close(entered)
			<-release
		}
		return userFromQuery(r)
	}})
	status := make(chan int, 1)
	slow := upgrade(t, n.http.URL+"/?user=slow")
	go func() {
		answer, err := n.http.Client().Do(slow)
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		_ = answer.Body.Close()
		status <- answer.StatusCode
	}()
	await(t, entered)
	done := n.shutdown(t)
	n.awaitDraining(t)
	select {
	case err := <-done:
		t.Errorf("shutdown returned %v during a handshake", err)
	default:
	}
	close(release)
	if got := await(t, status); got != 503 {
		t.Errorf("the handshake was answered with %d", got)
	}
	if err := await(t, done); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestShutdownTwice(t *testing.T) {
	n := serve(t, websocket.Options{})
	conn := n.connect(t, "1")
	first, second := n.shutdown(t), n.shutdown(t)
	if _, _, err := conn.Read(t.Context()); client.CloseStatus(err) != client.StatusGoingAway {
		t.Errorf("the client was told %v", err)
	}
	for _, done := range []<-chan error{first, second, n.shutdown(t)} {
		if err := await(t, done); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	}
	if got := n.Stats().Closed[websocket.CloseGoingAway]; got != 1 {
		t.Errorf("the session was closed %d times", got)
	}
}

func TestShutdownWithClientsThatNeverRead(t *testing.T) {
	limits := small()
	limits.CloseTimeout = 100 * time.Millisecond
	limits.OutboxBytes = 32 << 20
	n := serve(t, websocket.Options{Limits: limits})
	for i := range 10 {
		n.raw(t, fmt.Sprint(i))
	}
	flood := websocket.Message{Type: "news", Content: []byte(strings.Repeat("x", 60<<10))}
	for range 400 {
		if taken, err := n.manager.Deliver(websocket.ToAll(), flood); taken != 10 || err != nil {
			t.Fatalf("%d took it, %v", taken, err)
		}
	}
	if err := await(t, n.shutdown(t)); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if got := n.Stats().Closed[websocket.CloseGoingAway]; got != 10 {
		t.Errorf("%d sessions were closed", got)
	}
}

// All of many clients are told, and nothing is left of them.
func TestShutdownWithManySessions(t *testing.T) {
	const clients = 500
	files, others := openFiles(), goleak.IgnoreCurrent()
	t.Run("sessions", func(t *testing.T) {
		n := serve(t, websocket.Options{})
		conns := make([]*client.Conn, clients)
		for i := range conns {
			conns[i] = n.connect(t, fmt.Sprint(i))
		}
		done := n.shutdown(t)
		for i, conn := range conns {
			if _, _, err := conn.Read(t.Context()); client.CloseStatus(err) != client.StatusGoingAway {
				t.Errorf("client %d was told %v", i, err)
			}
		}
		if err := await(t, done); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if stats := n.Stats(); stats.Opened != clients || stats.Closed[websocket.CloseGoingAway] != clients {
			t.Errorf("the counters are %+v", stats)
		}
		if sessions, scopes, groups := n.manager.Leftovers(); sessions+scopes+groups != 0 {
			t.Errorf("the indexes hold %d sessions, %d scopes and %d groups", sessions, scopes, groups)
		}
	})
	goleak.VerifyNone(t, others)
	if got := openFiles(); got > files {
		t.Errorf("%d files are open, %d were before", got, files)
	}
}
