package websocket

import "sync/atomic"

// Stats are a Server's counters since its start, read one by one while the
// server runs.
type Stats struct {
	// Opened counts the sessions that began, Refused the handshakes that were
	// answered with an HTTP status instead.
	Opened, Refused uint64
	// Received counts the messages that were handed to the dispatcher, Sent the
	// frames with messages that were written to connections.
	Received, Sent uint64
	// ReceivedByType counts the messages that the dispatcher has handled, by type.
	// A type is counted under its name once a message of it was handled without an
	// error, up to MaxCountedTypes of them, and before or else under OtherTypes.
	ReceivedByType map[string]uint64
	// Dropped counts the messages that a full outbox did not take, whatever the
	// SlowConsumerPolicy.
	Dropped uint64
	// Panics counts the panics that were contained, in the dispatcher, the
	// hooks, an authenticator or the frame reader.
	Panics uint64
	// Errors counts the messages that were not handled, by the code that says
	// why. Codes of the application's own are counted under CodeListenerFailed.
	Errors map[ErrorCode]uint64
	// Closed counts the sessions that ended, by close code. Codes that are not
	// in CloseCodes are counted under zero.
	Closed map[CloseCode]uint64
}

// counters are the live form of Stats.
type counters struct {
	opened, refused, received, sent, dropped, panics atomic.Uint64

	receivedByType *typeCounts

	// Both are fixed once made.
	errors map[ErrorCode]*atomic.Uint64
	closed map[CloseCode]*atomic.Uint64
}

func newCounters() *counters {
	c := &counters{receivedByType: newTypeCounts(), errors: make(map[ErrorCode]*atomic.Uint64), closed: map[CloseCode]*atomic.Uint64{0: {}}}
	for _, code := range []ErrorCode{CodeInvalidMessage, CodeUnknownType, CodeInvalidContent, CodeListenerFailed, CodeBusy} {
		c.errors[code] = new(atomic.Uint64)
	}
	for _, meaning := range CloseCodes {
		c.closed[meaning.Code] = new(atomic.Uint64)
	}
	return c
}

func (c *counters) countError(code ErrorCode) {
	counter, ok := c.errors[code]
	if !ok {
		counter = c.errors[CodeListenerFailed]
	}
	counter.Add(1)
}

func (c *counters) countClose(code CloseCode) {
	counter, ok := c.closed[code]
	if !ok {
		counter = c.closed[0]
	}
	counter.Add(1)
}

func (c *counters) stats() Stats {
	return Stats{
		Opened:   c.opened.Load(),
		Refused:  c.refused.Load(),
		Received: c.received.Load(),
		Sent:     c.sent.Load(),
		Dropped:  c.dropped.Load(),
		Panics:   c.panics.Load(),
		Errors:   loaded(c.errors),
		Closed:   loaded(c.closed),

		ReceivedByType: c.receivedByType.stats(),
	}
}

// loaded returns the counters that are not zero.
func loaded[K comparable](counters map[K]*atomic.Uint64) map[K]uint64 {
	values := make(map[K]uint64)
	for key, counter := range counters {
		if n := counter.Load(); n > 0 {
			values[key] = n
		}
	}
	return values
}
