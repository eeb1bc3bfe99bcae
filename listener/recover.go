package listener

import (
	"context"
	"runtime/debug"

	"github.com/switchboard-go/switchboard/websocket"
)

// Recover makes a panic an error: a [websocket.MessageError] with
// CodeListenerFailed, of which the client learns no more, around a
// [websocket.PanicError].
//
// The server contains, logs and counts panics without it too. It is for the
// middleware further out, such as Logging, metrics or a transaction: that sees
// an error like any other instead of being unwound.
//
// runtime.Goexit is not a panic: it goes on ending its goroutine.
func Recover() Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, s *websocket.Session, m websocket.Message) (err error) {
			defer func() {
				// Nil without a panic and in a Goexit; panic(nil) is not nil.
				if value := recover(); value != nil {
					err = &websocket.MessageError{
						Code: websocket.CodeListenerFailed,
						Err:  &websocket.PanicError{Value: value, Stack: debug.Stack()},
					}
				}
			}()
			return next(ctx, s, m)
		}
	}
}
