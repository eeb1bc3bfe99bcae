package listener

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// Logging logs one line a message, never with its content. Only a listener's
// failure is an operator's business and logged as an error, with what the
// listener returned. All else is at the debug level, which is off by default:
// messages that were handled, what a client did wrong, what a listener refused
// with a code of its own, and listeners that the end of their session
// interrupted. A nil logger is slog.Default.
func Logging(logger *slog.Logger) Middleware {
	logger = cmp.Or(logger, slog.Default())
	return func(next Handler) Handler {
		return func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
			start := time.Now()
			err := next(ctx, s, m)
			_, panicked := errors.AsType[panicError](err) // Recover has logged it
			switch {
			case failed(err) && !panicked && !interrupted(ctx, err):
				logger.LogAttrs(ctx, slog.LevelError, "listener failed",
					append(identify(s, m), slog.Any("error", err))...)
			case !logger.Enabled(ctx, slog.LevelDebug):
			case err == nil:
				logger.LogAttrs(ctx, slog.LevelDebug, "message handled",
					append(identify(s, m), slog.Duration("took", time.Since(start)))...)
			default:
				// The cause stays out: that of content which does not fit quotes it.
				refusal, _ := errors.AsType[*websocket.MessageError](err)
				if refusal == nil {
					refusal = &websocket.MessageError{Code: websocket.CodeListenerFailed}
				}
				logger.LogAttrs(ctx, slog.LevelDebug, "message not handled",
					append(identify(s, m), slog.String("code", string(refusal.Code)), slog.String("detail", refusal.Detail))...)
			}
			return err
		}
	}
}

// identify says in a log line which message it is about.
func identify(s *websocket.Session, m websocket.Message) []slog.Attr {
	user := s.User()
	return []slog.Attr{
		slog.String("type", bounded(m.Type)),
		slog.String("session", s.ID()),
		slog.Int("user_type", int(user.Type)),
		slog.String("user", user.ID),
	}
}

// failed reports whether err means that the listener failed. An error with
// another code is an answer to the client.
func failed(err error) bool {
	answer, ok := errors.AsType[*websocket.MessageError](err)
	return err != nil && (!ok || answer.Code == websocket.CodeListenerFailed)
}

// interrupted reports whether err says no more than that the session ended
// meanwhile. A timeout further out ends ctx too, but not by cancelling it.
func interrupted(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) &&
		(errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx)))
}
