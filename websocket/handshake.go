package websocket

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lxzan/gws"
)

// gws reads frame headers through a buffer, which a connection has for life, and
// larger payloads around it. The smallest one that there is does where peerConn
// has a buffer of its own.
const (
	smallBuffer = 16
	readBuffer  = 1 << 10
)

// Refusals of the server itself.
var (
	errDraining = &Refusal{Status: http.StatusServiceUnavailable, Code: "draining", Message: "the server is shutting down", RetryAfter: time.Second}
	errOrigin   = &Refusal{Status: http.StatusForbidden, Code: "origin_not_allowed", Message: "pages of this origin may not connect"}

	errTooManySessions     = &Refusal{Status: http.StatusServiceUnavailable, Code: "too_many_connections", Message: "the server has no room for another connection", RetryAfter: 5 * time.Second}
	errTooManyUserSessions = &Refusal{Status: http.StatusTooManyRequests, Code: "too_many_sessions", Message: "you have too many connections", RetryAfter: 5 * time.Second}
)

// SameOrigin reports whether a request comes from a page of the host that it is
// for, or from no page at all: browsers always send Origin with a WebSocket
// handshake (RFC 6455, section 10.2). The scheme is not compared, because a
// server behind a TLS proxy does not know its own.
func SameOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// ServeHTTP answers a handshake: with 101 and a session that lives on after
// ServeHTTP has returned, or with a refusal's status and JSON body.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !srv.enter() {
		srv.refuse(w, r, errDraining)
		return
	}
	started := false
	defer func() {
		if !started {
			srv.running.Done()
		}
	}()
	of, named := srv.negotiate(r)
	s, err := srv.admit(r, &of.format)
	if err != nil {
		srv.refuse(w, r, err)
		return
	}
	started = srv.upgrade(w, r, s, of, named)
}

// admit checks the handshake, finds out who connects, and puts the session into
// the indexes. It contains the panics of the application's code in that.
func (srv *Server) admit(r *http.Request, f *format) (s *Session, err error) {
	defer func() {
		if value := recover(); value != nil {
			srv.counters.panics.Add(1)
			srv.log.Error("a handshake panicked", "panic", value, "stack", string(debug.Stack()))
			err = internalError("the handshake could not be checked", nil)
		}
		if err != nil && s != nil {
			s.end(&CloseError{Code: CloseAbnormal, Err: err}, false)
		}
	}()
	if refusal := checkUpgrade(r); refusal != nil {
		return nil, refusal
	}
	if !srv.options.CheckOrigin(r) {
		return nil, errOrigin
	}
	user, err := srv.authenticate(r)
	if err != nil {
		return nil, err
	}
	if user.ID == "" || len(user.ID) > MaxNameLength || len(user.Tenant) > MaxNameLength {
		return nil, Unauthenticated(errors.New("authenticator returned a user with an empty or too long id or tenant"))
	}
	// Parts of the request's line or of a header would keep all of it.
	user.ID, user.Tenant = strings.Clone(user.ID), strings.Clone(user.Tenant)
	s = srv.newSession(user, f)
	s.conversation = f.protocol.Open(s)
	if err := srv.manager.add(s, &srv.limits); err != nil {
		return s, err
	}
	if srv.shuttingDown() {
		return s, errDraining // Shutdown may have looked at the index before
	}
	return s, nil
}

// checkUpgrade checks that r is a WebSocket handshake (RFC 6455, section 4.2.1).
func checkUpgrade(r *http.Request) *Refusal {
	switch key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key")); {
	case !hasToken(r.Header.Values("Connection"), "upgrade") || !hasToken(r.Header.Values("Upgrade"), "websocket"):
		return &Refusal{Status: http.StatusUpgradeRequired, Code: "upgrade_required", Message: "this address speaks WebSocket"}
	case r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1):
		return &Refusal{Status: http.StatusBadRequest, Code: "bad_handshake", Message: "a WebSocket handshake is a GET request of HTTP/1.1"}
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return &Refusal{Status: http.StatusUpgradeRequired, Code: "unsupported_version", Message: "only version 13 of the WebSocket protocol is supported"}
	case err != nil || len(key) != 16:
		return &Refusal{Status: http.StatusBadRequest, Code: "bad_handshake", Message: "Sec-WebSocket-Key is not 16 bytes in base64"}
	}
	return nil
}

// hasToken reports whether a comma-separated header contains a token, in any case.
func hasToken(values []string, token string) bool {
	return slices.ContainsFunc(tokens(values), func(t string) bool { return strings.EqualFold(t, token) })
}

// tokens returns the elements of a comma-separated header, which may have
// several lines (RFC 9110, section 5.3).
func tokens(values []string) (all []string) {
	for _, line := range values {
		for token := range strings.SplitSeq(line, ",") {
			all = append(all, strings.TrimSpace(token))
		}
	}
	return all
}

// negotiate chooses the format of a session, and whether the answer names its
// subprotocol.
func (srv *Server) negotiate(r *http.Request) (of *offer, named bool) {
	compression := srv.options.Compression && acceptsDeflate(r.Header.Values("Sec-WebSocket-Extensions"))
	names := tokens(r.Header.Values("Sec-WebSocket-Protocol"))
	for i := range srv.formats {
		of := &srv.formats[i]
		if of.compression == compression && of.named != nil && slices.Contains(names, of.protocol.Subprotocol()) {
			return of, true
		}
	}
	if compression {
		return &srv.formats[1], false
	}
	return &srv.formats[0], false
}

// acceptsDeflate reports whether an offer of extensions lets the server compress
// in the one way that it does: any window, no context takeover. A smaller window
// for the server is declined (RFC 7692, section 7.1.2.1), and so is what the RFC
// does not define (section 7).
func acceptsDeflate(extensions []string) bool {
	return slices.ContainsFunc(tokens(extensions), func(extension string) bool {
		name, parameters, _ := strings.Cut(extension, ";")
		if strings.TrimSpace(name) != "permessage-deflate" {
			return false
		}
		seen := make(map[string]bool)
		for parameter := range strings.SplitSeq(parameters, ";") {
			name, value, valued := strings.Cut(strings.TrimSpace(parameter), "=")
			switch {
			case name == "" && parameters == "":
			case seen[name]:
				return false
			case (name == "server_no_context_takeover" || name == "client_no_context_takeover") && !valued:
			case name == "client_max_window_bits" && (!valued || slices.Contains(windowBits, strings.Trim(value, `"`))):
			default:
				return false
			}
			seen[name] = true
		}
		return true
	})
}

// windowBits are the values of a max_window_bits parameter (RFC 7692, section 7.1.2).
var windowBits = []string{"8", "9", "10", "11", "12", "13", "14", "15"}

func (srv *Server) newSession(user LoginUser, f *format) *Session {
	l := &srv.limits
	s := &Session{id: srv.manager.newID(), user: user, server: srv, format: f}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.conn.session = s
	s.conn.guard = frameGuard{limits: l, compression: f.compression}
	s.conn.received.Store(int64(srv.now()))
	s.inbox = inbox{owner: s, limits: l, dispatchers: srv.dispatchers}
	s.outbox = outbox{owner: s, limits: l, writers: &srv.writers, draining: true} // until the handshake is done
	return s
}

// upgrade takes the connection over and starts the session, which others can
// send to and end since it is in the indexes. It reports false where the
// connection is lost already.
func (srv *Server) upgrade(w http.ResponseWriter, r *http.Request, s *Session, of *offer, named bool) bool {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.abort(err)
		srv.refuse(w, r, internalError("the connection cannot be upgraded", err))
		return false
	}
	s.connect(conn)
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered()) // they are there
	s.conn.begin(early)
	socket, err := of.shakeHands(&s.conn, r.Header.Get("Sec-WebSocket-Key"), named)
	if err != nil {
		s.abort(err)
		srv.counters.refused.Add(1)
		return false
	}
	s.conn.upgraded = true
	srv.counters.opened.Add(1)
	if srv.options.OnOpen != nil {
		s.inbox.tell(eventOpen)
	}
	s.outbox.start(conn)
	// The goroutine owns the connection. Little is called above gws, so that it
	// waits with the smallest stack that there is: gws, net and the runtime take
	// all but some 70 bytes of what that has to give.
	go func() {
		defer s.finish()
		socket.ReadLoop()
	}()
	return true
}

// shakeHands has gws answer the handshake, on a request of our own making: of
// the client's, gws would read only the first line of each header, and take any
// extension for its own whose name contains that.
func (of *offer) shakeHands(conn *peerConn, key string, named bool) (*gws.Conn, error) {
	header := make(http.Header)
	header.Set("Connection", "Upgrade")
	header.Set("Upgrade", "websocket")
	header.Set("Sec-WebSocket-Version", "13")
	header.Set("Sec-WebSocket-Key", key)
	if of.compression {
		header.Set("Sec-WebSocket-Extensions", "permessage-deflate")
	}
	upgrader := of.unnamed
	if named {
		header.Set("Sec-WebSocket-Protocol", of.protocol.Subprotocol())
		upgrader = of.named
	}
	r := &http.Request{Method: http.MethodGet, Header: header}
	size := readBuffer
	if conn.socket != nil {
		size = smallBuffer
	}
	return upgrader.UpgradeFromConn(conn, bufio.NewReaderSize(conn, size), r)
}

// internalError is the refusal for a fault of the server or the application.
func internalError(message string, cause error) *Refusal {
	return &Refusal{Status: http.StatusInternalServerError, Code: "internal_error", Message: message, Err: cause}
}

// refuse answers a handshake with an HTTP status instead of a session.
func (srv *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	srv.counters.refused.Add(1)
	refusal, ok := errors.AsType[*Refusal](err)
	switch {
	case !ok:
		refusal = Unauthenticated(err)
	case refusal.Status < 400 || refusal.Status > 599:
		// It would tell the client that there is a session, or panic in net/http.
		refusal = internalError(refusal.Message, err)
	}
	// The query is left out: it may hold the token.
	srv.log.Debug("handshake refused", "path", r.URL.Path, "remote", r.RemoteAddr, "status", refusal.Status, "error", err)
	body, err := json.Marshal(struct {
		Status  int    `json:"status"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}{refusal.Status, refusal.Code, refusal.Message})
	if err != nil {
		panic(err) // three plain fields
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	switch refusal.Status {
	case http.StatusUpgradeRequired:
		header.Set("Connection", "Upgrade")
		header.Set("Upgrade", "websocket")
		header.Set("Sec-WebSocket-Version", "13")
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	}
	if refusal.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int((refusal.RetryAfter+time.Second-1)/time.Second)))
	}
	w.WriteHeader(refusal.Status)
	// Whether the client takes the answer is its own business.
	_, _ = w.Write(body)
}
