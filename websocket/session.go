package websocket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lxzan/gws"
)

// Session is one connection of one user. A Server makes it; all methods are
// safe for concurrent use, and none waits for the client. A session that has
// ended stays readable, refuses what is sent, and is in no index any more.
type Session struct {
	id           string
	user         LoginUser
	server       *Server
	format       *format
	conversation Conversation
	ctx          context.Context
	cancel       context.CancelCauseFunc
	conn         peerConn
	inbox        inbox
	outbox       outbox

	// pinged is when the ping was sent that nothing has been received after,
	// as Server.now has it; 0 when there is none. Only the sweeper uses it.
	pinged time.Duration

	mu      sync.Mutex
	ending  bool
	indexed bool // the manager has added it
	severed bool // the connection is closed, or is to be as soon as there is one
	keys    map[string]struct{}
	// cut closes the connection when the close takes too long. Shutdown does it
	// too, unless forget is called.
	cut    *time.Timer
	forget func() bool
}

// PanicError is a panic of the application's code, contained and made an error.
type PanicError struct {
	Value any
	// Stack is the stack of the goroutine that panicked.
	Stack []byte
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// ID returns the session's id. It begins with the name of the session's node,
// see NodeOf, and cannot be guessed.
func (s *Session) ID() string { return s.id }

// User returns who the session belongs to. Its Attributes must not be changed.
func (s *Session) User() LoginUser { return s.user }

// Context returns a context that ends with the session; context.Cause of it is
// then a *CloseError. Messages that were received before the client left are
// dispatched still, with a context that has ended.
func (s *Session) Context() context.Context { return s.ctx }

// Send queues a message for this session. It never blocks; nil means queued,
// not received. The errors are ErrSessionClosed, ErrSlowConsumer,
// ErrMessageTooLarge and the protocol's for a message that it cannot encode.
func (s *Session) Send(m Message) error {
	frame, err := s.encode(m)
	if err != nil || frame == nil {
		return err
	}
	s.server.manager.delivered.count(m.Type, true)
	return s.push(frame)
}

// WriteText queues a text frame with the given payload as it is, for Protocols.
// The errors are those of Send.
func (s *Session) WriteText(payload []byte) error {
	b := append(make([]byte, maxHeader, maxHeader+len(payload)), payload...)
	return s.push(textFrame(b, s.format.compression))
}

// Close ends the session: what is queued is sent, then a close frame with the
// code and the reason, cut to 123 bytes. It returns at once and does nothing to
// a session that is ending. Codes that must not be sent (RFC 6455, section
// 7.4.1: below 1000, 1005, 1006, 1015) are sent as CloseNormal.
func (s *Session) Close(code CloseCode, reason string) {
	if code < 1000 || code > 4999 || code == CloseNoStatus || code == CloseAbnormal || code == 1015 {
		code = CloseNormal
	}
	s.end(&CloseError{Code: code, Reason: reason}, true)
}

// Bind makes the session one of those that ToKey(key) addresses, until Unbind
// or the session's end. Binding twice is binding once. The errors are
// ErrSessionClosed, ErrTooManyKeys and, for an empty or too long key,
// ErrInvalidTarget.
func (s *Session) Bind(key string) error {
	address := ToKey(key)
	if err := address.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return ErrSessionClosed
	}
	if _, bound := s.keys[key]; bound {
		return nil
	}
	if len(s.keys) >= s.server.limits.MaxKeys {
		return ErrTooManyKeys
	}
	if s.keys == nil {
		s.keys = make(map[string]struct{}, 1)
	}
	s.keys[key] = struct{}{}
	s.server.manager.join(address, s, 0)
	return nil
}

// Unbind undoes Bind. A key that is not bound is ignored.
func (s *Session) Unbind(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, bound := s.keys[key]; bound && !s.ending {
		delete(s.keys, key)
		s.server.manager.leave(ToKey(key), s)
	}
}

// Keys returns the keys that the session is bound to, in no order.
func (s *Session) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]string, 0, len(s.keys))
	for key := range s.keys {
		keys = append(keys, key)
	}
	return keys
}

// encode returns the frame of m; nil where this session is not to get it.
func (s *Session) encode(m Message) ([]byte, error) {
	const envelope = 32 // bytes around the texts, in the JSON protocol; an eighth more are its escapes
	b := make([]byte, maxHeader, maxHeader+envelope+len(m.Type)+len(m.Content)+len(m.Content)/8)
	b, err := s.conversation.AppendEncode(b, m)
	if err != nil {
		return nil, fmt.Errorf("encode message of type %q: %w", m.Type, err)
	}
	if len(b) == maxHeader {
		return nil, nil
	}
	return textFrame(b, s.format.compression), nil
}

// push queues a frame and deals with a full outbox as the limits say.
func (s *Session) push(frame []byte) error {
	err := s.outbox.push(frame)
	if errors.Is(err, ErrSlowConsumer) {
		s.server.counters.dropped.Add(1)
		if s.server.limits.SlowConsumer == SlowConsumerClose {
			s.end(&CloseError{Code: CloseSlowConsumer, Reason: "outbox is full"}, false)
		}
	}
	return err
}

// receive takes a whole message, on the read goroutine.
func (s *Session) receive(opcode gws.Opcode, payload []byte) {
	if s.ctx.Err() != nil {
		return
	}
	if opcode != gws.OpcodeText {
		s.end(&CloseError{Code: CloseUnsupportedData, Reason: "binary messages are not supported"}, false)
		return
	}
	if !utf8.Valid(payload) {
		s.end(&CloseError{Code: CloseInvalidText, Reason: "text is not UTF-8"}, false)
		return
	}
	m, ok, err := s.conversation.Receive(payload)
	switch {
	case err != nil:
		s.answer(err, m.Type)
	case ok && !s.inbox.message(m):
		s.answer(&MessageError{Code: CodeBusy, Detail: "too many messages wait to be handled"}, m.Type)
	}
}

// answer counts and logs that a message was not handled, and tells the client.
func (s *Session) answer(err error, messageType string) {
	failure, ok := errors.AsType[*MessageError](err)
	if !ok {
		failure = &MessageError{Code: CodeListenerFailed, Err: err}
	}
	srv := s.server
	srv.counters.countError(failure.Code)
	// A listener that the end of its session interrupted has not failed.
	interrupted := s.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, ErrSessionClosed))
	if failure.Code == CodeListenerFailed && !interrupted {
		srv.logFailure(s, messageType, err)
	}
	if srv.options.SuppressErrors {
		return
	}
	content, jsonErr := json.Marshal(struct {
		Code   ErrorCode `json:"code"`
		Type   string    `json:"type,omitempty"`
		Detail string    `json:"detail,omitempty"`
	}{failure.Code, messageType, failure.Detail})
	if jsonErr == nil {
		// A session that cannot take the answer is ending or was closed for it.
		_ = s.Send(Message{Type: "error", Content: content})
	}
}

// dispatch handles one event of the session's life, on its inbox's goroutine.
func (s *Session) dispatch(e event) {
	srv := s.server
	switch e.kind {
	case eventMessage:
		srv.counters.received.Add(1)
		err := s.contain(func() error { return srv.options.Dispatcher.Dispatch(s.ctx, s, e.message) })
		srv.counters.receivedByType.count(e.message.Type, err == nil)
		if err != nil {
			s.answer(err, e.message.Type)
		}
	case eventOpen:
		s.hook(srv.options.OnOpen)
	case eventDrained:
		s.goAway()
	case eventClose:
		s.hook(srv.options.OnClose)
	}
}

// hook calls one of the application's hooks.
func (s *Session) hook(f func(*Session)) {
	err := s.contain(func() error {
		f(s)
		return nil
	})
	if err != nil {
		s.server.logFailure(s, "", err)
	}
}

// contain calls the application's code and makes its panic an error.
func (s *Session) contain(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
		if _, panicked := errors.AsType[*PanicError](err); panicked {
			s.server.counters.panics.Add(1)
		}
	}()
	return f()
}
