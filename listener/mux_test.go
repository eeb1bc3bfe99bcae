package listener_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/websocket"
)

var _ websocket.Dispatcher = (*listener.Mux)(nil)

// send dispatches one message of a session that nobody needs to know.
func send(ctx context.Context, mux *listener.Mux, messageType, content string) error {
	return mux.Dispatch(ctx, &websocket.Session{}, websocket.Message{Type: messageType, Content: []byte(content)})
}

// handle registers f and fails the test if that is an error.
func handle[T any](t testing.TB, mux *listener.Mux, messageType string, f func(context.Context, T) error) {
	t.Helper()
	err := listener.HandleFunc(mux, messageType, func(ctx context.Context, _ *websocket.Session, content T) error {
		return f(ctx, content)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// answer returns the MessageError that err must be or wrap.
func answer(t testing.TB, err error) *websocket.MessageError {
	t.Helper()
	messageError, ok := errors.AsType[*websocket.MessageError](err)
	if !ok {
		t.Fatalf("error %v is no MessageError", err)
	}
	return messageError
}

func TestDispatchCallsTheListenerOfTheType(t *testing.T) {
	var mux listener.Mux // the zero value works
	var got []string
	for _, name := range []string{"a", "b"} {
		handle(t, &mux, name, func(_ context.Context, content string) error {
			got = append(got, name+"="+content)
			return nil
		})
	}
	for _, name := range []string{"b", "a", "b"} {
		if err := send(t.Context(), &mux, name, strconv.Quote("to "+name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if want := []string{"b=to b", "a=to a", "b=to b"}; !slices.Equal(got, want) {
		t.Errorf("the listeners got %q, want %q", got, want)
	}
}

func TestDispatchPassesContextAndSession(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	session := &websocket.Session{}
	mux := listener.NewMux()
	called := false
	err := listener.HandleFunc(mux, "a", func(ctx context.Context, s *websocket.Session, _ string) error {
		called = true
		if ctx.Value(key{}) != "value" || s != session {
			t.Error("the listener got another context or session")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := mux.Dispatch(ctx, session, websocket.Message{Type: "a"}); err != nil || !called {
		t.Errorf("Dispatch: %v, called %t", err, called)
	}
}

func TestDispatchUnknownType(t *testing.T) {
	mux := listener.NewMux()
	handle(t, mux, "known", func(context.Context, string) error { return nil })
	for name, test := range map[string]struct{ messageType, detail string }{
		"none":       {"", "message has no type"},
		"unknown":    {"unknown", `no listener for type "unknown"`},
		"other case": {"Known", `no listener for type "Known"`},
		"longest":    {strings.Repeat("x", 512), `no listener for type "` + strings.Repeat("x", 512) + `"`},
		"too long":   {strings.Repeat("x", 513), `no listener for type "` + strings.Repeat("x", 512) + `"`},
		"cut inside a character": {
			strings.Repeat("x", 511) + "密", `no listener for type "` + strings.Repeat("x", 511) + `"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := answer(t, send(t.Context(), mux, test.messageType, `"content"`))
			if got.Code != websocket.CodeUnknownType || got.Detail != test.detail {
				t.Errorf("the client is told %s: %s, want the detail %s", got.Code, got.Detail, test.detail)
			}
			if !utf8.ValidString(got.Detail) {
				t.Error("the detail is not UTF-8")
			}
		})
	}
}

func TestDispatchErrorOfTheListener(t *testing.T) {
	internal := errors.New("password is 1234")
	own := &websocket.MessageError{Code: "sold_out", Detail: "come back tomorrow"}
	wrapped := errors.Join(internal, own)
	for name, test := range map[string]struct{ err, want error }{
		"none":              {nil, nil},
		"own MessageError":  {own, own},
		"one that wraps it": {wrapped, wrapped},
	} {
		t.Run(name, func(t *testing.T) {
			mux := listener.NewMux()
			handle(t, mux, "a", func(context.Context, string) error { return test.err })
			if got := send(t.Context(), mux, "a", ""); got != test.want { //nolint:errorlint // unchanged, not wrapped
				t.Errorf("Dispatch: %v, want %v", got, test.want)
			}
		})
	}
	t.Run("any other stays inside", func(t *testing.T) {
		mux := listener.NewMux()
		handle(t, mux, "a", func(context.Context, string) error { return internal })
		err := send(t.Context(), mux, "a", "")
		if got := answer(t, err); got.Code != websocket.CodeListenerFailed || got.Detail != "" {
			t.Errorf("the client is told %s: %q", got.Code, got.Detail)
		}
		if !errors.Is(err, internal) {
			t.Errorf("error %v lost its cause", err)
		}
	})
}

func TestRegisterRefuses(t *testing.T) {
	nothing := func(context.Context, *websocket.Session, string) error { return nil }
	long := strings.Repeat("x", websocket.MaxNameLength)
	for name, test := range map[string]struct {
		register func(*listener.Mux) error
		want     string
	}{
		"a type twice": {func(mux *listener.Mux) error {
			return listener.HandleFunc(mux, "taken", nothing)
		}, `message type "taken" already has a listener`},
		"a type twice, of another T": {func(mux *listener.Mux) error {
			return listener.HandleFunc(mux, "taken", func(context.Context, *websocket.Session, int) error { return nil })
		}, `message type "taken" already has a listener`},
		"an empty type": {func(mux *listener.Mux) error {
			return listener.HandleFunc(mux, "", nothing)
		}, `message type "" is empty`},
		"a type too long": {func(mux *listener.Mux) error {
			return listener.HandleFunc(mux, long+"y", nothing)
		}, `message type "` + long + `"... is longer than 512 bytes`},
		"a nil listener": {func(mux *listener.Mux) error {
			return listener.Handle[string](mux, "a", nil)
		}, `listener for message type "a" is nil`},
		"a nil Func": {func(mux *listener.Mux) error {
			return listener.Handle(mux, "a", listener.Func[string](nil))
		}, `listener for message type "a" is nil`},
		"a nil function": {func(mux *listener.Mux) error {
			return listener.HandleFunc[string](mux, "a", nil)
		}, `listener for message type "a" is nil`},
	} {
		t.Run(name, func(t *testing.T) {
			mux := listener.NewMux()
			calls := 0
			handle(t, mux, "taken", func(context.Context, string) error { calls++; return nil })
			if err := test.register(mux); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if err := send(t.Context(), mux, "taken", `"text"`); err != nil || calls != 1 {
				t.Errorf("the first listener was called %d times: %v", calls, err)
			}
			if got := answer(t, send(t.Context(), mux, "a", "")); got.Code != websocket.CodeUnknownType {
				t.Errorf("the refused listener answers: %v", got)
			}
		})
	}
	if err := listener.HandleFunc(&listener.Mux{}, long, nothing); err != nil {
		t.Errorf("the longest type: %v", err)
	}
}

// The race detector is this test's judge.
func TestRegisterWhileDispatching(t *testing.T) {
	mux := listener.NewMux()
	var group sync.WaitGroup
	for i := range 8 {
		name := strconv.Itoa(i)
		group.Go(func() {
			handle(t, mux, name, func(context.Context, string) error { return nil })
			if err := send(t.Context(), mux, name, `"own"`); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() { send(t.Context(), mux, name, `"perhaps early"`) })
	}
	group.Wait()
}

func TestMiddlewareOrder(t *testing.T) {
	var steps []string
	trace := func(name string) listener.Middleware {
		return func(next listener.Handler) listener.Handler {
			return func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
				steps = append(steps, name+" in")
				defer func() { steps = append(steps, name+" out") }()
				return next(ctx, s, m)
			}
		}
	}
	mux := listener.NewMux(trace("outer"), trace("inner"))
	handle(t, mux, "a", func(context.Context, string) error {
		steps = append(steps, "listener")
		return nil
	})
	for messageType, want := range map[string][]string{
		"a":       {"outer in", "inner in", "listener", "inner out", "outer out"},
		"unknown": {"outer in", "inner in", "inner out", "outer out"},
	} {
		steps = nil
		err := send(t.Context(), mux, messageType, "")
		if (err == nil) != (messageType == "a") || !slices.Equal(steps, want) {
			t.Errorf("%s: %q (%v), want %q", messageType, steps, err, want)
		}
	}
}

func BenchmarkDispatch(b *testing.B) {
	mux := &listener.Mux{}
	handle(b, mux, "demo-message-send", func(context.Context, chatMessage) error { return nil })
	message := websocket.Message{Type: "demo-message-send", Content: []byte(`{"toUserId":1024,"text":"hi"}`)}
	session := &websocket.Session{}
	b.ReportAllocs()
	for b.Loop() {
		if err := mux.Dispatch(b.Context(), session, message); err != nil {
			b.Fatal(err)
		}
	}
}
