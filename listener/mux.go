package listener

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/switchboard-go/switchboard/websocket"
)

// A Mux hands each message to the listener of its type. It implements
// [websocket.Dispatcher]. The zero value is a Mux without middleware. It is safe
// for concurrent use, registration included, and must not be copied once used.
type Mux struct {
	dispatch Handler // the middleware around route; nil: there is none

	mu     sync.RWMutex
	routes map[string]Handler
}

// NewMux returns a Mux that handles every message inside the middleware, the
// first outermost. Messages that no listener takes pass through it too.
func NewMux(middleware ...Middleware) *Mux {
	m := &Mux{}
	m.dispatch = m.route
	for _, wrap := range slices.Backward(middleware) {
		m.dispatch = wrap(m.dispatch)
	}
	return m
}

// Dispatch implements [websocket.Dispatcher]. Its errors are, or wrap, a
// [websocket.MessageError], unless a middleware returns another: with
// CodeUnknownType no listener takes the message's type, with CodeInvalidContent
// the content does not fit the listener and it was not called, and with
// CodeListenerFailed the listener failed. A listener's own MessageError is
// returned as it is.
func (m *Mux) Dispatch(ctx context.Context, s *websocket.Session, message websocket.Message) error {
	if m.dispatch == nil {
		return m.route(ctx, s, message)
	}
	return m.dispatch(ctx, s, message)
}

func (m *Mux) route(ctx context.Context, s *websocket.Session, message websocket.Message) error {
	m.mu.RLock()
	handler := m.routes[message.Type]
	m.mu.RUnlock()
	if handler == nil {
		detail := "message has no type"
		if message.Type != "" {
			detail = fmt.Sprintf("no listener for type %q", bounded(message.Type))
		}
		return &websocket.MessageError{Code: websocket.CodeUnknownType, Detail: detail}
	}
	return handler(ctx, s, message)
}

func (m *Mux) register(messageType string, handler Handler) error {
	if messageType == "" {
		return errors.New(`message type "" is empty`)
	}
	if len(messageType) > websocket.MaxNameLength {
		return fmt.Errorf("message type %q... is longer than %d bytes", bounded(messageType), websocket.MaxNameLength)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.routes[messageType] != nil {
		return fmt.Errorf("message type %q already has a listener", messageType)
	}
	if m.routes == nil {
		m.routes = make(map[string]Handler)
	}
	m.routes[messageType] = handler
	return nil
}

// bounded cuts a message type to the length of the longest that can have a
// listener: a client may send any, and answers and log lines repeat it.
func bounded(messageType string) string {
	if len(messageType) <= websocket.MaxNameLength {
		return messageType
	}
	// The cut may go through a character.
	return strings.ToValidUTF8(messageType[:websocket.MaxNameLength], "")
}
