package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

// typedMessage returns the JSON of a message.
func typedMessage(messageType string) string { return `{"type":"` + messageType + `","content":""}` }

// failure returns the error message that answers a message.
func failure(code websocket.ErrorCode, messageType, detail string) string {
	text := `{\"code\":\"` + string(code) + `\"`
	if messageType != "" {
		text += `,\"type\":\"` + messageType + `\"`
	}
	if detail != "" {
		text += `,\"detail\":\"` + detail + `\"`
	}
	return `{"type":"error","content":"` + text + `}"}`
}

func TestFailingListener(t *testing.T) {
	for _, test := range []struct {
		name   string
		fail   func() error
		answer string
		code   websocket.ErrorCode
		panics uint64
		logged string // empty where it is not an operator's business
	}{
		{"panics", func() error { panic("boom") }, failure("listener_failed", "bad", ""), websocket.CodeListenerFailed, 1, "panic: boom"},
		{"panics with an error", func() error { panic(errors.New("boom")) }, failure("listener_failed", "bad", ""), websocket.CodeListenerFailed, 1, "panic: boom"},
		{"reads past the end", func() error { return errors.New(strings.Split("one", ",")[1]) }, failure("listener_failed", "bad", ""), websocket.CodeListenerFailed, 1, "index out of range"},
		{"returns an error", func() error { return errors.New("boom") }, failure("listener_failed", "bad", ""), websocket.CodeListenerFailed, 0, "boom"},
		{"returns a code", func() error { return &websocket.MessageError{Code: websocket.CodeUnknownType, Err: errors.New("boom")} }, failure("unknown_type", "bad", ""), websocket.CodeUnknownType, 0, ""},
		{"returns a wrapped code", func() error {
			return fmt.Errorf("outer: %w", &websocket.MessageError{Code: websocket.CodeInvalidContent, Detail: "no name", Err: errors.New("boom")})
		}, failure("invalid_content", "bad", "no name"), websocket.CodeInvalidContent, 0, ""},
		{"returns a code of its own", func() error { return &websocket.MessageError{Code: "out_of_stock"} }, failure("out_of_stock", "bad", ""), websocket.CodeListenerFailed, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log logbook
			a := newArena(t, websocket.Options{Logger: log.logger(), Dispatcher: dispatcher(func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
				if m.Type == "bad" {
					return test.fail()
				}
				return echo(ctx, s, m)
			})})
			conn := a.connect(t, "1")
			write(t, conn, typedMessage("bad"))
			if got := read(t, conn); got != test.answer {
				t.Errorf("the client was told %s, want %s", got, test.answer)
			}
			write(t, conn, typedMessage("good"))
			if got := read(t, conn); got != typedMessage("good") {
				t.Errorf("received %s", got)
			}
			stats := a.Stats()
			if stats.Errors[test.code] != 1 || len(stats.Errors) != 1 || stats.Panics != test.panics || len(stats.Closed) != 0 {
				t.Errorf("the counters are %+v", stats)
			}
			lines := log.at(slog.LevelError)
			if test.logged == "" {
				if len(lines) != 0 {
					t.Errorf("logged %v", lines)
				}
				return
			}
			if len(lines) != 1 || lines[0]["type"] != "bad" || lines[0]["session"] != a.session(t, "1").ID() || lines[0]["user"] != "1" || !strings.Contains(lines[0]["error"].(string), test.logged) {
				t.Fatalf("logged %v", lines)
			}
			if stack, _ := lines[0]["stack"].(string); (test.panics > 0) != strings.Contains(stack, "faults_test.go") {
				t.Errorf("the stack is %q", stack)
			}
		})
	}
}

// A session whose listener blocks gets pongs, and the others all they are due.
func TestBlockedListener(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	a := newArena(t, websocket.Options{Limits: small(), Dispatcher: dispatcher(func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
		if m.Type == "block" {
			close(entered)
			<-release
		}
		return echo(ctx, s, m)
	})})
	conn := a.raw(t, "1")
	send(t, conn, frame(fin|text, typedMessage("block"))+frame(fin|text, typedMessage("later")))
	await(t, entered)
	send(t, conn, frame(fin|ping, "1")+frame(fin|text, "ping"))
	var answers []string
	for range 2 {
		_, payload := next(t, conn)
		answers = append(answers, payload)
	}
	if got := strings.Join(answers, " "); got != "1 pong" && got != "pong 1" {
		t.Errorf("the pings were answered with %s", got)
	}
	write(t, a.witness, message("not held up"))
	if got := read(t, a.witness); got != message("not held up") {
		t.Errorf("the witness got %s", got)
	}
	if _, err := a.manager.Deliver(websocket.ToUser(websocket.Admin, "1"), websocket.Message{Type: "news"}); err != nil {
		t.Error(err)
	}
	close(release)
	for _, want := range []string{typedMessage("news"), typedMessage("block"), typedMessage("later")} {
		if _, got := next(t, conn); got != want {
			t.Errorf("received %s, want %s", got, want)
		}
	}
}

// A listener that gives up because its client has left has not failed.
func TestInterruptedListenerIsNotLogged(t *testing.T) {
	var log logbook
	entered := make(chan struct{})
	a := newArena(t, websocket.Options{Logger: log.logger(), Dispatcher: dispatcher(func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
		if m.Type != "wait" {
			return echo(ctx, s, m)
		}
		close(entered)
		<-ctx.Done()
		return fmt.Errorf("query: %w", ctx.Err())
	})})
	conn := a.connect(t, "1")
	s := a.session(t, "1")
	write(t, conn, typedMessage("wait"))
	await(t, entered)
	if err := conn.Close(client.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	a.over(t, s, websocket.CloseNormal, "", true)
	if lines := log.at(slog.LevelError); len(lines) != 0 {
		t.Errorf("logged %v", lines)
	}
}

func TestSuppressErrors(t *testing.T) {
	n := serve(t, websocket.Options{SuppressErrors: true, Dispatcher: dispatcher(func(context.Context, *websocket.Session, websocket.Message) error { return errors.New("boom") })})
	conn := n.connect(t, "1")
	write(t, conn, "not JSON")
	write(t, conn, message("1"))
	s := n.session(t, "1")
	if err := conn.Close(client.StatusNormalClosure, ""); err != nil { // which no frame came before
		t.Error(err)
	}
	ended(t, s)
	n.stop(t)
	if stats := n.Stats(); stats.Sent != 0 || stats.Errors[websocket.CodeInvalidMessage] != 1 || stats.Errors[websocket.CodeListenerFailed] != 1 {
		t.Errorf("the counters are %+v", stats)
	}
}

func TestInboxRefusesWhatItCannotHold(t *testing.T) {
	for name, limit := range map[string]func(*websocket.Limits){
		"messages": func(l *websocket.Limits) { l.InboxMessages = 2 },
		"bytes":    func(l *websocket.Limits) { l.InboxBytes = len("good") * 2 },
	} {
		t.Run(name, func(t *testing.T) {
			limits := small()
			limit(&limits)
			entered, release := make(chan struct{}), make(chan struct{})
			a := newArena(t, websocket.Options{Limits: limits, Dispatcher: dispatcher(func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
				if m.Type == "block" {
					close(entered)
					<-release
				}
				return echo(ctx, s, m)
			})})
			conn := a.raw(t, "1")
			send(t, conn, frame(fin|text, typedMessage("block")))
			await(t, entered)
			send(t, conn, strings.Repeat(frame(fin|text, typedMessage("good")), 2)+frame(fin|text, typedMessage("more")))
			if _, got := next(t, conn); got != failure(websocket.CodeBusy, "more", "too many messages wait to be handled") {
				t.Errorf("the client was told %s", got)
			}
			if got := a.Stats().Errors[websocket.CodeBusy]; got != 1 {
				t.Errorf("%d messages were counted", got)
			}
			close(release)
			for _, want := range []string{typedMessage("block"), typedMessage("good"), typedMessage("good")} {
				if _, got := next(t, conn); got != want {
					t.Errorf("received %s, want %s", got, want)
				}
			}
		})
	}
}

func TestOpenAndCloseFrameTheMessages(t *testing.T) {
	for _, panics := range []bool{false, true} {
		t.Run(fmt.Sprintf("panics %t", panics), func(t *testing.T) {
			var (
				mu    sync.Mutex
				steps []string
				log   logbook
			)
			step := func(s *websocket.Session, name string) {
				mu.Lock()
				defer mu.Unlock()
				if s.User().ID == "1" {
					steps = append(steps, name)
				}
			}
			received, ended := make(chan struct{}), make(chan struct{})
			n := serve(t, websocket.Options{
				Logger: log.logger(),
				OnOpen: func(s *websocket.Session) {
					<-received // so that messages wait already
					step(s, "open")
					if panics {
						panic("boom")
					}
				},
				OnClose: func(s *websocket.Session) {
					step(s, "close")
					defer close(ended)
					if s.Context().Err() == nil {
						t.Error("OnClose is called while the session lasts")
					}
					if panics {
						panic("boom")
					}
				},
				Dispatcher: dispatcher(func(_ context.Context, s *websocket.Session, m websocket.Message) error {
					step(s, m.Type)
					return nil
				}),
			})
			conn := n.raw(t, "1")
			send(t, conn, frame(fin|text, typedMessage("a"))+frame(fin|text, typedMessage("b"))+frame(fin|ping, ""))
			if first, _ := next(t, conn); first != fin|pong { // so they have been received
				t.Errorf("frame %#x", first)
			}
			send(t, conn, frame(fin|closing, ""))
			farewell(t, conn)
			_ = conn.Close()
			close(received)
			await(t, ended)
			n.stop(t)
			if got := strings.Join(steps, " "); got != "open a b close" {
				t.Errorf("the order is %s", got)
			}
			want := uint64(0)
			if panics {
				want = 2
			}
			lines := log.at(slog.LevelError)
			if got := n.Stats().Panics; got != want || panics && (len(lines) != 1 || !strings.Contains(lines[0]["stack"].(string), "faults_test.go")) {
				t.Errorf("%d panics, logged %v", got, lines) // the second one within the second
			}
		})
	}
}

// When everything fails, the log gets one line a second and the count of the others.
func TestFailuresAreLoggedOnceASecond(t *testing.T) {
	var log logbook
	fails := dispatcher(func(context.Context, *websocket.Session, websocket.Message) error { return errors.New("boom") })
	bubble(t, websocket.Options{Logger: log.logger(), Dispatcher: fails}, func(t *testing.T, n *piping) {
		conn, _ := n.client(t, "1")
		fail := func() {
			send(t, conn, frame(fin|text, message("1")))
			if _, got := next(t, conn); got != failure("listener_failed", "m", "") {
				t.Fatalf("received %s", got)
			}
		}
		for range 50 {
			fail()
		}
		<-time.After(time.Second)
		fail()
		<-time.After(time.Second - 1)
		fail()
		<-time.After(time.Hour)
		fail()
		_ = conn.Close()
	})
	var suppressed []any
	for _, line := range log.at(slog.LevelError) {
		suppressed = append(suppressed, line["suppressed"])
	}
	if got := fmt.Sprint(suppressed); got != "[<nil> 49 1]" {
		t.Errorf("the lines left out %s", got)
	}
}

// panicking is a protocol whose code fails.
type panicking struct {
	websocket.Protocol
	open bool // in Open, not in Receive
}

func (p panicking) Open(s *websocket.Session) websocket.Conversation {
	if p.open && s.User().ID == "hostile" {
		if err := s.Bind("room"); err != nil {
			panic(err)
		}
		panic("boom")
	}
	return panickingConversation{p.Protocol.Open(s)}
}

type panickingConversation struct{ websocket.Conversation }

func (c panickingConversation) Receive(payload []byte) (websocket.Message, bool, error) {
	if string(payload) == "panic" {
		panic("boom")
	}
	return c.Conversation.Receive(payload)
}

func TestPanickingProtocol(t *testing.T) {
	t.Run("Receive", func(t *testing.T) {
		var log logbook
		a := newArena(t, websocket.Options{Limits: small(), Logger: log.logger(), Protocols: []websocket.Protocol{panicking{Protocol: websocket.JSON}}})
		conn := a.raw(t, "hostile")
		s := a.session(t, "hostile")
		send(t, conn, frame(fin|text, "panic")+strings.Repeat("garbage", 20<<10))
		if got := farewell(t, conn); got.code != websocket.CloseInternalError || got.reason != "" {
			t.Errorf("the client was told %d %q", got.code, got.reason)
		}
		_ = conn.Close()
		if cause := ended(t, s); cause.Code != websocket.CloseInternalError || cause.ByPeer {
			t.Errorf("session ended with %+v", cause)
		}
		await(t, a.closed)
		a.gone(t, s)
		lines := log.at(slog.LevelError)
		if a.Stats().Panics != 1 || len(lines) != 1 || lines[0]["panic"] != "boom" || !strings.Contains(lines[0]["stack"].(string), "faults_test.go") {
			t.Errorf("%d panics, logged %v", a.Stats().Panics, lines)
		}
	})
	t.Run("Open", func(t *testing.T) {
		n := serve(t, websocket.Options{Protocols: []websocket.Protocol{panicking{Protocol: websocket.JSON, open: true}}})
		answer, err := n.http.Client().Do(upgrade(t, n.http.URL+"/?user=hostile"))
		if err != nil {
			t.Fatal(err)
		}
		refused(t, answer, http.StatusInternalServerError, "internal_error")
		if n.Stats().Panics != 1 {
			t.Errorf("%d panics", n.Stats().Panics)
		}
		if sessions, scopes, groups := n.manager.Leftovers(); sessions+scopes+groups != 0 {
			t.Errorf("the indexes hold %d sessions, %d scopes and %d groups", sessions, scopes, groups)
		}
		n.connect(t, "1")
	})
}
