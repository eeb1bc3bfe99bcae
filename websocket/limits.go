package websocket

import (
	"fmt"
	"time"
)

// Limits bounds what one session can cost. DefaultLimits has the values to
// start from. A timeout or rate of zero is off; every other limit must be
// positive. All are per session unless they say otherwise.
type Limits struct {
	// ReadLimit is the largest message that is accepted, in bytes, after
	// decompression. A larger one closes the session with CloseMessageTooBig.
	ReadLimit int
	// ReadTimeout is how long a message may take from its first byte to its
	// last. Past it the session is closed with CloseReadTimeout.
	ReadTimeout time.Duration
	// FrameRate is how many frames a second, pings included, a client may send
	// in the long run; bursts of twice as many pass. Past it the session is
	// closed with ClosePolicyViolation.
	FrameRate int
	// PingInterval is how long nothing may be received before the server sends
	// a ping.
	PingInterval time.Duration
	// PongTimeout is how long after a ping something must be received. Past it
	// the session is closed with ClosePeerSilent. It needs PingInterval.
	PongTimeout time.Duration
	// IdleTimeout is how long nothing at all may be received. Past it the
	// session is closed with ClosePeerSilent. Pings normally keep a session
	// from getting there.
	IdleTimeout time.Duration
	// InboxMessages and InboxBytes bound the received messages that wait for
	// the listeners. A message past either is refused with CodeBusy. A single
	// message is always taken.
	InboxMessages int
	InboxBytes    int
	// OutboxMessages and OutboxBytes bound what waits to be sent, what is being
	// written included. Past either, SlowConsumer says what happens.
	OutboxMessages int
	OutboxBytes    int
	// SlowConsumer is what happens to a session whose outbox is full.
	SlowConsumer SlowConsumerPolicy
	// WriteTimeout is how long one write, of at most 64 KiB, may take. Past it
	// the connection is cut.
	WriteTimeout time.Duration
	// CloseTimeout is how long a closing session waits for what is queued to be
	// sent and for the client's own close frame. Past it the connection is cut.
	CloseTimeout time.Duration
	// MaxKeys is how many keys a session can be bound to.
	MaxKeys int
	// MaxSessions is how many sessions the manager holds at a time; a
	// handshake past it is refused with 503. Zero means no limit.
	MaxSessions int
	// MaxSessionsPerUser is how many sessions a user has on this node at a
	// time; a handshake past it is refused with 429. Zero means no limit.
	MaxSessionsPerUser int
}

// SlowConsumerPolicy says what happens when a session's outbox is full.
type SlowConsumerPolicy string

const (
	// SlowConsumerClose closes the session with CloseSlowConsumer, so that the
	// client knows that it missed something and connects again.
	SlowConsumerClose SlowConsumerPolicy = "close"
	// SlowConsumerDrop drops the message for that session and counts it.
	SlowConsumerDrop SlowConsumerPolicy = "drop"
)

// DefaultLimits returns the limits that fit a chat or a notifier with browsers
// as clients.
func DefaultLimits() Limits {
	return Limits{
		ReadLimit:      64 << 10,
		ReadTimeout:    10 * time.Second,
		FrameRate:      200,
		PingInterval:   25 * time.Second,
		PongTimeout:    10 * time.Second,
		IdleTimeout:    60 * time.Second,
		InboxMessages:  256,
		InboxBytes:     256 << 10,
		OutboxMessages: 1024,
		OutboxBytes:    1 << 20,
		SlowConsumer:   SlowConsumerClose,
		WriteTimeout:   5 * time.Second,
		CloseTimeout:   2 * time.Second,
		MaxKeys:        1024,
	}
}

// Validate returns an error that names the first limit that makes no sense.
func (l Limits) Validate() error {
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"ReadLimit", l.ReadLimit},
		{"InboxMessages", l.InboxMessages},
		{"InboxBytes", l.InboxBytes},
		{"OutboxMessages", l.OutboxMessages},
		{"OutboxBytes", l.OutboxBytes},
		{"MaxKeys", l.MaxKeys},
	} {
		if limit.value <= 0 {
			return fmt.Errorf("limit %s is %d, it must be positive", limit.name, limit.value)
		}
	}
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"ReadTimeout", int64(l.ReadTimeout)},
		{"FrameRate", int64(l.FrameRate)},
		{"PingInterval", int64(l.PingInterval)},
		{"PongTimeout", int64(l.PongTimeout)},
		{"IdleTimeout", int64(l.IdleTimeout)},
		{"MaxSessions", int64(l.MaxSessions)},
		{"MaxSessionsPerUser", int64(l.MaxSessionsPerUser)},
	} {
		if limit.value < 0 {
			return fmt.Errorf("limit %s is negative", limit.name)
		}
	}
	// Without these two a client that takes nothing could hold its session for ever.
	if l.WriteTimeout <= 0 || l.CloseTimeout <= 0 {
		return fmt.Errorf("limits WriteTimeout (%s) and CloseTimeout (%s) must be positive", l.WriteTimeout, l.CloseTimeout)
	}
	if l.PingInterval > 0 && l.PongTimeout == 0 {
		return fmt.Errorf("limit PingInterval is %s, so PongTimeout must be positive", l.PingInterval)
	}
	if l.SlowConsumer != SlowConsumerClose && l.SlowConsumer != SlowConsumerDrop {
		return fmt.Errorf("limit SlowConsumer is %q, it must be %q or %q", l.SlowConsumer, SlowConsumerClose, SlowConsumerDrop)
	}
	return nil
}
