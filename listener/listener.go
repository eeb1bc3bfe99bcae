package listener

import (
	"context"
	"errors"
	"fmt"

	"github.com/switchboard-go/switchboard/websocket"
)

// A Listener takes the messages of one type, with their content decoded from
// JSON into a T.
//
// Fields that T does not have are ignored. A string and a []byte are what they
// are in JSON: a quoted string and base64. Only a json.RawMessage is handed the
// content as it came, not even checked to be JSON; it may be kept and must not
// be changed.
type Listener[T any] interface {
	// OnMessage is called for one message of a session at a time and for
	// different sessions concurrently, and must be safe for that. The context
	// ends with the session, or earlier where Timeout is in use. A message
	// without content, or with the content null, gives T's zero value.
	//
	// The client is told of an error. A websocket.MessageError, or an error that
	// wraps one, says what; of any other it learns only that the listener failed.
	OnMessage(ctx context.Context, s *websocket.Session, content T) error
}

// Func is a function that is a [Listener].
type Func[T any] func(ctx context.Context, s *websocket.Session, content T) error

// OnMessage implements [Listener].
func (f Func[T]) OnMessage(ctx context.Context, s *websocket.Session, content T) error {
	return f(ctx, s, content)
}

// Handle has l take the messages of a type on mux. The error names the type: it
// is empty or over [websocket.MaxNameLength], it has a listener already, or l is
// nil. Nothing is registered then. Handle may be called while mux dispatches.
func Handle[T any](mux *Mux, messageType string, l Listener[T]) error {
	if f, isFunc := l.(Func[T]); l == nil || isFunc && f == nil {
		return fmt.Errorf("listener for message type %q is nil", bounded(messageType))
	}
	return mux.register(messageType, func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
		content, err := decode[T](m.Content)
		if err != nil {
			return err
		}
		return forClient(l.OnMessage(ctx, s, content))
	})
}

// HandleFunc is [Handle] for a function.
func HandleFunc[T any](mux *Mux, messageType string, f func(ctx context.Context, s *websocket.Session, content T) error) error {
	return Handle(mux, messageType, Func[T](f))
}

// forClient returns a listener's error with what the client may know of it:
// nothing, unless the listener itself says.
func forClient(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*websocket.MessageError](err); ok {
		return err
	}
	return &websocket.MessageError{Code: websocket.CodeListenerFailed, Err: err}
}
