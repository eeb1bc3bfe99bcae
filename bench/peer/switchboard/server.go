package switchboard

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"

	"github.com/switchboard-go/switchboard/bench/peer"
	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/local"
	"github.com/switchboard-go/switchboard/websocket"
)

// frameRate is more than a client of the load generator sends; the default, for people, would close it. The limit is on.
const frameRate = 1_000_000

// Server implements peer.Server.
type Server struct {
	http.Handler
	manager *websocket.SessionManager
	sender  sender.Sender
}

// New returns a Server.
func New(o peer.Options) (*Server, error) {
	manager, err := websocket.NewSessionManager("")
	if err != nil {
		return nil, err
	}
	mux := listener.NewMux()
	if err := listener.HandleFunc(mux, peer.Type, answer); err != nil {
		return nil, err
	}
	limits := websocket.DefaultLimits()
	limits.FrameRate = frameRate
	handler, err := websocket.NewServer(manager, websocket.Options{
		Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
			return websocket.LoginUser{ID: r.URL.Query().Get("user"), Type: websocket.Member}, nil
		},
		Dispatcher:  mux,
		Limits:      limits,
		Compression: o.Compression,
	})
	if err != nil {
		return nil, err
	}
	return &Server{Handler: handler, manager: manager, sender: local.New(manager)}, nil
}

func answer(_ context.Context, s *websocket.Session, q peer.Question) error {
	content, err := json.Marshal(peer.AnswerTo(q))
	if err != nil {
		return err
	}
	return s.Send(websocket.Message{Type: peer.Type, Content: content})
}

// Template implements peer.Server: the content, which Send puts into the envelope.
func (s *Server) Template(size int) []byte {
	escapes := len(peer.EnvelopeTemplate(0)) - len(peer.Padded(`{"text":"`, `"}`, 0))
	return peer.Padded(`{"text":"`, `"}`, size-escapes)
}

// Broadcast implements peer.Server.
func (s *Server) Broadcast(message []byte) { s.send(websocket.ToAll(), message) }

// Send implements peer.Server.
func (s *Server) Send(user string, message []byte) {
	s.send(websocket.ToUser(websocket.Member, user), message)
}

func (s *Server) send(to websocket.Target, content []byte) {
	if _, err := s.sender.Send(context.Background(), to, websocket.Message{Type: peer.Type, Content: content}); err != nil {
		log.Print(fmt.Errorf("send to %s: %w", to, err))
	}
}

// Sessions implements peer.Server.
func (s *Server) Sessions() int { return s.manager.Count(websocket.ToAll()) }
