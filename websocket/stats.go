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
	// Dropped counts the messages that a full outbox did not take, whatever the
	// SlowConsumerPolicy.
	Dropped uint64
	// Panics counts the panics that were contained, in the dispatcher, the
	// hooks, an authenticator or the frame reader.
	Panics uint64
	// Errors counts the messages that were not handled, by the code that says why.
	Errors map[ErrorCode]uint64
	// Closed counts the sessions that ended, by close code. Codes that are not
	// in CloseCodes are counted under zero.
	Closed map[CloseCode]uint64
}

// counters are the live form of Stats.
type counters struct {
	opened, refused, received, sent, dropped, panics atomic.Uint64

	errors [len(errorCodes)]atomic.Uint64
	closed map[CloseCode]*atomic.Uint64 // fixed once made
}

var errorCodes = [...]ErrorCode{CodeInvalidMessage, CodeUnknownType, CodeInvalidContent, CodeListenerFailed, CodeBusy}

func newCounters() *counters {
	c := &counters{closed: map[CloseCode]*atomic.Uint64{0: new(atomic.Uint64)}}
	for _, meaning := range CloseCodes {
		c.closed[meaning.Code] = new(atomic.Uint64)
	}
	return c
}

// countError counts code; codes of the application's own count as CodeListenerFailed.
func (c *counters) countError(code ErrorCode) {
	index := 3
	for i, known := range errorCodes {
		if known == code {
			index = i
		}
	}
	c.errors[index].Add(1)
}

func (c *counters) countClose(code CloseCode) {
	counter, ok := c.closed[code]
	if !ok {
		counter = c.closed[0]
	}
	counter.Add(1)
}

func (c *counters) stats() Stats {
	s := Stats{
		Opened:   c.opened.Load(),
		Refused:  c.refused.Load(),
		Received: c.received.Load(),
		Sent:     c.sent.Load(),
		Dropped:  c.dropped.Load(),
		Panics:   c.panics.Load(),
		Errors:   make(map[ErrorCode]uint64),
		Closed:   make(map[CloseCode]uint64),
	}
	for i := range c.errors {
		if n := c.errors[i].Load(); n > 0 {
			s.Errors[errorCodes[i]] = n
		}
	}
	for code, counter := range c.closed {
		if n := counter.Load(); n > 0 {
			s.Closed[code] = n
		}
	}
	return s
}
