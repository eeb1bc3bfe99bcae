package sender

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// group publishes packets in batches: while one batch is on its way the next
// one gathers, so that an idle broker adds no delay and a busy one gets many
// packets at a time. What gathers is bounded.
type group struct {
	publish    func(context.Context, []Packet) error
	timeout    time.Duration // of one publish
	maxPackets int
	maxBytes   int

	mu      sync.Mutex
	next    *batch // gathers; never nil
	flowing bool   // a goroutine publishes
	closed  bool
	running sync.WaitGroup
}

// batch is what one publish takes.
type batch struct {
	packets []Packet
	bytes   int
	taken   chan struct{} // closed when it no longer gathers
	done    chan struct{} // closed when it is published, or is not
	err     error
}

func newBatch() *batch {
	return &batch{taken: make(chan struct{}), done: make(chan struct{})}
}

// send publishes the packet that fill returns and waits for it. fill is called
// once there is room, under the lock that orders the packets. The error is
// ErrBusy where there was no room until ctx ended, and ErrClosed; others wrap
// ErrNotPublished.
func (g *group) send(ctx context.Context, size int, fill func() Packet) (Packet, error) {
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
	b.packets = append(b.packets, fill())
	b.bytes += size
	if !g.flowing {
		g.flowing = true
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
	packet := b.packets[index]
	if b.err != nil && !packet.Done {
		return packet, fmt.Errorf("%w: %w", ErrNotPublished, b.err)
	}
	return packet, nil
}

// flow publishes batches until none has gathered.
func (g *group) flow() {
	defer g.running.Done()
	for {
		g.mu.Lock()
		b := g.next
		if len(b.packets) == 0 {
			g.flowing = false
			g.mu.Unlock()
			return
		}
		g.next = newBatch()
		close(b.taken)
		g.mu.Unlock()

		ctx, cancel := context.WithTimeoutCause(context.Background(), g.timeout, errPublishTimeout)
		b.err = g.publish(ctx, b.packets)
		if b.err != nil && ctx.Err() != nil {
			b.err = errors.Join(context.Cause(ctx), b.err)
		}
		cancel()
		close(b.done)
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
