package bare

import (
	"crypto/sha1" // RFC 6455, section 4.2.2, asks for it
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/switchboard-go/switchboard/bench/frame"
	"github.com/switchboard-go/switchboard/bench/peer"
)

// Server implements peer.Server and peer.Flusher. What its clients send stays unread.
type Server struct {
	mu      sync.Mutex // for the handshakes; nothing is sent before they are done
	users   map[string]*socket
	all     []*socket
	waiting []byte    // frames for all, one after the other: cheaper still than a writev of them
	dirty   []*socket // have frames of their own
}

type socket struct {
	conn    net.Conn // keeps the descriptor open
	fd      int
	waiting []byte
}

// New returns a Server.
func New() *Server { return &Server{users: make(map[string]*socket)} }

// ServeHTTP implements peer.Server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.upgrade(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) error {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return errors.New("not a bare TCP connection")
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	c := &socket{conn: conn}
	if err := raw.Control(func(fd uintptr) { c.fd = int(fd) }); err != nil {
		return err
	}
	key := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(key[:])); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[r.URL.Query().Get("user")] = c
	s.all = append(s.all, c)
	return nil
}

// Template implements peer.Server.
func (s *Server) Template(size int) []byte { return peer.EnvelopeTemplate(size) }

// Broadcast implements peer.Server.
func (s *Server) Broadcast(message []byte) {
	s.waiting = frame.AppendServer(s.waiting, frame.Text, message)
}

// Send implements peer.Server.
func (s *Server) Send(user string, message []byte) {
	c := s.users[user]
	if len(c.waiting) == 0 {
		s.dirty = append(s.dirty, c)
	}
	c.waiting = frame.AppendServer(c.waiting, frame.Text, message)
}

// Flush implements peer.Flusher.
func (s *Server) Flush() error {
	if len(s.waiting) > 0 {
		for _, c := range s.all {
			if err := write(c.fd, s.waiting); err != nil {
				return err
			}
		}
		s.waiting = s.waiting[:0]
	}
	for _, c := range s.dirty {
		if err := write(c.fd, c.waiting); err != nil {
			return err
		}
		c.waiting = c.waiting[:0]
	}
	s.dirty = s.dirty[:0]
	return nil
}

// write writes all of b. No more is ever in flight than a socket holds, so one that takes less is a defect.
func write(fd int, b []byte) error {
	n, err := unix.Write(fd, b)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if n != len(b) {
		return fmt.Errorf("write took %d of %d bytes", n, len(b))
	}
	return nil
}

// Sessions implements peer.Server.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}
