package websocket

import "sync"

// inbox holds the received messages of one session until the dispatcher has
// taken them, one at a time and in order, and tells of the session's begin and
// end in that order. A goroutine exists only while there is something to
// dispatch. It is bounded in messages and bytes.
type inbox struct {
	owner  inboxOwner
	limits *Limits

	mu      sync.Mutex
	queue   []event
	bytes   int
	stopped bool // takes no more messages
	running bool
}

// inboxOwner is the session of an inbox.
type inboxOwner interface {
	// dispatch is called for one event at a time, under no lock.
	dispatch(event)
	// began and ended frame the life of the goroutine that dispatches.
	began()
	ended()
}

// event is a received message or a turn in the session's life.
type event struct {
	kind    eventKind
	message Message
}

type eventKind uint8

const (
	eventMessage eventKind = iota
	eventOpen
	eventDrained // nothing received is left, and nothing more is taken
	eventClose
)

// message queues a message; it reports false where there is no room.
func (b *inbox) message(m Message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := len(m.Content)
	switch {
	case b.stopped:
		return true
	case b.bytes > 0 && b.bytes+size > b.limits.InboxBytes, len(b.queue) >= b.limits.InboxMessages:
		return false
	}
	b.bytes += size
	b.push(event{eventMessage, m})
	return true
}

// tell queues a turn of life, for which there is always room.
func (b *inbox) tell(kind eventKind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.push(event{kind: kind})
}

// stop takes no more messages; with discard it drops those that wait too.
func (b *inbox) stop(discard bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	if !discard {
		return
	}
	kept := b.queue[:0]
	for _, e := range b.queue {
		if e.kind != eventMessage {
			kept = append(kept, e)
		}
	}
	clear(b.queue[len(kept):])
	b.queue = kept
	b.bytes = 0
}

// push queues e and starts the goroutine where none runs. The caller holds mu.
func (b *inbox) push(e event) {
	b.queue = append(b.queue, e)
	if !b.running {
		b.running = true
		b.owner.began()
		go b.run()
	}
}

// run dispatches until nothing waits.
func (b *inbox) run() {
	defer b.owner.ended()
	for {
		b.mu.Lock()
		if len(b.queue) == 0 {
			b.running = false
			if cap(b.queue) > keepCapacity {
				b.queue = nil
			}
			b.mu.Unlock()
			return
		}
		e := b.queue[0]
		b.queue = append(b.queue[:0], b.queue[1:]...)
		b.bytes = max(0, b.bytes-len(e.message.Content))
		b.mu.Unlock()
		b.owner.dispatch(e)
	}
}
