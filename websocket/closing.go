package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"
	"unicode/utf8"

	"github.com/lxzan/gws"
)

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

// finish is deferred by the goroutine that reads. It contains a panic of the
// reading, closes the connection and tells of the end.
func (s *Session) finish() {
	defer s.server.running.Done()
	if value := recover(); value != nil {
		s.readPanicked(value)
	}
	s.hangUp()
	s.server.counters.countClose(s.cause().Code)
	s.server.log.Debug("session ended", "session", s.id, "user", s.user.ID, "user_type", int(s.user.Type), "cause", s.cause())
	if s.server.options.OnClose != nil {
		s.inbox.tell(eventClose)
	}
}

// hangUp sends what is queued, the close frame last, and closes the connection.
// Closing it with unread bytes would reset it, which can destroy the close frame
// on its way. So the server closes its direction first and reads away what comes
// until the client has closed the other (RFC 6455, section 7.1.1). The cut timer
// bounds all of it.
func (s *Session) hangUp() {
	s.conn.release()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.outbox.wait()
		if conn, ok := s.conn.Conn.(interface{ CloseWrite() error }); ok {
			_ = conn.CloseWrite()
		}
	}()
	_, _ = io.Copy(io.Discard, s.conn.Conn)
	<-sent
	s.sever()
}

// readPanicked ends the session for a panic of gws's or ours: the frame guard
// leaves no way known for a peer to cause one.
func (s *Session) readPanicked(value any) {
	s.server.counters.panics.Add(1)
	s.server.log.Error("reading a session panicked", "session", s.id, "panic", value, "stack", string(debug.Stack()))
	s.end(&CloseError{Code: CloseInternalError}, false)
}

// readEnded is told why the read loop ended.
func (s *Session) readEnded(err error) {
	var failure error // of the connection
	if s.conn.failed {
		failure = s.conn.burst.err
	}
	peer, closedByPeer := errors.AsType[*gws.CloseError](err)
	bad, violated := errors.AsType[*violation](failure)
	switch {
	case violated:
		s.end(&CloseError{Code: bad.code, Reason: bad.reason}, false)
	case failure != nil:
		s.end(&CloseError{Code: CloseAbnormal, ByPeer: true, Err: failure}, false)
	case closedByPeer && s.conn.guard.length() == 0:
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
// timeout cuts it. All of that has happened for whoever finds the session ending.
func (s *Session) end(cause *CloseError, flush bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return
	}
	s.ending = true
	s.server.manager.remove(s, s.keys)
	s.keys = nil
	if s.cut != nil {
		s.cut.Stop()
	}
	s.cut = time.AfterFunc(s.server.limits.CloseTimeout, s.sever)
	s.forget = context.AfterFunc(s.server.impatient, s.sever)
	s.cancel(cause)
	s.inbox.stop(!cause.ByPeer)
	code, reason := cause.Code, cause.Reason
	if cause.ByPeer {
		reason = "" // the answer repeats the code (RFC 6455, section 5.5.1)
	}
	if cause.Code == CloseAbnormal {
		s.disconnect()
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
	s.disconnect()
}

// disconnect is sever for callers that hold mu.
func (s *Session) disconnect() {
	s.severed = true
	if s.cut != nil {
		s.cut.Stop()
	}
	if s.forget != nil {
		s.forget()
	}
	conn := s.conn.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn() // closing a tls.Conn waits for a write that stalls
	}
	if conn != nil {
		_ = conn.Close()
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
	defer s.mu.Unlock()
	// The goroutines of a session that is ending may have been waited for
	// already, so that it must not start another one.
	if s.ending {
		return
	}
	if s.cut != nil {
		s.cut.Stop() // that of an earlier Shutdown
	}
	s.cut = time.AfterFunc(s.server.limits.CloseTimeout, s.goAway)
	s.inbox.stop(false)
	s.inbox.tell(eventDrained)
}

func (s *Session) goAway() {
	s.end(&CloseError{Code: CloseGoingAway, Reason: "server is shutting down"}, true)
}

// writeFailed is told of the write error that ended the outbox.
func (s *Session) writeFailed(err error) {
	s.end(&CloseError{Code: CloseAbnormal, ByPeer: true, Err: err}, false)
	s.sever()
}
