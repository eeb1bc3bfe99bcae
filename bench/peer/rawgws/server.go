package rawgws

import (
	"log"
	"net/http"
	"sync"

	"github.com/lxzan/gws"

	"github.com/switchboard-go/switchboard/bench/peer"
)

// Server implements peer.Server.
type Server struct {
	upgrader *gws.Upgrader

	mu    sync.RWMutex
	users map[string]*gws.Conn
}

// New returns a Server. With echo it sends back what it receives and decodes nothing.
func New(o peer.Options, echo bool) *Server {
	s := &Server{users: make(map[string]*gws.Conn)}
	s.upgrader = gws.NewUpgrader(handler{echo: echo}, &gws.ServerOption{
		PermessageDeflate: gws.PermessageDeflate{Enabled: o.Compression},
	})
	return s
}

// ServeHTTP implements peer.Server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := s.upgrader.Upgrade(w, r)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.users[r.URL.Query().Get("user")] = conn
	s.mu.Unlock()
	go conn.ReadLoop()
}

// Template implements peer.Server.
func (s *Server) Template(size int) []byte { return peer.EnvelopeTemplate(size) }

// Broadcast implements peer.Server.
func (s *Server) Broadcast(message []byte) {
	b := gws.NewBroadcaster(gws.OpcodeText, message)
	defer func() { _ = b.Close() }()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, conn := range s.users {
		_ = b.Broadcast(conn) // gws closes a connection that fails
	}
}

// Send implements peer.Server.
func (s *Server) Send(user string, message []byte) {
	s.mu.RLock()
	conn := s.users[user]
	s.mu.RUnlock()
	if conn != nil {
		conn.WriteAsync(gws.OpcodeText, message, nil)
	}
}

// Sessions implements peer.Server.
func (s *Server) Sessions() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.users)
}

type handler struct {
	gws.BuiltinEventHandler
	echo bool
}

// OnMessage answers a question.
func (h handler) OnMessage(conn *gws.Conn, message *gws.Message) {
	defer func() { _ = message.Close() }()
	answer := message.Bytes()
	if !h.echo {
		var err error
		if answer, err = peer.Reply(answer); err != nil {
			log.Print(err)
			return
		}
	}
	_ = conn.WriteMessage(gws.OpcodeText, answer)
}
