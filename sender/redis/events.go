package redis

import (
	"fmt"
	"sync"

	"github.com/switchboard-go/switchboard/sender"
)

// The bounds of what waits for Receive. They leave a receiver that stalls for a
// moment all of it, and do not let one that stands still take the memory.
const (
	maxEvents     = 1 << 16
	maxEventBytes = 32 << 20
)

// events is what has come and waits for Receive, in order. Reading goes on while
// it is full, as Redis cuts off who does not read; what then comes is lost, and
// LinkDown and LinkUp say so at its place.
type events struct {
	// ready has a token when pop may have something.
	ready chan struct{}
	// room has a token when the queue is no longer full.
	room chan struct{}

	mu      sync.Mutex
	waiting []sender.Event
	head    int // the first of waiting that is still to come
	bytes   int // of the payloads that are still to come
	down    bool
	// full: payloads are lost until all that waits has been taken. The LinkDown
	// that says so is in waiting, or has been taken.
	full bool
}

func (e *events) init() {
	e.ready = make(chan struct{}, 1)
	e.room = make(chan struct{}, 1)
}

// push adds a payload, or loses it.
func (e *events) push(payload []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.full {
		return
	}
	if e.crowded() {
		e.full = true
		e.appendDown(fmt.Errorf("the receiver is too slow: %d packets of %d bytes wait for it", len(e.waiting)-e.head, e.bytes))
		return
	}
	e.append(sender.Event{Payload: payload})
}

// pushAll adds payloads whatever waits already: who uses it waits for room.
func (e *events) pushAll(payloads [][]byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, payload := range payloads {
		e.append(sender.Event{Payload: payload})
	}
}

// hasRoom reports whether the queue takes more.
func (e *events) hasRoom() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.crowded()
}

func (e *events) crowded() bool {
	return len(e.waiting)-e.head >= maxEvents || e.bytes >= maxEventBytes
}

// linkDown adds that the link is down, once until it is up.
func (e *events) linkDown(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down {
		return
	}
	e.down = true
	if !e.full {
		e.appendDown(err)
	}
}

// appendDown adds a LinkDown. A LinkUp that has nothing behind it is taken back,
// so that a link that comes and goes fills nothing.
func (e *events) appendDown(err error) {
	last := len(e.waiting) - 1
	if last > e.head && e.waiting[last].Link == sender.LinkUp && e.waiting[last-1].Link == sender.LinkDown {
		e.waiting = e.waiting[:last]
		return
	}
	e.append(sender.Event{Link: sender.LinkDown, Err: err})
}

// linkUp adds that the link is up, where it was down. While payloads are lost
// that is still to come.
func (e *events) linkUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.down {
		return
	}
	e.down = false
	if !e.full {
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
	signal(e.ready)
}

// pop takes the next event; false where none waits.
func (e *events) pop() (sender.Event, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.head == len(e.waiting) {
		if !e.full {
			return sender.Event{}, false
		}
		// All from before the loss has been taken: from now on nothing is lost.
		e.full = false
		if e.down {
			return sender.Event{}, false
		}
		return sender.Event{Link: sender.LinkUp}, true
	}
	wasCrowded := e.crowded()
	event := e.waiting[e.head]
	e.waiting[e.head] = sender.Event{}
	e.head++
	e.bytes -= len(event.Payload)
	if e.head == len(e.waiting) {
		e.waiting, e.head = e.waiting[:0], 0
		if e.full {
			signal(e.ready) // the LinkUp
		}
	}
	if wasCrowded && !e.crowded() {
		signal(e.room)
	}
	return event, true
}

// signal puts a token into c where there is none.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
