package sender

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// group publishes packets in batches: while as many are under way as the broker
// is to have the next batch gathers, so that an idle broker adds no delay and a
// busy one gets many packets at a time. What gathers is bounded, and so are the
// batches under way.
type group struct {
	begin func(context.Context, []Packet) (confirm func() error)
	// few is how many packets under way keep the next batch back: so many batches
	// are under way at the most.
	few        int
	timeout    time.Duration // of one batch
	maxPackets int
	maxBytes   int

	mu        sync.Mutex
	next      *batch // gathers; never nil
	beginning bool   // a goroutine begins a batch
	underWay  int    // packets in the batches that have begun
	closed    bool
	running   sync.WaitGroup
}

// fewPackets is a group's few where the broker is a Pipeliner. A lone message
// then waits for no other's confirmation, and a flood gathers: a broker works as
// long for a packet that carries one message as for one that carries hundreds.
const fewPackets = 16

// pipeline returns how a group begins batches on a broker, and its few.
func pipeline(b Broker) (begin func(context.Context, []Packet) (confirm func() error), few int) {
	if p, ok := b.(Pipeliner); ok {
		return p.Begin, fewPackets
	}
	return func(ctx context.Context, packets []Packet) func() error {
		return func() error { return b.Publish(ctx, packets) }
	}, 1
}

// batch is what is published at a time. Its memory is used again: what a message
// leaves behind is what most of a flood's collections would be for.
type batch struct {
	packets  []Packet
	payloads []byte // of the packets, one behind the other
	bytes    int
	taken    chan struct{} // closed when it no longer gathers
	done     chan struct{} // closed when it is published, or is not
	err      error
	users    atomic.Int32 // the group, and the sends that wait for it
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func newBatch() *batch {
	b := batches.Get().(*batch)
	b.taken, b.done = make(chan struct{}), make(chan struct{})
	b.users.Store(1)
	return b
}

// leave is called when one of its users is done with b. Payloads are not used
// again that were not published: the driver of a broker that did not answer may
// still be writing them.
func (b *batch) leave() {
	if b.users.Add(-1) > 0 || b.err != nil {
		return
	}
	clear(b.packets)
	b.packets, b.payloads, b.bytes = b.packets[:0], b.payloads[:0], 0
	batches.Put(b)
}

// send publishes a packet and waits for it. fill makes it: it appends the payload
// to what it is given and returns that. It is called once there is room, under the
// lock that orders the packets. The error is ErrBusy where there was no room until
// ctx ended, and ErrClosed; others wrap ErrNotPublished.
func (g *group) send(ctx context.Context, size int, fill func(payloads []byte) (Packet, []byte)) (Packet, error) {
	g.mu.Lock()
	for !g.closed && len(g.next.packets) > 0 && (len(g.next.packets) >= g.maxPackets || g.next.bytes+size > g.maxBytes) {
		taken := g.next.taken
		g.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return Packet{}, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
		}
		g.mu.Lock()
	}
	if g.closed {
		g.mu.Unlock()
		return Packet{}, ErrClosed
	}
	b, index := g.next, len(g.next.packets)
	b.users.Add(1)
	defer b.leave()
	packet, payloads := fill(b.payloads)
	packet.Payload = payloads[len(b.payloads):len(payloads):len(payloads)]
	b.packets, b.payloads = append(b.packets, packet), payloads
	b.bytes += size
	if g.takeTurn() {
		g.running.Add(1)
		go g.flow()
	}
	g.mu.Unlock()

	select {
	case <-b.done:
	case <-ctx.Done():
		// It may go out yet, which the caller is not to wait for.
		return Packet{Nodes: NodesUnknown}, fmt.Errorf("%w: %w", ErrNotPublished, ctx.Err())
	}
	packet = b.packets[index]
	packet.Payload = nil // it is the batch's
	if b.err != nil && !packet.Done {
		return packet, fmt.Errorf("%w: %w", ErrNotPublished, b.err)
	}
	return packet, nil
}

// takeTurn reports whether the caller is to begin what has gathered, under the
// lock.
func (g *group) takeTurn() bool {
	if g.beginning || len(g.next.packets) == 0 || g.underWay >= g.few {
		return false
	}
	g.beginning = true
	return true
}

// flow publishes batches, as long as it is its turn.
func (g *group) flow() {
	defer g.running.Done()
	for turn := true; turn; {
		g.mu.Lock()
		b := g.next
		g.next = newBatch()
		g.underWay += len(b.packets)
		close(b.taken)
		g.mu.Unlock()

		ctx, cancel := context.WithTimeoutCause(context.Background(), g.timeout, errPublishTimeout)
		confirm := g.begin(ctx, b.packets)

		g.mu.Lock()
		g.beginning = false
		if g.takeTurn() {
			g.running.Add(1)
			go g.flow()
		}
		g.mu.Unlock()

		b.err = confirm()
		if b.err != nil && ctx.Err() != nil {
			b.err = errors.Join(context.Cause(ctx), b.err)
		}
		cancel()
		close(b.done)

		g.mu.Lock()
		g.underWay -= len(b.packets)
		turn = g.takeTurn()
		g.mu.Unlock()
		b.leave()
	}
}

var errPublishTimeout = errors.New("the broker did not take it in time")

// close takes no more packets and waits until what has gathered is published.
func (g *group) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}
