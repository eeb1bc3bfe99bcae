package melody

import (
	"log"
	"net/http"
	"sync"

	"github.com/olahol/melody"

	"github.com/switchboard-go/switchboard/bench/peer"
)

// Server implements peer.Server.
type Server struct {
	melody *melody.Melody

	mu    sync.RWMutex
	users map[string]*melody.Session
}

// New returns a Server.
func New() *Server {
	s := &Server{melody: melody.New(), users: make(map[string]*melody.Session)}
	s.melody.HandleConnect(func(session *melody.Session) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.users[session.Request.URL.Query().Get("user")] = session
	})
	s.melody.HandleMessage(func(session *melody.Session, message []byte) {
		answer, err := peer.Reply(message)
		if err == nil {
			err = session.Write(answer)
		}
		if err != nil {
			log.Print(err)
		}
	})
	return s
}

// ServeHTTP implements peer.Server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = s.melody.HandleRequest(w, r) // a connection that ends
}

// Template implements peer.Server.
func (s *Server) Template(size int) []byte { return peer.EnvelopeTemplate(size) }

// Broadcast implements peer.Server.
func (s *Server) Broadcast(message []byte) {
	if err := s.melody.Broadcast(message); err != nil {
		log.Print(err)
	}
}

// Send implements peer.Server.
func (s *Server) Send(user string, message []byte) {
	s.mu.RLock()
	session := s.users[user]
	s.mu.RUnlock()
	if session == nil {
		return
	}
	if err := session.Write(message); err != nil {
		log.Print(err)
	}
}

// Sessions implements peer.Server.
func (s *Server) Sessions() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return min(len(s.users), s.melody.Len()) // the hub may learn of it later
}
