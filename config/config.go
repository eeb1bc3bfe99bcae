package config

import (
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// Config is what every Switchboard server is configured with. Default has the
// values to start from.
type Config struct {
	// WebSocket is the section websocket.
	WebSocket WebSocket `koanf:"websocket"`
}

// WebSocket is the section websocket. The comment of each field is the one
// description of its key: the reference in README.md is made from it.
type WebSocket struct {
	// Whether this node serves WebSockets at all.
	Enable bool `koanf:"enable"`
	// The URL path of the endpoint. It starts with a slash.
	Path string `koanf:"path"`
	// What links the nodes: the name of a linked-in sender; `local` is the one
	// for a single node.
	SenderType string `koanf:"sender-type"`
	// Whether a node that does not reach its broker at its start gives up after
	// 10 s. If not, it serves its own sessions, is not ready, and keeps trying.
	SenderRequired bool `koanf:"sender-required"`
	// The name of this node, which no other node has. Empty: a random one at each
	// start.
	NodeID string `koanf:"node-id"`
	// The origins whose pages may connect, such as `https://app.example.com`.
	// Empty: only pages from the server's own origin.
	AllowedOrigins []string `koanf:"allowed-origins"`
	// Accepts the test tokens `test<userId>`, with which anybody is anybody.
	// Never for production.
	Development bool `koanf:"development"`
	// Answers a message that cannot be handled with an error message.
	SendErrors bool `koanf:"send-errors"`
	// Offers permessage-deflate to clients: less traffic, more memory and CPU for
	// each session.
	Compression bool `koanf:"compression"`
	// The largest message that is accepted, after decompression. A larger one
	// closes the session.
	ReadLimit Bytes `koanf:"read-limit"`
	// How long a message may take from its first byte to its last. Past it the
	// session is closed. 0: as long as it likes.
	ReadTimeout time.Duration `koanf:"read-timeout"`
	// How many frames a second, pings included, a client may send in the long
	// run; bursts of twice as many pass. Past it the session is closed. 0: no
	// limit.
	FrameRate int `koanf:"frame-rate"`
	// How long nothing may be received before the server sends a ping. 0: it
	// sends none.
	PingInterval time.Duration `koanf:"ping-interval"`
	// How long after a ping something must be received. Past it the session is
	// closed. Positive where there are pings.
	PongTimeout time.Duration `koanf:"pong-timeout"`
	// How long nothing at all may be received. Past it the session is closed. 0:
	// for ever.
	IdleTimeout time.Duration `koanf:"idle-timeout"`
	// How many received messages of a session may wait for the listeners. One
	// more is refused.
	InboxMessages int `koanf:"inbox-messages"`
	// How much the received messages of a session that wait for the listeners may
	// come to. A message past it is refused; a single one is always taken.
	InboxBytes Bytes `koanf:"inbox-bytes"`
	// How many messages may wait to be sent to a session.
	OutboxMessages int `koanf:"outbox-messages"`
	// How much the messages that wait to be sent to a session may come to.
	OutboxBytes Bytes `koanf:"outbox-bytes"`
	// What happens to a session whose outbox is full: `close` closes it, `drop`
	// drops the message and counts it.
	SlowConsumer websocket.SlowConsumerPolicy `koanf:"slow-consumer"`
	// How long a client may take none of what is being written to it. Past it the
	// connection is cut.
	WriteTimeout time.Duration `koanf:"write-timeout"`
	// How long a closing session waits for what is queued to be sent and for the
	// client's close frame. Past it the connection is cut.
	CloseTimeout time.Duration `koanf:"close-timeout"`
	// How many keys a session can be bound to.
	MaxKeys int `koanf:"max-keys"`
	// How many sessions this node holds at a time. A handshake past it is refused
	// with 503. 0: no limit.
	MaxSessions int `koanf:"max-sessions"`
	// How many sessions a user has on this node at a time. A handshake past it is
	// refused with 429. 0: no limit.
	MaxSessionsPerUser int `koanf:"max-sessions-per-user"`
}

// Default returns the configuration of a single node that nothing is said
// about. Its limits are websocket.DefaultLimits.
func Default() Config {
	limits := websocket.DefaultLimits()
	return Config{WebSocket: WebSocket{
		Enable:         true,
		Path:           "/infra/ws",
		SenderType:     "local",
		SenderRequired: true,
		SendErrors:     true,

		ReadLimit:          Bytes(limits.ReadLimit),
		ReadTimeout:        limits.ReadTimeout,
		FrameRate:          limits.FrameRate,
		PingInterval:       limits.PingInterval,
		PongTimeout:        limits.PongTimeout,
		IdleTimeout:        limits.IdleTimeout,
		InboxMessages:      limits.InboxMessages,
		InboxBytes:         Bytes(limits.InboxBytes),
		OutboxMessages:     limits.OutboxMessages,
		OutboxBytes:        Bytes(limits.OutboxBytes),
		SlowConsumer:       limits.SlowConsumer,
		WriteTimeout:       limits.WriteTimeout,
		CloseTimeout:       limits.CloseTimeout,
		MaxKeys:            limits.MaxKeys,
		MaxSessions:        limits.MaxSessions,
		MaxSessionsPerUser: limits.MaxSessionsPerUser,
	}}
}

// Limits returns the limits of a session that w sets. Those of a WebSocket that
// Load returned are valid.
func (w WebSocket) Limits() websocket.Limits {
	return websocket.Limits{
		ReadLimit:          int(w.ReadLimit),
		ReadTimeout:        w.ReadTimeout,
		FrameRate:          w.FrameRate,
		PingInterval:       w.PingInterval,
		PongTimeout:        w.PongTimeout,
		IdleTimeout:        w.IdleTimeout,
		InboxMessages:      w.InboxMessages,
		InboxBytes:         int(w.InboxBytes),
		OutboxMessages:     w.OutboxMessages,
		OutboxBytes:        int(w.OutboxBytes),
		SlowConsumer:       w.SlowConsumer,
		WriteTimeout:       w.WriteTimeout,
		CloseTimeout:       w.CloseTimeout,
		MaxKeys:            w.MaxKeys,
		MaxSessions:        w.MaxSessions,
		MaxSessionsPerUser: w.MaxSessionsPerUser,
	}
}
