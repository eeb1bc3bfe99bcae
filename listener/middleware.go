package listener

import (
	"context"

	"github.com/switchboard-go/switchboard/websocket"
)

// A Handler handles a message of any type, its content not yet decoded. It is
// called as [websocket.Dispatcher] says, and its errors mean what they mean there.
type Handler func(ctx context.Context, s *websocket.Session, m websocket.Message) error

// Middleware wraps the handling of every message of a [Mux]. It is called once,
// by [NewMux]; the Handler that it returns is called for each message. That one
// may return without calling next, but must not call next after it returned:
// the session's next message would overtake.
//
// In the order Logging, Recover, Timeout each sees what the later ones did.
type Middleware func(next Handler) Handler
