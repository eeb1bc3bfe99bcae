package listener

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// Timeout ends the context of a message's listener after d; the cause wraps
// context.DeadlineExceeded. A listener that returns later than that has timed
// out, even without an error: the error has CodeListenerFailed and wraps the
// cause and what the listener returned. Only a MessageError with another code
// stays as it is. Zero means no timeout.
//
// The listener has to heed its context. Nothing can stop one that does not, and
// it is waited for, because the session's next message must not overtake it.
// It holds up its own session only.
func Timeout(d time.Duration) Middleware {
	return func(next Handler) Handler {
		if d <= 0 {
			return next
		}
		timedOut := fmt.Errorf("listener timed out after %s: %w", d, context.DeadlineExceeded)
		return func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
			ctx, cancel := context.WithTimeoutCause(ctx, d, timedOut)
			defer cancel()
			err := next(ctx, s, m)
			answer, ok := errors.AsType[*websocket.MessageError](err)
			answered := ok && answer.Code != websocket.CodeListenerFailed
			if answered || !errors.Is(context.Cause(ctx), timedOut) {
				return err
			}
			cause := timedOut
			if err != nil {
				cause = fmt.Errorf("%w: %w", timedOut, err)
			}
			return &websocket.MessageError{Code: websocket.CodeListenerFailed, Detail: "timed out", Err: cause}
		}
	}
}
