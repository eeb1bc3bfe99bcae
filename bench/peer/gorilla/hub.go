package gorilla

import (
	"net/http"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"github.com/switchboard-go/switchboard/bench/peer"
)

// Hub implements peer.Server.
type Hub struct {
	clients    map[string]*client
	broadcast  chan []byte
	direct     chan direct // not in the example: its users cannot be addressed
	register   chan *client
	unregister chan *client
	sessions   atomic.Int64
}

type direct struct {
	user    string
	message []byte
}

// New returns a Hub that runs.
func New() *Hub {
	h := &Hub{
		clients:    make(map[string]*client),
		broadcast:  make(chan []byte),
		direct:     make(chan direct),
		register:   make(chan *client),
		unregister: make(chan *client),
	}
	go h.run()
	return h
}

func (h *Hub) run() {
	for {
		select {
		case c := <-h.register:
			h.clients[c.user] = c
		case c := <-h.unregister:
			if h.clients[c.user] == c {
				h.drop(c)
			}
		case message := <-h.broadcast:
			for _, c := range h.clients {
				h.queue(c, message)
			}
		case d := <-h.direct:
			if c := h.clients[d.user]; c != nil {
				h.queue(c, d.message)
			}
		}
		h.sessions.Store(int64(len(h.clients)))
	}
}

func (h *Hub) queue(c *client, message []byte) {
	select {
	case c.send <- message:
	default:
		h.drop(c)
	}
}

func (h *Hub) drop(c *client) {
	close(c.send)
	delete(h.clients, c.user)
}

var upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}

// ServeHTTP implements peer.Server.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &client{hub: h, user: r.URL.Query().Get("user"), conn: conn, send: make(chan []byte, 256)}
	h.register <- c
	go c.writePump()
	go c.readPump()
}

// Template implements peer.Server.
func (h *Hub) Template(size int) []byte { return peer.EnvelopeTemplate(size) }

// Broadcast implements peer.Server.
func (h *Hub) Broadcast(message []byte) { h.broadcast <- message }

// Send implements peer.Server.
func (h *Hub) Send(user string, message []byte) { h.direct <- direct{user, message} }

// Sessions implements peer.Server.
func (h *Hub) Sessions() int { return int(h.sessions.Load()) }
