package memory

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// Broker is a node on a Bus. It implements sender.Broker, sender.Router and
// sender.Pipeliner.
type Broker struct {
	bus       *Bus
	app, node string
	closing   atomic.Bool
	ended     chan struct{} // closed when Close begins
	gone      chan struct{} // closed when it returns
	late      chan struct{} // closed an hour later, of CloseLeavesReceive
	gaveUp    bool          // of SubscribeGivesUp; Subscribe's own

	// What follows is guarded by bus.mu.
	taken   map[string]bool
	down    bool
	events  []sender.Event // wait to be received
	missed  []sender.Event // wait for the link, on a durable bus
	arrived chan struct{}  // closed, and made anew, when an event comes or goes
	shared  []byte         // of SharesPayloads
	reused  []byte         // of ReusesBuffer
	given   []sender.Packet
	joined  bool
	deaf    bool
}

var (
	errSecondClose = errors.New("closed already")
	errGaveUp      = errors.New("gave up before")
)

// Capabilities implements sender.Broker.
func (n *Broker) Capabilities() sender.Capabilities { return n.bus.options.Capabilities }

// Subscribe implements sender.Broker.
func (n *Broker) Subscribe(ctx context.Context) error {
	if ctx.Err() != nil {
		switch {
		case n.bus.broken(SubscribeHangs):
			<-n.ended
		case n.bus.broken(SubscribeGivesUp):
			n.gaveUp = true
		case n.bus.broken(SubscribesTwice):
			_ = n.bus.join(n)
		}
		return ctx.Err()
	}
	if n.gaveUp {
		return errGaveUp
	}
	if n.bus.broken(SubscribeKeepsContext) {
		context.AfterFunc(ctx, func() { n.bus.leave(n) })
	}
	err := n.bus.join(n)
	n.bus.mu.Lock()
	n.joined = err == nil
	n.bus.mu.Unlock()
	return err
}

// Publish implements sender.Broker.
func (n *Broker) Publish(ctx context.Context, packets []sender.Packet) error {
	return n.Begin(ctx, packets)()
}

// Begin implements sender.Pipeliner. The nodes have the packets when it returns.
func (n *Broker) Begin(ctx context.Context, packets []sender.Packet) (confirm func() error) {
	switch {
	case n.bus.broken(BeginsLate):
		return func() error { return n.publish(ctx, packets) }
	case n.bus.broken(ConfirmsEarly):
		later := slices.Clone(packets)
		for i := range later {
			later[i].Payload = slices.Clone(later[i].Payload)
		}
		time.AfterFunc(10*time.Millisecond, func() { _ = n.publish(context.Background(), later) })
		return func() error {
			for i := range packets {
				packets[i].Done = true
			}
			return nil
		}
	}
	err := n.publish(ctx, packets)
	return func() error {
		if n.bus.broken(ConfirmHangs) && n.closed() {
			<-time.After(time.Hour)
		}
		return err
	}
}

func (n *Broker) publish(ctx context.Context, packets []sender.Packet) error {
	b := n.bus
	if n.closed() && !b.broken(PublishAfterClose) {
		return sender.ErrClosed
	}
	if ctx.Err() != nil {
		switch {
		case b.broken(PublishHangs):
			<-n.ended
		case b.broken(PublishDefers):
			n.given = slices.Clone(packets)
		}
		return ctx.Err()
	}
	b.mu.Lock()
	joined := n.joined
	b.mu.Unlock()
	if b.broken(NeedsSubscribe) && !joined {
		return errors.New("not subscribed")
	}
	if b.broken(BlocksOnSlow) {
		if err := b.awaitSlow(ctx, n); err != nil {
			return err
		}
	}
	err := b.publish(n, packets)
	if len(n.given) > 0 && err == nil {
		err = b.publish(n, n.given)
		n.given = nil
	}
	return err
}

// awaitSlow waits until no node has more than a few events waiting.
func (b *Bus) awaitSlow(ctx context.Context, n *Broker) error {
	for {
		b.mu.Lock()
		var wait chan struct{}
		for _, other := range b.live {
			if len(other.events) > 100 {
				wait = other.arrived
			}
		}
		b.mu.Unlock()
		if wait == nil {
			return nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		case <-n.ended:
			return sender.ErrClosed
		}
	}
}

// Receive implements sender.Broker.
func (n *Broker) Receive(ctx context.Context) (sender.Event, error) {
	done, ended := ctx.Done(), (<-chan struct{})(n.ended)
	if n.bus.broken(ReceiveIgnoresContext) {
		done = nil
	}
	if n.bus.broken(CloseLeavesReceive) {
		ended = n.late
	}
	for {
		n.bus.mu.Lock()
		if isClosed(ended) {
			n.bus.mu.Unlock()
			return sender.Event{}, n.closedError()
		}
		if done != nil && ctx.Err() != nil {
			if n.bus.broken(ReceiveDropsOnCancel) && len(n.events) > 0 {
				n.take()
			}
			n.bus.mu.Unlock()
			return sender.Event{}, ctx.Err()
		}
		if len(n.events) > 0 {
			event := n.take()
			n.bus.mu.Unlock()
			return event, nil
		}
		arrived := n.arrived
		n.bus.mu.Unlock()
		select {
		case <-arrived:
		case <-done:
		case <-ended:
		}
	}
}

// take removes the first event.
func (n *Broker) take() sender.Event {
	event := n.events[0]
	n.events = n.events[1:]
	n.wake()
	if n.bus.broken(ReusesBuffer) && event.Payload != nil {
		n.reused = append(n.reused[:0], event.Payload...)
		event.Payload = n.reused
	}
	return event
}

func (n *Broker) closedError() error {
	if n.bus.broken(WrongCloseError) {
		return errors.New("connection reset")
	}
	return sender.ErrClosed
}

// push adds an event, or keeps it until the link is up.
func (n *Broker) push(event sender.Event) {
	switch {
	case n.deaf && event.Link == sender.LinkUnchanged:
		return
	case n.bus.broken(DropsForSlow) && len(n.events) > 500:
		return
	case n.down && event.Link == sender.LinkUnchanged:
		n.missed = append(n.missed, event)
		return
	}
	n.events = append(n.events, event)
	n.wake()
}

func (n *Broker) wake() {
	close(n.arrived)
	n.arrived = make(chan struct{})
}

// Take implements sender.Router.
func (n *Broker) Take(address string, on bool) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	switch {
	case n.bus.broken(ForgetsEarlyTakes) && !n.joined:
	case n.bus.broken(TakesFew) && on && len(n.taken) >= 100:
	case on:
		n.taken[address] = true
	case n.bus.broken(IgnoresTakeOff):
	case n.bus.broken(TakesOutOfOrder):
		time.AfterFunc(10*time.Millisecond, func() {
			n.bus.mu.Lock()
			defer n.bus.mu.Unlock()
			delete(n.taken, address)
		})
	default:
		delete(n.taken, address)
	}
}

// Cut breaks this node's link until Mend: it receives nothing, and a durable
// bus keeps what is published to all.
func (n *Broker) Cut(why error) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	n.cut(why)
}

func (n *Broker) cut(why error) {
	if n.down {
		return
	}
	n.down = true
	if !n.bus.broken(HidesBreaks) {
		n.push(sender.Event{Link: sender.LinkDown, Err: why})
	}
}

// Mend undoes Cut.
func (n *Broker) Mend() {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	n.mend()
}

func (n *Broker) mend() {
	if !n.down {
		return
	}
	n.down = false
	switch {
	case n.bus.broken(ForgetsAddresses):
		clear(n.taken)
	case n.bus.broken(ForgetsNode):
		n.node = ""
	case n.bus.broken(LosesDurable):
		n.missed = nil
	}
	if !n.bus.broken(HidesBreaks) {
		n.push(sender.Event{Link: sender.LinkUp})
	}
	for _, event := range n.missed {
		n.push(event)
	}
	n.missed = nil
	n.deaf = n.bus.broken(StaysDown)
}

// Inject has this node receive an event that nobody published.
func (n *Broker) Inject(event sender.Event) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	n.push(event)
}

// Waiting returns how many events this node has not received yet.
func (n *Broker) Waiting() int {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	return len(n.events)
}

// Taken returns how many addresses the node has taken.
func (n *Broker) Taken() int {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	return len(n.taken)
}

// Close implements sender.Broker.
func (n *Broker) Close() error {
	if !n.closing.CompareAndSwap(false, true) {
		<-n.gone // not a sync.Once, whose lock holds up a bubble's clock
		if n.bus.broken(CloseTwiceFails) {
			return errSecondClose
		}
		return nil
	}
	defer close(n.gone)
	n.bus.leave(n)
	close(n.ended)
	if n.bus.broken(CloseLeavesReceive) {
		time.AfterFunc(time.Hour, func() { close(n.late) })
	}
	switch {
	case n.bus.broken(CloseHangs):
		<-time.After(time.Hour)
	case n.bus.broken(CloseLeavesGoroutine):
		go linger()
	}
	return nil
}

func linger() { <-time.After(time.Hour) }

func (n *Broker) closed() bool { return isClosed(n.ended) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
