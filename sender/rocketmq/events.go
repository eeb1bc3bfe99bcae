package rocketmq

import (
	"sync"

	"github.com/switchboard-go/switchboard/sender"
)

// The bounds of what waits for Receive. Nothing more is pulled while they are
// met; the broker keeps it.
const (
	maxEvents     = 1 << 14
	maxEventBytes = 16 << 20
)

// events is what has come and waits for Receive, in order.
type events struct {
	// ready has a token when pop may have something.
	ready chan struct{}

	mu      sync.Mutex
	waiting []sender.Event
	head    int           // the first of waiting that is still to come
	bytes   int           // of the payloads that are still to come
	down    int           // how many links are
	room    chan struct{} // closed when there is room again; nil where there is
}

// push adds payloads. Who pushes waits for room before it pulls more.
func (e *events) push(payloads [][]byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, payload := range payloads {
		e.append(sender.Event{Payload: payload})
	}
}

// full returns a channel that is closed when the queue takes more; nil where it
// does.
func (e *events) full() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.crowded() && e.room == nil {
		e.room = make(chan struct{})
	}
	return e.room
}

func (e *events) crowded() bool {
	return len(e.waiting)-e.head >= maxEvents || e.bytes >= maxEventBytes
}

// linkDown notes that the link to a broker broke; with the first, the link is
// down.
func (e *events) linkDown(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down++; e.down > 1 {
		return
	}
	// A LinkUp with nothing behind it is taken back, so that a link that comes and
	// goes fills nothing.
	last := len(e.waiting) - 1
	if last > e.head && e.waiting[last].Link == sender.LinkUp && e.waiting[last-1].Link == sender.LinkDown {
		e.waiting = e.waiting[:last]
		return
	}
	e.append(sender.Event{Link: sender.LinkDown, Err: err})
}

// linkUp notes that the link to a broker is back; with the last, the link is up.
func (e *events) linkUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down--; e.down == 0 {
		e.append(sender.Event{Link: sender.LinkUp})
	}
}

func (e *events) append(event sender.Event) {
	if e.head > len(e.waiting)/2 {
		n := copy(e.waiting, e.waiting[e.head:])
		clear(e.waiting[n:])
		e.waiting, e.head = e.waiting[:n], 0
	}
	e.waiting = append(e.waiting, event)
	e.bytes += len(event.Payload)
	select {
	case e.ready <- struct{}{}:
	default:
	}
}

// pop takes the next event; false where none waits.
func (e *events) pop() (sender.Event, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.head == len(e.waiting) {
		return sender.Event{}, false
	}
	event := e.waiting[e.head]
	e.waiting[e.head] = sender.Event{}
	e.head++
	e.bytes -= len(event.Payload)
	if e.head == len(e.waiting) {
		e.waiting, e.head = e.waiting[:0], 0
	}
	if e.room != nil && !e.crowded() {
		close(e.room)
		e.room = nil
	}
	return event, true
}
