package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/switchboard-go/switchboard/sender"
)

const (
	maxPayload = 1 << 20 // a server's default
	maxWaiting = 4096    // packets that wait for Receive
	ioTimeout  = 2 * time.Second
	retryAfter = 100 * time.Millisecond
)

// Broker implements sender.Broker and sender.Router. All goes through one
// connection, which keeps its order. It is used until it breaks and never repaired
// behind our back: what needs one then makes the next.
type Broker struct {
	config Config
	node   string
	open   context.Context // ends with Close
	end    context.CancelFunc

	messages chan *nats.Msg // of all subscriptions, in the order of their coming
	// Of Receive: the link that is told to be up, and when to make another; one is nil.
	heard *link
	retry <-chan time.Time

	connecting sync.Mutex // held while a link is made or ended
	link       *link      // guarded by connecting, as is receives
	receives   bool       // links subscribe

	mu    sync.Mutex // guards what follows
	live  *link      // the last one that subscribed
	taken map[string]*nats.Subscription
}

// link is a connection.
type link struct {
	*nats.Conn
	ended      chan struct{} // closed when the connection is: nothing comes from it any more
	subscribed bool
}

// NewBroker returns the Broker of a node. Nothing is connected yet.
func NewBroker(c Config, node string) (*Broker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	b := &Broker{config: c, node: node, taken: make(map[string]*nats.Subscription)}
	b.open, b.end = context.WithCancel(context.Background())
	return b, nil
}

// subject is where a packet is published. Names are encoded, as they may have
// dots, stars and spaces in them.
func (b *Broker) subject(p sender.Packet) string {
	encode := base64.RawURLEncoding.EncodeToString
	switch {
	case p.Node != "":
		return b.config.Subject + ".node." + encode([]byte(p.Node))
	case p.Address != "":
		return b.config.Subject + ".to." + encode([]byte(p.Address))
	}
	return b.config.Subject + ".all"
}

// Capabilities implements sender.Broker.
func (b *Broker) Capabilities() sender.Capabilities {
	return sender.Capabilities{Routing: sender.RouteAddresses, MaxPayload: maxPayload}
}

// connect returns a link that works, and that receives where receive says so or
// Subscribe has succeeded. It may take ioTimeout longer than ctx.
func (b *Broker) connect(ctx context.Context, receive bool) (*link, error) {
	b.connecting.Lock()
	defer b.connecting.Unlock()
	if b.open.Err() != nil {
		return nil, sender.ErrClosed
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if b.link != nil && b.link.IsClosed() {
		<-b.link.ended
		b.link = nil
	}
	if b.link == nil {
		l := &link{ended: make(chan struct{})}
		var err error
		l.Conn, err = nats.Connect(b.config.URL.Reveal(), nats.NoReconnect(),
			nats.Timeout(ioTimeout), nats.FlusherTimeout(ioTimeout),
			nats.PingInterval(ioTimeout), nats.MaxPingsOutstanding(2),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // nats.go's own prints
			nats.ClosedHandler(func(*nats.Conn) { close(l.ended) }))
		if err != nil {
			return nil, err
		}
		b.link = l
	}
	if (receive || b.receives) && !b.link.subscribed {
		if err := b.subscribe(ctx, b.link); err != nil {
			b.link.Close()
			return nil, err
		}
		b.receives, b.link.subscribed = true, true
	}
	return b.link, nil
}

// subscribe returns when the server has all that this node is to get.
func (b *Broker) subscribe(ctx context.Context, l *link) error {
	if l.MaxPayload() < maxPayload {
		return fmt.Errorf("the server takes %d bytes a message, and %d are needed", l.MaxPayload(), maxPayload)
	}
	_, err := l.ChanSubscribe(b.subject(sender.Packet{}), b.messages)
	_, nodeErr := l.ChanSubscribe(b.subject(sender.Packet{Node: b.node}), b.messages)
	b.mu.Lock()
	b.live = l
	for address := range b.taken {
		b.take(address)
	}
	b.mu.Unlock()
	return errors.Join(err, nodeErr, l.flush(ctx))
}

// take subscribes to an address, where there is a link that receives. It fails on
// a broken one only, and the next gets all that is taken.
func (b *Broker) take(address string) {
	b.taken[address] = nil
	if b.live != nil {
		b.taken[address], _ = b.live.ChanSubscribe(b.subject(sender.Packet{Address: address}), b.messages)
	}
}

// flush returns when the server has read all that was sent to it before.
func (l *link) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ioTimeout)
	defer cancel()
	return l.FlushWithContext(ctx)
}

// Subscribe implements sender.Broker.
func (b *Broker) Subscribe(ctx context.Context) (err error) {
	b.messages = make(chan *nats.Msg, maxWaiting) // without what an earlier try has left
	if b.heard, err = b.connect(ctx, true); err != nil {
		return fmt.Errorf("subscribe to nats: %w", err)
	}
	return nil
}

// Publish implements sender.Broker. NATS does not tell how many nodes took a packet.
func (b *Broker) Publish(ctx context.Context, packets []sender.Packet) error {
	l, err := b.connect(ctx, false)
	for i := 0; i < len(packets) && err == nil; i++ {
		err = l.Conn.Publish(b.subject(packets[i]), packets[i].Payload)
	}
	if err == nil {
		err = l.flush(ctx)
	}
	if err != nil {
		return fmt.Errorf("publish to nats: %w", err)
	}
	for i := range packets {
		packets[i].Done = true
	}
	return nil
}

// Take implements sender.Router. It waits for nothing but a server that has
// stopped reading, and for that ioTimeout at the most.
func (b *Broker) Take(address string, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, was := b.taken[address]
	if on && !was {
		b.take(address)
	}
	if !on && s != nil {
		_ = s.Unsubscribe() // fails on a broken link only, and the next one is not told of it
	}
	if !on {
		delete(b.taken, address)
	}
}

// Receive implements sender.Broker. It makes the link again when it is down, once
// there is room for what comes.
func (b *Broker) Receive(ctx context.Context) (sender.Event, error) {
	for b.open.Err() == nil {
		if b.heard == nil && b.retry == nil && len(b.messages) <= maxWaiting/2 {
			if l, err := b.connect(ctx, true); err == nil {
				b.heard = l
				return sender.Event{Link: sender.LinkUp}, nil
			}
			b.retry = time.After(retryAfter)
		}
		var ended <-chan struct{}
		if b.heard != nil {
			ended = b.heard.ended
		}
		select {
		case m := <-b.messages:
			// nats.go drops what comes while the channel is full. If it was full before
			// this one, packets may be missing, and ending the link is what tells of it.
			if len(b.messages) >= maxWaiting-1 && b.heard != nil {
				b.heard.Close()
			}
			return sender.Event{Payload: m.Data}, nil
		case <-ended:
			err := b.heard.LastError()
			b.heard = nil
			return sender.Event{Link: sender.LinkDown, Err: err}, nil
		case <-b.retry:
			b.retry = nil
		case <-b.open.Done():
		case <-ctx.Done():
			return sender.Event{}, ctx.Err()
		}
	}
	return sender.Event{}, sender.ErrClosed
}

// Close implements sender.Broker. It may take ioTimeout where the server hangs.
func (b *Broker) Close() error {
	b.end()
	b.connecting.Lock()
	defer b.connecting.Unlock()
	if b.link != nil {
		b.link.Close()
		<-b.link.ended
	}
	return nil
}
