package driver

import (
	"context"
	"fmt"
	"sync"

	"github.com/switchboard-go/switchboard/sender"
)

// The bounds of what waits in a Feed. They leave a receiver that stalls for a moment all of it, and do not let one that stands
// still take the memory.
const (
	MaxPackets = 1 << 16
	MaxBytes   = 32 << 20
)

// Feed is what has come from the broker and waits for Receive, in order: packets, and news of the links. All methods are safe for
// concurrent use, and only AwaitRoom and Receive wait.
//
// A driver that can leave packets at the broker calls AwaitRoom before it reads more and then Push; the bounds are then exceeded by
// one read for each goroutine that reads. One that cannot calls Offer, which loses what is past the bounds and has LinkDown and
// LinkUp say so at its place.
type Feed struct {
	open context.Context
	// ready has a token when pop may have something.
	ready chan struct{}

	mu      sync.Mutex
	waiting []sender.Event
	head    int // the first of waiting that is still to come
	bytes   int // of the payloads that are still to come
	// room is closed when the bounds are no longer met; nil while nobody waits for that.
	room chan struct{}
	// broken are the links that are down. What Receive is told of is up without any.
	broken map[any]bool
	// losing: what is offered is lost until all that waits has been taken. The LinkDown that says so is in waiting, or has been
	// taken.
	losing bool
}

// NewFeed returns the feed of a driver, whose Receive ends when open does.
func NewFeed(open context.Context) *Feed {
	return &Feed{open: open, ready: make(chan struct{}, 1), broken: make(map[any]bool)}
}

// Receive returns the next event, as sender.Broker has it.
func (f *Feed) Receive(ctx context.Context) (sender.Event, error) {
	for {
		if f.open.Err() != nil {
			return sender.Event{}, sender.ErrClosed
		}
		// What is there comes before the end of ctx, so that a caller who polls with ended contexts gets on.
		if event, ok := f.pop(); ok {
			return event, nil
		}
		select {
		case <-f.ready:
		case <-ctx.Done():
			return sender.Event{}, ctx.Err()
		case <-f.open.Done():
		}
	}
}

// AwaitRoom returns when less waits than the bounds, or with the error of ctx.
func (f *Feed) AwaitRoom(ctx context.Context) error {
	for {
		f.mu.Lock()
		if !f.crowded() {
			f.mu.Unlock()
			return nil
		}
		if f.room == nil {
			f.room = make(chan struct{})
		}
		room := f.room
		f.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Depth returns how many events wait, and the bytes of their payloads.
func (f *Feed) Depth() (events, bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting) - f.head, f.bytes
}

// Push adds packets, which it keeps, whatever waits already.
func (f *Feed) Push(payloads ...[]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, payload := range payloads {
		f.append(sender.Event{Payload: payload})
	}
}

// Offer adds a packet, which it keeps, or loses it.
func (f *Feed) Offer(payload []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.losing:
	case f.crowded():
		f.losing = true
		f.appendDown(fmt.Errorf("the receiver is too slow: %d packets of %d bytes wait for it", len(f.waiting)-f.head, f.bytes))
	default:
		f.append(sender.Event{Payload: payload})
	}
}

// LinkDown notes that a link, named by any comparable value, is down. With the first one LinkDown is received.
func (f *Feed) LinkDown(link any, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	already := len(f.broken) > 0
	f.broken[link] = true
	if !already && !f.losing {
		f.appendDown(err)
	}
}

// LinkUp notes that a link is up; one that was not down is ignored. With the last one LinkUp is received: while packets are lost
// that is still to come.
func (f *Feed) LinkUp(link any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.broken[link] {
		return
	}
	delete(f.broken, link)
	if len(f.broken) == 0 && !f.losing {
		f.append(sender.Event{Link: sender.LinkUp})
	}
}

func (f *Feed) crowded() bool { return len(f.waiting)-f.head >= MaxPackets || f.bytes >= MaxBytes }

// appendDown adds a LinkDown. A LinkUp that has nothing behind it is taken back, so that a link that comes and goes fills nothing.
func (f *Feed) appendDown(err error) {
	last := len(f.waiting) - 1
	if last > f.head && f.waiting[last].Link == sender.LinkUp && f.waiting[last-1].Link == sender.LinkDown {
		f.waiting = f.waiting[:last]
		return
	}
	f.append(sender.Event{Link: sender.LinkDown, Err: err})
}

func (f *Feed) append(event sender.Event) {
	if f.head > len(f.waiting)/2 {
		n := copy(f.waiting, f.waiting[f.head:])
		clear(f.waiting[n:])
		f.waiting, f.head = f.waiting[:n], 0
	}
	f.waiting = append(f.waiting, event)
	f.bytes += len(event.Payload)
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// pop takes the next event; false where none waits.
func (f *Feed) pop() (sender.Event, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.head == len(f.waiting) {
		if !f.losing {
			return sender.Event{}, false
		}
		// All from before the loss has been taken: from now on nothing is lost.
		f.losing = false
		return sender.Event{Link: sender.LinkUp}, len(f.broken) == 0
	}
	event := f.waiting[f.head]
	f.waiting[f.head] = sender.Event{}
	f.head++
	f.bytes -= len(event.Payload)
	if f.head == len(f.waiting) {
		f.waiting, f.head = f.waiting[:0], 0
	}
	if f.room != nil && !f.crowded() {
		close(f.room)
		f.room = nil
	}
	return event, true
}
