package listener_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/websocket"
)

// journal is a logger and the lines that it took.
type journal struct {
	*slog.Logger
	text *bytes.Buffer
}

func newJournal(level slog.Level) journal {
	text := new(bytes.Buffer)
	return journal{slog.New(slog.NewJSONHandler(text, &slog.HandlerOptions{Level: level})), text}
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

func TestRecover(t *testing.T) {
	cause := errors.New("out of luck")
	for name, test := range map[string]struct {
		value any
		want  string
	}{
		"text":  {"out of luck", "out of luck"},
		"error": {cause, "out of luck"},
		"nil":   {nil, new(runtime.PanicNilError).Error()},
	} {
		t.Run(name, func(t *testing.T) {
			log := newJournal(slog.LevelInfo)
			panics := 0
			mux := listener.NewMux(
				// Logging leaves the panic's line to Recover, further in or further out.
				listener.Logging(log.Logger),
				listener.Recover(log.Logger, func() { panics++ }),
				listener.Logging(log.Logger),
			)
			handle(t, mux, "a", func(context.Context, string) error { panic(test.value) })

			err := send(t.Context(), mux, "a", `"secret"`)
			if got := answer(t, err); got.Code != websocket.CodeListenerFailed || got.Detail != "" {
				t.Errorf("the client is told %s: %q", got.Code, got.Detail)
			}
			if want := "listener_failed: panic: " + test.want; err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
			if panics != 1 {
				t.Errorf("%d panics counted", panics)
			}
			lines := log.lines(t)
			if len(lines) != 1 {
				t.Fatalf("%d lines, want 1: %s", len(lines), log.text)
			}
			line := lines[0]
			if line["level"] != "ERROR" || line["type"] != "a" || line["panic"] != test.want {
				t.Errorf("line %v", line)
			}
			if _, ok := line["session"]; !ok {
				t.Error("the line has no session")
			}
			if stack, _ := line["stack"].(string); !strings.Contains(stack, "TestRecover") {
				t.Errorf("the stack does not lead to the listener: %s", stack)
			}
			if strings.Contains(log.text.String(), "secret") {
				t.Error("the content was logged")
			}
		})
	}
}

func TestRecoverLeavesTheRestAlone(t *testing.T) {
	log := newJournal(slog.LevelDebug)
	mux := listener.NewMux(listener.Recover(log.Logger, func() { t.Error("a panic was counted") }))
	own := &websocket.MessageError{Code: "sold_out"}
	handle(t, mux, "fails", func(context.Context, string) error { return own })
	handle(t, mux, "exits", func(context.Context, string) error { runtime.Goexit(); return nil })

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
	if log.text.Len() > 0 {
		t.Errorf("logged: %s", log.text)
	}
}

func TestMiddlewareWithoutLogger(t *testing.T) {
	log := newJournal(slog.LevelInfo)
	previous := slog.Default()
	slog.SetDefault(log.Logger)
	t.Cleanup(func() { slog.SetDefault(previous) })

	mux := listener.NewMux(listener.Logging(nil), listener.Recover(nil, nil))
	handle(t, mux, "fails", func(context.Context, string) error { return errors.New("out of luck") })
	handle(t, mux, "panics", func(context.Context, string) error { panic("out of luck") })
	send(t.Context(), mux, "fails", "")
	send(t.Context(), mux, "panics", "")
	if lines := log.lines(t); len(lines) != 2 {
		t.Errorf("%d lines in slog.Default, want 2: %s", len(lines), log.text)
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
			func(context.Context) error { time.Sleep(3 * limit); return nil }, 3 * limit, "timed out", context.DeadlineExceeded,
		},
		"fails late": {
			func(context.Context) error { time.Sleep(3 * limit); return failure }, 3 * limit, "timed out", failure,
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
	for name, test := range map[string]struct {
		messageType string
		content     string
		listener    func(context.Context) error
		want        map[string]any
	}{
		"handled": {
			"a", `"secret"`, func(context.Context) error { return nil },
			map[string]any{"level": "DEBUG", "msg": "message handled"},
		},
		"failed": {
			"a", `"secret"`, func(context.Context) error { return errors.New("out of luck") },
			map[string]any{"level": "ERROR", "msg": "listener failed", "error": "listener_failed: out of luck"},
		},
		"failed by another's cancellation": {
			"a", `"secret"`, func(context.Context) error { return context.Canceled },
			map[string]any{"level": "ERROR", "msg": "listener failed", "error": "listener_failed: context canceled"},
		},
		"timed out": {
			"a", `"secret"`, func(ctx context.Context) error { <-ctx.Done(); return nil },
			map[string]any{
				"level": "ERROR", "msg": "listener failed",
				"error": "listener_failed: timed out: listener timed out after 1s: context deadline exceeded",
			},
		},
		"refused": {
			"a", `"secret"`, func(context.Context) error {
				return fmt.Errorf("a: %w", &websocket.MessageError{Code: "sold_out", Detail: "come back tomorrow"})
			},
			map[string]any{"level": "DEBUG", "msg": "message not handled", "code": "sold_out", "detail": "come back tomorrow"},
		},
		"content does not fit": {
			"a", `1234567`, nil,
			map[string]any{
				"level": "DEBUG", "msg": "message not handled",
				"code": "invalid_content", "detail": "number does not fit (byte 7)",
			},
		},
		"unknown": {
			"unknown", `"secret"`, nil,
			map[string]any{
				"level": "DEBUG", "msg": "message not handled", "type": "unknown",
				"code": "unknown_type", "detail": `no listener for type "unknown"`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, quiet := newJournal(slog.LevelDebug), newJournal(slog.LevelInfo)
				mux := listener.NewMux(listener.Logging(log.Logger), listener.Logging(quiet.Logger), listener.Timeout(time.Second))
				handle(t, mux, "a", func(ctx context.Context, _ string) error { return test.listener(ctx) })
				send(t.Context(), mux, test.messageType, test.content)

				lines := log.lines(t)
				if len(lines) != 1 {
					t.Fatalf("%d lines, want 1: %s", len(lines), log.text)
				}
				for name, want := range test.want {
					if lines[0][name] != want {
						t.Errorf("%s is %v, want %v", name, lines[0][name], want)
					}
				}
				for _, name := range []string{"type", "session", "user_type", "user"} {
					if _, ok := lines[0][name]; !ok {
						t.Errorf("the line has no %s: %v", name, lines[0])
					}
				}
				for _, content := range []string{"secret", "1234567"} {
					if strings.Contains(log.text.String(), content) {
						t.Errorf("the content was logged: %s", log.text)
					}
				}
				if failed := test.want["level"] == "ERROR"; (quiet.text.Len() > 0) != failed {
					t.Errorf("without the debug level: %s", quiet.text)
				}
			})
		})
	}
}

// A closed browser tab in the middle of a message is no one's failure.
func TestLoggingOfAnEndedSession(t *testing.T) {
	gone := errors.New("session closed")
	for name, test := range map[string]struct {
		err     error
		failure bool
	}{
		"the context's error":       {context.Canceled, false},
		"the session's end":         {fmt.Errorf("query: %w", gone), false},
		"an error of the listener":  {errors.New("out of luck"), true},
		"another deadline's expiry": {context.DeadlineExceeded, true},
	} {
		t.Run(name, func(t *testing.T) {
			log := newJournal(slog.LevelInfo)
			mux := listener.NewMux(listener.Logging(log.Logger))
			ctx, cancel := context.WithCancelCause(t.Context())
			handle(t, mux, "a", func(context.Context, string) error { cancel(gone); return test.err })
			send(ctx, mux, "a", "")
			if (log.text.Len() > 0) != test.failure {
				t.Errorf("failure is %t, logged %q", test.failure, log.text)
			}
		})
	}
}

// A timeout is a failure, whichever of the two middlewares is further out.
func TestLoggingInsideTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newJournal(slog.LevelInfo)
		mux := listener.NewMux(listener.Timeout(time.Second), listener.Logging(log.Logger))
		handle(t, mux, "a", func(ctx context.Context, _ string) error { <-ctx.Done(); return context.Cause(ctx) })
		send(t.Context(), mux, "a", "")
		if lines := log.lines(t); len(lines) != 1 || lines[0]["level"] != "ERROR" {
			t.Errorf("lines %v, want one error", lines)
		}
	})
}

// The error of a middleware need not be a MessageError.
func TestLoggingOfAMiddlewaresError(t *testing.T) {
	log := newJournal(slog.LevelDebug)
	ctx, cancel := context.WithCancel(t.Context())
	refuse := func(listener.Handler) listener.Handler {
		return func(ctx context.Context, _ *websocket.Session, _ websocket.Message) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return errors.New("out of luck")
		}
	}
	mux := listener.NewMux(listener.Logging(log.Logger), refuse)
	send(ctx, mux, "a", "")
	cancel()
	send(ctx, mux, "a", "")
	lines := log.lines(t)
	if len(lines) != 2 || lines[0]["error"] != "out of luck" || lines[1]["level"] != "DEBUG" || lines[1]["code"] != "listener_failed" {
		t.Errorf("lines %v", lines)
	}
}

func TestLogLineIsBounded(t *testing.T) {
	log := newJournal(slog.LevelDebug)
	mux := listener.NewMux(listener.Logging(log.Logger))
	send(t.Context(), mux, strings.Repeat("x", 1<<20), "")
	if log.text.Len() > 4*websocket.MaxNameLength {
		t.Errorf("a line of %d bytes", log.text.Len())
	}
}
