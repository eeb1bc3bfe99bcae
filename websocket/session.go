package websocket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
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
	// linger is set where the peer may still be sending when reading has ended.
	// Closing a connection with unread bytes resets it, which can destroy the
	// close frame on its way, so what comes is read away first. Only the read
	// goroutine uses it.
	linger bool

	mu     sync.Mutex
	ending bool
	keys   map[string]struct{}
	// cut closes the connection when the close takes too long.
	cut     *time.Timer
	severed bool // the connection is closed, or is to be as soon as there is one
}

// CloseError says how a session ended. It is the cause of the end of the
// session's context: context.Cause(session.Context()).
type CloseError struct {
	// Code is what was sent or received as the close frame's code.
	Code CloseCode
	// Reason is the text beside it; it may be empty.
	Reason string
	// ByPeer is true where the client ended the session.
	ByPeer bool
	// Err is the network error of a session that broke; else nil.
	Err error
}

// Error implements error.
func (e *CloseError) Error() string {
	by := "server"
	if e.ByPeer {
		by = "client"
	}
	text := fmt.Sprintf("session closed by the %s with %d", by, e.Code)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Unwrap returns ErrSessionClosed and the network error, if any.
func (e *CloseError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrSessionClosed}
	}
	return []error{ErrSessionClosed, e.Err}
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
	return s.push(frame)
}

// WriteText queues a text frame with the given payload as it is, for Protocols.
// The errors are those of Send.
func (s *Session) WriteText(payload []byte) error {
	return s.push(textFrame(payload, s.format.compression))
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
	payload, err := s.conversation.Encode(m)
	if err != nil {
		return nil, fmt.Errorf("encode message of type %q: %w", m.Type, err)
	}
	if payload == nil {
		return nil, nil
	}
	return textFrame(payload, s.format.compression), nil
}

// push queues a frame and deals with a full outbox as the limits say.
func (s *Session) push(frame []byte) error {
	err := s.outbox.push(frame)
	switch {
	case err == nil:
		return nil
	case err == errOutboxClosed:
		return ErrSessionClosed
	case len(frame) > s.server.limits.OutboxBytes:
		return ErrMessageTooLarge
	}
	s.server.counters.dropped.Add(1)
	if s.server.limits.SlowConsumer == SlowConsumerClose {
		s.end(&CloseError{Code: CloseSlowConsumer, Reason: "outbox is full"}, false)
	}
	return ErrSlowConsumer
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
	if failure.Code == CodeListenerFailed {
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
		if err != nil {
			s.answer(err, e.message.Type)
		}
	case eventOpen:
		s.hook(srv.options.OnOpen)
	case eventDrained:
		s.end(&CloseError{Code: CloseGoingAway, Reason: "server is shutting down"}, true)
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

// run reads until the connection ends. It owns the connection.
func (s *Session) run(socket *gws.Conn) {
	defer s.server.running.Done()
	s.read(socket)
	// The cut timer bounds this, and the writes below.
	if s.linger {
		_, _ = io.Copy(io.Discard, s.conn.Conn)
	}
	s.outbox.wait()
	s.sever()
	s.server.counters.countClose(s.cause().Code)
	s.server.log.Debug("session ended", "session", s.id, "user", s.user.ID, "user_type", int(s.user.Type), "cause", s.cause())
	if s.server.options.OnClose != nil {
		s.inbox.tell(eventClose)
	}
}

// read runs gws's read loop. A panic in it is gws's or ours: the frame guard
// leaves no way known for a peer to cause one.
func (s *Session) read(socket *gws.Conn) {
	defer func() {
		if value := recover(); value != nil {
			s.server.counters.panics.Add(1)
			s.server.log.Error("reading a session panicked", "session", s.id, "panic", value, "stack", string(debug.Stack()))
			s.linger = true
			s.end(&CloseError{Code: CloseInternalError}, false)
		}
	}()
	socket.ReadLoop()
}

// readEnded is told why the read loop ended.
func (s *Session) readEnded(err error) {
	peer, closedByPeer := errors.AsType[*gws.CloseError](err)
	bad, violated := errors.AsType[*violation](s.conn.failure)
	s.linger = violated || s.conn.failure == nil && !closedByPeer
	switch {
	case violated:
		s.end(&CloseError{Code: bad.code, Reason: bad.reason}, false)
	case s.conn.failure != nil:
		s.end(&CloseError{Code: CloseAbnormal, ByPeer: true, Err: s.conn.failure}, false)
	case closedByPeer && peer.Code == 0:
		s.end(&CloseError{Code: CloseNoStatus, ByPeer: true}, false)
	case closedByPeer && !validPeerCode(peer.Code):
		s.end(&CloseError{Code: CloseProtocolError, Reason: "close code is not valid"}, false)
	case closedByPeer && !utf8.Valid(peer.Reason):
		s.end(&CloseError{Code: CloseInvalidText, Reason: "close reason is not UTF-8"}, false)
	case closedByPeer:
		s.end(&CloseError{Code: CloseCode(peer.Code), Reason: string(peer.Reason), ByPeer: true}, false)
	case err != nil && err.Error() == tooLargeText:
		s.end(&CloseError{Code: CloseMessageTooBig, Reason: "message is over the read limit"}, false)
	default:
		s.end(&CloseError{Code: CloseInvalidText, Reason: "message cannot be decompressed"}, false)
	}
}

// tooLargeText is how gws says that a message is over the read limit once
// decompressed: its error has a type that cannot be named.
const tooLargeText = "gws: message too large"

// validPeerCode reports whether a close frame may carry code (RFC 6455, section 7.4).
func validPeerCode(code uint16) bool {
	return code >= 3000 && code < 5000 || code >= 1000 && code < 1015 && code != 1004 && code != 1005 && code != 1006
}

// end ends the session for a cause, once: it leaves the indexes, its context
// ends, and the close frame is queued, behind what waits where flush is set. The
// read goroutine then finishes the connection, at the latest when the close
// timeout cuts it.
func (s *Session) end(cause *CloseError, flush bool) {
	s.mu.Lock()
	if s.ending {
		s.mu.Unlock()
		return
	}
	s.ending = true
	keys := s.keys
	s.keys = nil
	s.server.manager.remove(s, keys)
	if s.cut != nil {
		s.cut.Stop()
	}
	s.cut = time.AfterFunc(s.server.limits.CloseTimeout, s.sever)
	s.mu.Unlock()

	s.cancel(cause)
	s.inbox.stop(!cause.ByPeer)
	code, reason := cause.Code, cause.Reason
	if cause.ByPeer {
		reason = "" // the answer repeats the code (RFC 6455, section 5.5.1)
	}
	if cause.Code == CloseAbnormal {
		s.sever()
	}
	s.outbox.end(closeFrame(code, reason), flush)
}

// connect gives the session its connection.
func (s *Session) connect(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.Conn = conn
	if s.severed {
		_ = conn.Close()
	}
}

// sever closes the connection under whatever is using it.
func (s *Session) sever() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.severed = true
	if s.cut != nil {
		s.cut.Stop()
	}
	if s.conn.Conn != nil {
		_ = s.conn.Conn.Close()
	}
}

// abort ends a session whose handshake failed.
func (s *Session) abort(err error) {
	s.end(&CloseError{Code: CloseAbnormal, ByPeer: true, Err: err}, false)
}

func (s *Session) now() time.Duration { return s.server.now() }
func (s *Session) written(frames int) { s.server.counters.sent.Add(uint64(frames)) }
func (s *Session) began()             { s.server.running.Add(1) }
func (s *Session) ended()             { s.server.running.Done() }

// cause returns how the session ended.
func (s *Session) cause() *CloseError {
	cause, _ := errors.AsType[*CloseError](context.Cause(s.ctx))
	return cause
}

// drain ends the session with CloseGoingAway once what it has received is
// handled, or when the close timeout has passed.
func (s *Session) drain() {
	s.mu.Lock()
	if !s.ending {
		s.cut = time.AfterFunc(s.server.limits.CloseTimeout, func() { s.dispatch(event{kind: eventDrained}) })
	}
	s.mu.Unlock()
	s.inbox.stop(false)
	s.inbox.tell(eventDrained)
}

// writeFailed is told of the write error that ended the outbox.
func (s *Session) writeFailed(err error) {
	s.end(&CloseError{Code: CloseAbnormal, ByPeer: true, Err: err}, false)
	s.sever()
}

// check applies the timeouts. The server's sweeper calls it now and then.
func (s *Session) check(now time.Duration, wall time.Time) {
	l := &s.server.limits
	silent := s.conn.receivedAgo(now)
	since := time.Duration(s.conn.since.Load())
	if s.pinged != 0 && silent < now-s.pinged {
		s.pinged = 0
	}
	switch {
	case s.outbox.stalledFor(now) > l.WriteTimeout:
		s.end(&CloseError{Code: CloseWriteTimeout, Reason: "client takes nothing"}, false)
		s.sever()
	case !s.user.ExpiresAt.IsZero() && !wall.Before(s.user.ExpiresAt):
		s.end(&CloseError{Code: CloseLoginExpired, Reason: "login expired"}, true)
	case l.ReadTimeout > 0 && since != 0 && now-since > l.ReadTimeout:
		s.end(&CloseError{Code: CloseReadTimeout, Reason: "message was not finished in time"}, false)
	case l.IdleTimeout > 0 && silent > l.IdleTimeout,
		s.pinged != 0 && now-s.pinged > l.PongTimeout:
		s.end(&CloseError{Code: ClosePeerSilent, Reason: "nothing was received in time"}, false)
	case l.PingInterval > 0 && s.pinged == 0 && silent > l.PingInterval:
		s.pinged = now
		s.outbox.ping()
	}
}
