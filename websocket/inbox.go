package websocket

import "sync"

// inbox holds the received messages of one session until the dispatcher has
// taken them, one at a time and in order, and tells of the session's begin and
// end in that order. A goroutine exists only while there is something to
// dispatch. It is bounded in messages and bytes.
type inbox struct {
	owner       inboxOwner
	limits      *Limits
	dispatchers *dispatchers

	mu       sync.Mutex
	queue    fifo[event]
	messages int  // in queue
	bytes    int  // their sizes
	stopped  bool // takes no more messages
	running  bool
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
	size := m.size()
	switch {
	case b.stopped:
		return true
	case b.messages > 0 && (b.messages >= b.limits.InboxMessages || b.bytes+size > b.limits.InboxBytes):
		return false
	}
	b.messages++
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
	var kept fifo[event]
	for _, e := range b.queue.waiting() {
		if e.kind != eventMessage {
			kept.push(e)
		}
	}
	b.queue, b.messages, b.bytes = kept, 0, 0
}

// push queues e and starts the goroutine where none runs. The caller holds mu.
func (b *inbox) push(e event) {
	b.queue.push(e)
	if !b.running {
		b.running = true
		b.owner.began()
		b.dispatchers.run(b)
	}
}

// run dispatches until nothing waits.
func (b *inbox) run() {
	defer b.owner.ended()
	for {
		e, ok := b.next()
		if !ok {
			return
		}
		b.owner.dispatch(e)
	}
}

// next takes the oldest event. Without any it ends the goroutine.
func (b *inbox) next() (event, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.queue.len() == 0 {
		b.running = false
		b.queue.trim()
		return event{}, false
	}
	e := b.queue.pop()
	if e.kind == eventMessage {
		b.messages--
		b.bytes -= e.message.size()
	}
	return e, true
}
