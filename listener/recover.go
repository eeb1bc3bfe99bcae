package listener

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/switchboard-go/switchboard/websocket"
)

// Recover makes a panic an error with CodeListenerFailed, of which the client
// learns no more. The panic is logged once, with its stack, as an error;
// onPanic is called for each, concurrently for different sessions, and is where
// to count them. A nil logger is slog.Default, a nil onPanic is none.
//
// runtime.Goexit is not a panic: it goes on ending its goroutine.
func Recover(logger *slog.Logger, onPanic func()) Middleware {
	logger = cmp.Or(logger, slog.Default())
	return func(next Handler) Handler {
		return func(ctx context.Context, s *websocket.Session, m websocket.Message) (err error) {
			defer func() {
				value := recover() // nil without a panic and in a Goexit; panic(nil) is not nil
				if value == nil {
					return
				}
				err = &websocket.MessageError{Code: websocket.CodeListenerFailed, Err: panicError{value}}
				logger.LogAttrs(ctx, slog.LevelError, "listener panicked", append(identify(s, m),
					slog.String("panic", fmt.Sprint(value)),
					slog.String("stack", string(debug.Stack())))...)
				if onPanic != nil {
					onPanic()
				}
			}()
			return next(ctx, s, m)
		}
	}
}

// panicError is a panic that Recover has logged. Logging does not do so again.
type panicError struct{ value any }

func (e panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }
