package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

// openFiles counts this process's file descriptors; it is -1 where the system
// does not tell.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

// Connections come, bind, send, receive and go in every way at once. What is
// left in the end must be nothing: no session, no entry of an index, no
// goroutine (TestMain looks), no file.
func TestChurn(t *testing.T) {
	duration := 10 * time.Second
	if testing.Short() {
		duration = time.Second
	}
	files := openFiles()
	// The inner test ends when its cleanups have run.
	t.Run("come and go", func(t *testing.T) { churn(t, duration) })
	if got := openFiles(); got != files {
		t.Errorf("%d files were open before and %d are after", files, got)
	}
}

func churn(t *testing.T, duration time.Duration) {
	const workers, users, keys = 200, 40, 20
	var opened, closed, refused, present atomic.Int64
	limits := websocket.DefaultLimits()
	limits.MaxSessionsPerUser = 8
	n := serve(t, websocket.Options{
		Limits: limits,
		OnOpen: func(s *websocket.Session) { opened.Add(1) },
		OnClose: func(s *websocket.Session) {
			closed.Add(1)
			if s.Context().Err() == nil {
				t.Error("OnClose came before the session's end")
			}
		},
		Dispatcher: dispatcher(func(_ context.Context, s *websocket.Session, m websocket.Message) error {
			// The session may end meanwhile, which is no failure here.
			_ = s.Bind(string(m.Content))
			_ = s.Send(m)
			return nil
		}),
	})
	n.manager.Watch(func(_ websocket.Target, there bool) {
		if there {
			present.Add(1)
		} else {
			present.Add(-1)
		}
	})
	stop := time.Now().Add(duration)
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 3))
			for time.Now().Before(stop) {
				visit(t, n, random, fmt.Sprint(random.IntN(users)), fmt.Sprint(random.IntN(keys)), &refused)
			}
		})
	}
	// Meanwhile others send to all of them, count them and end some.
	for worker := range 4 {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 4))
			for time.Now().Before(stop) {
				target := []websocket.Target{
					websocket.ToAll(), websocket.ToUserType(websocket.Admin),
					websocket.ToUser(websocket.Admin, fmt.Sprint(random.IntN(users))), websocket.ToKey(fmt.Sprint(random.IntN(keys))),
				}[random.IntN(4)]
				if _, err := n.manager.Deliver(target, websocket.Message{Type: "news"}); err != nil {
					t.Errorf("deliver: %v", err)
				}
				for s := range n.manager.Sessions(target) {
					if random.IntN(100) == 0 {
						s.Close(websocket.CloseKicked, "")
					}
					for _, key := range s.Keys() {
						if random.IntN(50) == 0 {
							s.Unbind(key)
						}
					}
				}
				n.manager.CountByType()
				<-time.After(time.Millisecond)
			}
		})
	}
	running.Wait()

	n.http.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	stats := n.Stats()
	t.Logf("%d sessions, %d refused, closed by code: %v", stats.Opened, refused.Load(), stats.Closed)
	if sessions, scopes, groups := n.manager.Leftovers(); sessions+scopes+groups != 0 || n.manager.Count(websocket.ToAll()) != 0 {
		t.Errorf("left are %d sessions, %d scopes, %d groups and a count of %d", sessions, scopes, groups, n.manager.Count(websocket.ToAll()))
	}
	if present.Load() != 0 {
		t.Errorf("watchers believe in %d users and keys", present.Load())
	}
	var ended uint64
	for _, count := range stats.Closed {
		ended += count
	}
	if opened.Load() != closed.Load() || uint64(opened.Load()) != stats.Opened || ended != stats.Opened {
		t.Errorf("sessions: %d counted, %d closed by code, %d opened and %d closed by the hooks", stats.Opened, ended, opened.Load(), closed.Load())
	}
	if stats.Panics != 0 {
		t.Errorf("%d panics", stats.Panics)
	}
	if stats.Opened < workers {
		t.Errorf("only %d sessions came", stats.Opened)
	}
}

// visit is one connection of a user, who binds its session to key and leaves in
// one of the ways that there are.
func visit(t *testing.T, n *node, random *rand.Rand, user, key string, refused *atomic.Int64) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, answer, err := client.Dial(ctx, n.url(user), nil)
	if err != nil {
		if answer == nil || answer.StatusCode != http.StatusTooManyRequests {
			t.Errorf("dial: %v", err)
		}
		refused.Add(1)
		return
	}
	defer conn.CloseNow()
	frame := fmt.Sprintf(`{"type":"mine","content":"%s"}`, key)
	sent := random.IntN(4)
	for range sent {
		if conn.Write(ctx, client.MessageText, []byte(frame)) != nil {
			return // ended by the others
		}
	}
	switch random.IntN(4) {
	case 0: // at once, with all that was sent on its way
	case 1:
		_ = conn.Close(client.StatusNormalClosure, "")
	case 2:
		_ = conn.Write(ctx, client.MessageBinary, nil) // which is answered with a close frame
		fallthrough
	default:
		for echoes := 0; echoes < sent; {
			_, got, err := conn.Read(ctx)
			if err != nil {
				if errors.Is(err, context.DeadlineExceeded) {
					t.Error("a client waits for an answer in vain")
				}
				return
			}
			switch text := string(got); text {
			case frame:
				echoes++
			case `{"type":"news","content":""}`:
			default:
				t.Errorf("a client got %s", text)
			}
		}
	}
}

// A handshake that is under way when Shutdown is called must not become a
// session that nobody ends.
func TestHandshakeDuringShutdown(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	n := serve(t, websocket.Options{Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
		if r.URL.Query().Get("user") == "late" {
			close(entered)
			<-release
		}
		return userFromQuery(r)
	}})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var late, shut error
	var running sync.WaitGroup
	running.Go(func() {
		conn, _, err := client.Dial(ctx, n.url("late"), nil)
		if late = err; err == nil {
			_, _, late = conn.Read(ctx)
			_ = conn.CloseNow()
		}
	})
	<-entered
	running.Go(func() { shut = n.Shutdown(ctx) })
	for status := 0; status != http.StatusServiceUnavailable; {
		answer, err := http.Get(n.http.URL)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		status = answer.StatusCode
	}
	close(release)
	running.Wait()
	if shut != nil {
		t.Errorf("shutdown: %v", shut)
	}
	if late == nil || errors.Is(late, context.DeadlineExceeded) {
		t.Errorf("the late client was told %v", late)
	}
	if got := n.manager.Count(websocket.ToAll()); got != 0 {
		t.Errorf("%d sessions are left", got)
	}
}
