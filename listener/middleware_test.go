package listener_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/websocket"
)

// journal is a logger of all levels and the lines that it took.
type journal struct {
	*slog.Logger
	text *bytes.Buffer
}

func newJournal() journal {
	text := new(bytes.Buffer)
	return journal{slog.New(slog.NewJSONHandler(text, &slog.HandlerOptions{Level: slog.LevelDebug})), text}
}

// lines returns the lines so far, each with its attributes.
func (j journal) lines(t testing.TB) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(j.text.String()) {
		var attrs map[string]any
		if err := json.Unmarshal([]byte(line), &attrs); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, attrs)
	}
	return lines
}

// line returns the only line.
func (j journal) line(t testing.TB) map[string]any {
	t.Helper()
	lines := j.lines(t)
	if len(lines) != 1 {
		t.Fatalf("%d lines, want 1: %s", len(lines), j.text)
	}
	return lines[0]
}

func TestRecover(t *testing.T) {
	for name, test := range map[string]struct {
		value any
		want  string
	}{
		"text":  {"out of luck", "out of luck"},
		"error": {errors.New("out of luck"), "out of luck"},
		"nil":   {nil, new(runtime.PanicNilError).Error()},
	} {
		t.Run(name, func(t *testing.T) {
			mux := listener.NewMux(listener.Recover())
			handle(t, mux, "a", func(context.Context, string) error { panic(test.value) })

			err := send(t.Context(), mux, "a", "")
			if got := answer(t, err); got.Code != websocket.CodeListenerFailed || got.Detail != "" {
				t.Errorf("the client is told %s: %q", got.Code, got.Detail)
			}
			if want := "listener_failed: panic: " + test.want; err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
			panicked, ok := errors.AsType[*websocket.PanicError](err)
			if !ok {
				t.Fatalf("error %v wraps no PanicError", err)
			}
			if test.value != nil && panicked.Value != test.value {
				t.Errorf("the value is %v, want %v", panicked.Value, test.value)
			}
			if !strings.Contains(string(panicked.Stack), "TestRecover.func") {
				t.Errorf("the stack does not lead to the listener: %s", panicked.Stack)
			}
		})
	}
}

func TestRecoverLeavesTheRestAlone(t *testing.T) {
	mux := listener.NewMux(listener.Recover())
	own := &websocket.MessageError{Code: "sold_out"}
	handle(t, mux, "works", func(context.Context, string) error { return nil })
	handle(t, mux, "fails", func(context.Context, string) error { return own })
	handle(t, mux, "exits", func(context.Context, string) error { runtime.Goexit(); return nil })

	if err := send(t.Context(), mux, "works", ""); err != nil {
		t.Error(err)
	}
	if err := send(t.Context(), mux, "fails", ""); err != own { //nolint:errorlint // unchanged, not wrapped
		t.Errorf("error %v, want %v", err, own)
	}
	returned, ended := false, make(chan struct{})
	go func() {
		defer close(ended)
		send(t.Context(), mux, "exits", "")
		returned = true
	}()
	<-ended
	if returned {
		t.Error("a Goexit was swallowed")
	}
}

func TestTimeout(t *testing.T) {
	const limit = time.Second
	failure := errors.New("out of luck")
	own := &websocket.MessageError{Code: "sold_out"}
	for name, test := range map[string]struct {
		listener func(context.Context) error
		takes    time.Duration
		detail   string // of CodeListenerFailed
		want     error  // wrapped; nil with an empty detail: no error
	}{
		"in time": {
			func(ctx context.Context) error { return ctx.Err() }, 0, "", nil,
		},
		"fails in time": {
			func(context.Context) error { return failure }, 0, "", failure,
		},
		"heeds its context": {
			func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, limit, "timed out", context.DeadlineExceeded,
		},
		"returns the cause": {
			func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, limit, "timed out", context.DeadlineExceeded,
		},
		"ends late without an error": {
			func(context.Context) error { <-time.After(3 * limit); return nil }, 3 * limit, "timed out", context.DeadlineExceeded,
		},
		"fails late": {
			func(context.Context) error { <-time.After(3 * limit); return failure }, 3 * limit, "timed out", failure,
		},
		"refuses late": {
			func(ctx context.Context) error { <-ctx.Done(); return own }, limit, "", own,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux := listener.NewMux(listener.Timeout(limit))
				handle(t, mux, "a", func(ctx context.Context, _ string) error { return test.listener(ctx) })
				start := time.Now()
				err := send(t.Context(), mux, "a", "")
				// Not before the listener returned: the next message would overtake.
				if took := time.Since(start); took != test.takes {
					t.Errorf("Dispatch took %s, want %s", took, test.takes)
				}
				if !errors.Is(err, test.want) {
					t.Errorf("error %v does not wrap %v", err, test.want)
				}
				if timedOut := errors.Is(err, context.DeadlineExceeded); timedOut != (test.detail != "") {
					t.Errorf("error %v, detail %q: both or neither say that it timed out", err, test.detail)
				}
				if err != nil {
					if got := answer(t, err); got.Detail != test.detail || test.detail != "" && got.Code != websocket.CodeListenerFailed {
						t.Errorf("the client is told %s: %q, want %q", got.Code, got.Detail, test.detail)
					}
				}
			})
		})
	}
}

func TestTimeoutIsNotTheEndOfTheSession(t *testing.T) {
	mux := listener.NewMux(listener.Timeout(time.Hour))
	gone := errors.New("session closed")
	ctx, cancel := context.WithCancelCause(t.Context())
	handle(t, mux, "a", func(ctx context.Context, _ string) error {
		cancel(gone)
		<-ctx.Done()
		return context.Cause(ctx)
	})
	err := send(ctx, mux, "a", "")
	if got := answer(t, err); got.Detail != "" || !errors.Is(err, gone) {
		t.Errorf("error %v, want one that wraps %v and has no detail", err, gone)
	}
}

func TestTimeoutZeroIsOff(t *testing.T) {
	mux := listener.NewMux(listener.Timeout(0))
	handle(t, mux, "a", func(ctx context.Context, _ string) error {
		if _, ok := ctx.Deadline(); ok {
			t.Error("the context has a deadline")
		}
		return ctx.Err()
	})
	if err := send(t.Context(), mux, "a", ""); err != nil {
		t.Error(err)
	}
}

func TestLogging(t *testing.T) {
	handled := func(took time.Duration) map[string]any {
		return map[string]any{"msg": "message handled", "type": "a", "took": float64(took)}
	}
	refused := func(code websocket.ErrorCode, detail string) map[string]any {
		return map[string]any{"msg": "message not handled", "type": "a", "code": string(code), "detail": detail}
	}
	unknown := refused(websocket.CodeUnknownType, `no listener for type "unknown"`)
	unknown["type"] = "unknown"
	for name, test := range map[string]struct {
		messageType string
		content     string
		listener    func(context.Context) error
		want        map[string]any
	}{
		"handled": {"a", `"secret"`, func(context.Context) error {
			<-time.After(time.Second / 2)
			return nil
		}, handled(time.Second / 2)},
		"failed": {"a", `"secret"`, func(context.Context) error {
			return errors.New("secret")
		}, refused(websocket.CodeListenerFailed, "")},
		"panicked": {"a", `"secret"`, func(context.Context) error {
			panic("secret")
		}, refused(websocket.CodeListenerFailed, "")},
		"timed out": {"a", `"secret"`, func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}, refused(websocket.CodeListenerFailed, "timed out")},
		"refused": {"a", `"secret"`, func(context.Context) error {
			return fmt.Errorf("secret: %w", &websocket.MessageError{Code: "sold_out", Detail: "come back tomorrow"})
		}, refused("sold_out", "come back tomorrow")},
		"content does not fit": {"a", `1234567`, nil, refused(websocket.CodeInvalidContent, "number does not fit (byte 7)")},
		"unknown":              {"unknown", `"secret"`, nil, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newJournal()
				mux := listener.NewMux(listener.Logging(log.Logger), listener.Recover(), listener.Timeout(time.Second))
				handle(t, mux, "a", func(ctx context.Context, _ string) error { return test.listener(ctx) })
				err := send(t.Context(), mux, test.messageType, test.content)

				line := log.line(t)
				if handled := line["msg"] == "message handled"; handled != (err == nil) {
					t.Errorf("Dispatch: %v", err)
				}
				delete(line, "time")
				test.want["level"] = "DEBUG"
				test.want["session"], test.want["user_type"], test.want["user"] = "", 0.0, ""
				if !maps.Equal(line, test.want) {
					t.Errorf("line %v, want %v", line, test.want)
				}
			})
		})
	}
}

// The error of a middleware need not be a MessageError.
func TestLoggingOfAMiddlewaresError(t *testing.T) {
	log := newJournal()
	failure := errors.New("out of luck")
	fail := func(listener.Handler) listener.Handler {
		return func(context.Context, *websocket.Session, websocket.Message) error { return failure }
	}
	mux := listener.NewMux(listener.Logging(log.Logger), fail)
	if err := send(t.Context(), mux, "a", ""); err != failure { //nolint:errorlint // unchanged, not wrapped
		t.Errorf("error %v, want %v", err, failure)
	}
	if line := log.line(t); line["code"] != "listener_failed" || line["detail"] != "" {
		t.Errorf("line %v", line)
	}
}

func TestLoggingWithoutLogger(t *testing.T) {
	log := newJournal()
	previous := slog.Default()
	slog.SetDefault(log.Logger)
	t.Cleanup(func() { slog.SetDefault(previous) })

	send(t.Context(), listener.NewMux(listener.Logging(nil)), "a", "")
	if line := log.line(t); line["msg"] != "message not handled" {
		t.Errorf("line %v", line)
	}
}

// Where the level is off, as it is by default, messages do not pay for it.
func TestLoggingThatIsOffIsFree(t *testing.T) {
	failure := errors.New("out of luck")
	handler := listener.Logging(slog.New(slog.DiscardHandler))(
		func(context.Context, *websocket.Session, websocket.Message) error { return failure })
	session := &websocket.Session{}
	allocations := testing.AllocsPerRun(100, func() {
		if err := handler(t.Context(), session, websocket.Message{Type: "a"}); err != failure { //nolint:errorlint // unchanged, not wrapped
			t.Errorf("error %v, want %v", err, failure)
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations a message", allocations)
	}
}

func TestLogLineIsBounded(t *testing.T) {
	log := newJournal()
	send(t.Context(), listener.NewMux(listener.Logging(log.Logger)), strings.Repeat("x", 1<<20), "")
	if log.text.Len() > 4*websocket.MaxNameLength {
		t.Errorf("a line of %d bytes", log.text.Len())
	}
}
