package listener

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// Logging logs one line a message at the debug level, which is off by default:
// that it was handled and how long that took, or what the client is told of why
// it was not. Neither its content nor the cause of an error is in the line; the
// server logs the causes of failures. A nil logger is slog.Default.
//
// A panic that no Recover further in makes an error leaves no line here.
func Logging(logger *slog.Logger) Middleware {
	logger = cmp.Or(logger, slog.Default())
	return func(next Handler) Handler {
		return func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
			if !logger.Enabled(ctx, slog.LevelDebug) {
				return next(ctx, s, m)
			}
			start := time.Now()
			err := next(ctx, s, m)
			user := s.User()
			line := logger.With("type", bounded(m.Type), "session", s.ID(), "user_type", int(user.Type), "user", user.ID)
			if err == nil {
				line.DebugContext(ctx, "message handled", "took", time.Since(start))
				return nil
			}
			// The cause stays out: that of content which does not fit quotes it.
			answer, ok := errors.AsType[*websocket.MessageError](err)
			if !ok {
				answer = &websocket.MessageError{Code: websocket.CodeListenerFailed}
			}
			line.DebugContext(ctx, "message not handled", "code", answer.Code, "detail", answer.Detail)
			return err
		}
	}
}
