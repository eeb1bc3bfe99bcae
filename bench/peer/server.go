package peer

import "net/http"

// A Server is one of the measured. A client connects with ?user=ID, and each user once.
type Server interface {
	// ServeHTTP upgrades a request. What the connection receives is answered with Reply's work.
	http.Handler
	// Template returns what Broadcast and Send take, stamped, so that clients get a WebSocket payload of size bytes.
	Template(size int) []byte
	// Broadcast sends message to all. It keeps it.
	Broadcast(message []byte)
	// Send sends message to one user. It keeps it.
	Send(user string, message []byte)
	// Sessions returns how many connections there are.
	Sessions() int
}

// Flusher is a Server that has to be told when nothing more comes for now.
type Flusher interface {
	// Flush sends what Broadcast and Send were given.
	Flush() error
}

// Options are what some measurements change.
type Options struct {
	Compression bool
}
