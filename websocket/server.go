package websocket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/lxzan/gws"
)

// Options says how a Server treats its sessions. Authenticator and Dispatcher
// are required; the zero value of every other field is a default to start from.
type Options struct {
	// Authenticator finds out who connects.
	Authenticator Authenticator
	// Interceptors wrap the Authenticator; the first one is the outermost.
	Interceptors []HandshakeInterceptor
	// CheckOrigin decides whether the page of a browser may connect; a refusal
	// is answered with 403. Nil means SameOrigin.
	CheckOrigin func(*http.Request) bool
	// Dispatcher takes the messages that sessions receive.
	Dispatcher Dispatcher
	// Protocols are the formats that clients can choose by subprotocol, the
	// server's favourite first; the first one also serves clients that choose
	// none. Empty means JSON.
	Protocols []Protocol
	// Limits bounds what a session can cost. The zero value means DefaultLimits.
	Limits Limits
	// Compression offers permessage-deflate (RFC 7692), without context
	// takeover: a broadcast is compressed once for all.
	Compression bool
	// SuppressErrors keeps the server from telling a client that one of its
	// messages was not handled.
	SuppressErrors bool
	// OnOpen is called when a session begins, before its first message is
	// dispatched, and OnClose after its last. For one session they are called
	// in order with its messages, one at a time. Either may be nil.
	OnOpen, OnClose func(*Session)
	// Logger gets one line for each event that an operator acts on; sessions
	// and client faults are at debug level. Nil logs nothing.
	Logger *slog.Logger
}

// Server is an http.Handler that upgrades requests to sessions. It mounts in any
// mux, on any path, over HTTP/1.1 with or without TLS. Shutdown ends it.
type Server struct {
	manager      *SessionManager
	options      Options
	limits       Limits
	authenticate Authenticator
	formats      []offer
	log          *slog.Logger
	failures     logLimiter
	counters     *counters
	epoch        time.Time

	// impatient ends when Shutdown has no time left, which loseAll brings about.
	impatient context.Context
	loseAll   context.CancelFunc

	mu       sync.Mutex
	draining bool
	running  sync.WaitGroup // handshakes, read goroutines, inbox goroutines and writers
	writers  writers
	// dispatchers outlive what they dispatch.
	dispatchers *dispatchers
	stop        chan struct{}
	swept       chan struct{}
}

// format is a Protocol with or without compression: what decides a frame's bytes.
type format struct {
	protocol    Protocol
	shared      bool
	compression bool
}

// offer is a format with what shakes hands for it. Its second upgrader selects
// the subprotocol; the first is for clients that chose none.
type offer struct {
	format
	unnamed, named *gws.Upgrader
}

// NewServer returns a Server whose sessions are in manager. It runs a goroutine
// that applies the timeouts, until Shutdown.
func NewServer(manager *SessionManager, o Options) (*Server, error) {
	if manager == nil || o.Authenticator == nil || o.Dispatcher == nil {
		return nil, errors.New("a websocket server needs a session manager, an authenticator and a dispatcher")
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if err := o.Limits.Validate(); err != nil {
		return nil, err
	}
	if o.CheckOrigin == nil {
		o.CheckOrigin = SameOrigin
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(o.Protocols) == 0 {
		o.Protocols = []Protocol{JSON}
	}
	for _, protocol := range o.Protocols {
		if !reflect.ValueOf(protocol).Comparable() {
			return nil, fmt.Errorf("protocol %T is not a comparable value", protocol)
		}
	}
	srv := &Server{
		manager:      manager,
		options:      o,
		limits:       o.Limits,
		authenticate: o.Authenticator,
		log:          o.Logger,
		counters:     newCounters(),
		epoch:        time.Now(),
		stop:         make(chan struct{}),
		swept:        make(chan struct{}),
	}
	srv.writers.running = &srv.running
	srv.dispatchers = newDispatchers(srv.stop)
	srv.impatient, srv.loseAll = context.WithCancel(context.Background())
	for _, interceptor := range slices.Backward(o.Interceptors) {
		srv.authenticate = interceptor(srv.authenticate)
	}
	for _, protocol := range o.Protocols {
		srv.formats = append(srv.formats, newOffer(protocol, o.Limits, false))
		if o.Compression {
			srv.formats = append(srv.formats, newOffer(protocol, o.Limits, true))
		}
	}
	go srv.sweep()
	return srv, nil
}

// inflaters is how many decompressors a format's connections share; each is
// held only while a message is decompressed.
const inflaters = 4

func newOffer(p Protocol, l Limits, compression bool) offer {
	upgrader := func(subprotocols ...string) *gws.Upgrader {
		return gws.NewUpgrader(events{}, &gws.ServerOption{
			ReadMaxPayloadSize: l.ReadLimit,
			PermessageDeflate:  gws.PermessageDeflate{Enabled: compression, PoolSize: inflaters},
			SubProtocols:       subprotocols,
			NewSession:         func() gws.SessionStorage { return noStorage{} },
		})
	}
	of := offer{format: format{protocol: p, shared: p.Shared(), compression: compression}, unnamed: upgrader()}
	if name := p.Subprotocol(); name != "" {
		of.named = upgrader(name)
	}
	return of
}

// Stats returns the server's counters.
func (srv *Server) Stats() Stats { return srv.counters.stats() }

// Shutdown ends the server: it refuses new handshakes with 503, lets the
// dispatcher handle what has been received, sends what is queued, closes each
// session with CloseGoingAway, and returns when all goroutines of the server
// have ended. When ctx ends first, it cuts the connections and returns the
// context's error; listeners that do not return are then left behind. The
// http.Server must be shut down too; it does not know of upgraded connections.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.mu.Lock()
	if !srv.draining {
		srv.draining = true
		close(srv.stop)
	}
	srv.mu.Unlock()
	<-srv.swept

	ended := make(chan struct{})
	go func() {
		srv.running.Wait()
		srv.dispatchers.running.Wait()
		close(ended)
	}()
	for s := range srv.sessions() {
		s.drain()
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		for s := range srv.sessions() {
			s.end(&CloseError{Code: CloseGoingAway}, false)
		}
		srv.loseAll() // those too that were ending before
		return ctx.Err()
	}
}

// sessions returns this server's sessions; others may share the manager.
func (srv *Server) sessions() func(yield func(*Session) bool) {
	return func(yield func(*Session) bool) {
		for s := range srv.manager.Sessions(ToAll()) {
			if s.server == srv && !yield(s) {
				return
			}
		}
	}
}

// enter notes a handshake that begins; it reports false once Shutdown is called.
func (srv *Server) enter() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if !srv.draining {
		srv.running.Add(1)
	}
	return !srv.draining
}

func (srv *Server) shuttingDown() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.draining
}

// now returns the monotonic time since the server's start, never zero.
func (srv *Server) now() time.Duration { return time.Since(srv.epoch) + 1 }

// logFailure logs that the application's code failed, at most once a second:
// when a database is down, every message says so.
func (srv *Server) logFailure(s *Session, messageType string, err error) {
	suppressed, ok := srv.failures.allow(srv.now())
	if !ok {
		return
	}
	attributes := []any{"session", s.id, "user", s.user.ID, "user_type", int(s.user.Type), "type", messageType, "error", err}
	if panicked, ok := errors.AsType[*PanicError](err); ok {
		attributes = append(attributes, "stack", string(panicked.Stack))
	}
	if suppressed > 0 {
		attributes = append(attributes, "suppressed", suppressed)
	}
	srv.log.Error("listener failed", attributes...)
}

// logLimiter lets one line a second through and counts the others.
type logLimiter struct {
	mu         sync.Mutex
	next       time.Duration
	suppressed int
}

func (l *logLimiter) allow(now time.Duration) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now < l.next {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed = l.suppressed, 0
	l.next = now + time.Second
	return suppressed, true
}
