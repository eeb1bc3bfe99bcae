package kafka

import (
	"sync"

	"github.com/switchboard-go/switchboard/sender"
)

// The bounds of what waits for Receive. Reading pauses while one is met, and a
// read that is under way then adds one fetch for each partition.
const (
	maxEvents     = 1 << 16
	maxEventBytes = 32 << 20
)

// events is what has come and waits for Receive, in order.
type events struct {
	// ready has a token when pop may have something.
	ready chan struct{}
	// room has a token when there may be room again. Who takes it and finds room
	// passes it on to the next.
	room chan struct{}

	mu      sync.Mutex
	waiting []sender.Event
	head    int // the first of waiting that is still to come
	bytes   int // of the payloads that are still to come
	// failing are the partitions that are not read. The link is up without any.
	failing map[int32]bool
}

func (e *events) init() {
	e.ready = make(chan struct{}, 1)
	e.room = make(chan struct{}, 1)
	e.failing = make(map[int32]bool)
}

// push adds payloads whatever waits already: who uses it waits for room.
func (e *events) push(payloads [][]byte) {
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

// lost adds that the link is down where a partition is the first that is not read.
func (e *events) lost(partition int32, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	already := len(e.failing) > 0
	e.failing[partition] = true
	if already {
		return
	}
	// A LinkUp that has nothing behind it is taken back, so that a link that comes
	// and goes fills nothing.
	last := len(e.waiting) - 1
	if last > e.head && e.waiting[last].Link == sender.LinkUp && e.waiting[last-1].Link == sender.LinkDown {
		e.waiting = e.waiting[:last]
		return
	}
	e.append(sender.Event{Link: sender.LinkDown, Err: err})
}

// found adds that the link is up where a partition is the last that was not read.
func (e *events) found(partition int32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.failing[partition] {
		return
	}
	delete(e.failing, partition)
	if len(e.failing) == 0 {
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
		return sender.Event{}, false
	}
	wasCrowded := e.crowded()
	event := e.waiting[e.head]
	e.waiting[e.head] = sender.Event{}
	e.head++
	e.bytes -= len(event.Payload)
	if e.head == len(e.waiting) {
		e.waiting, e.head = e.waiting[:0], 0
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
