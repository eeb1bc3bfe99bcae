package rabbitmq

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

// publisher is the state of publishing.
type publisher struct {
	origin string
	start  sync.Once

	// number is that of the last packet. It is Begin's, which is called once at a
	// time.
	number uint64
	routes routes

	mu   sync.Mutex
	line *line // nil while there is none
	// err is why there is no line; nil while the first try to make one goes on.
	err error
	// changed is closed when line or err changes.
	changed chan struct{}
}

func (p *publisher) init() {
	p.origin = strings.ToLower(rand.Text())
	p.changed = make(chan struct{})
}

// line is a link that packets are published on.
type line struct {
	*link
	mu sync.Mutex
	// block is closed while RabbitMQ blocks the line, and reason says why.
	block  chan struct{}
	reason string
	// ended is closed when the line has ended; err says why.
	ended chan struct{}
	err   error
}

// blocked returns what is closed when the line is blocked, and why it is now.
func (l *line) blocked() (<-chan struct{}, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.block, l.reason
}

// set takes note of RabbitMQ's word; it reports whether that is a new block.
func (l *line) set(b amqp.Blocking) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.reason != ""
	switch {
	case b.Active:
		l.reason = "blocked"
		if b.Reason != "" {
			l.reason = b.Reason
		}
		if !was {
			close(l.block)
		}
	case was:
		l.reason = ""
		l.block = make(chan struct{})
	}
	return b.Active && !was
}

// blocked returns why publishing is blocked; empty where it is not.
func (p *publisher) blocked() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line == nil {
		return ""
	}
	_, reason := p.line.blocked()
	return reason
}

// set changes the line.
func (p *publisher) set(l *line, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line, p.err = l, err
	close(p.changed)
	p.changed = make(chan struct{})
}

// get returns the line. It waits while the first try to make one goes on.
func (p *publisher) get(ctx context.Context) (*line, error) {
	for {
		p.mu.Lock()
		l, err, changed := p.line, p.err, p.changed
		p.mu.Unlock()
		if l != nil || err != nil {
			return l, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("not connected: %w", context.Cause(ctx))
		}
	}
}

// keepLine makes lines, one after the other, until the broker is closed.
func (b *Broker) keepLine() {
	again, attempt := false, 0
	for b.open.Err() == nil {
		blocks := make(chan amqp.Blocking, 8)
		made, err := b.connect(b.open, "publish", func(l *link) error {
			l.conn.NotifyBlocked(blocks)
			if err := l.channel.Confirm(false); err != nil {
				return fmt.Errorf("ask for confirmations: %w", err)
			}
			return b.declareExchange(l.channel)
		})
		if err == nil {
			if again {
				b.counts.reconnects.Add(1)
			}
			again = true
			l := &line{link: made, block: make(chan struct{}), ended: make(chan struct{})}
			b.publisher.set(l, nil)
			err = b.watch(l, blocks)
			if time.Since(l.since) > lastRetry {
				// It did work: who publishes now waits for the first try.
				attempt, err = 0, nil
			}
			b.publisher.set(nil, err)
			l.close()
		} else {
			b.publisher.set(nil, err)
		}
		retry(b.open, attempt)
		attempt++
	}
}

// watch takes note of what RabbitMQ says of a line, until it breaks, and returns
// why it did.
func (b *Broker) watch(l *line, blocks <-chan amqp.Blocking) error {
	defer close(l.ended)
	for {
		select {
		case block, ok := <-blocks:
			if !ok {
				blocks = nil
			} else if l.set(block) {
				b.counts.blocks.Add(1)
			}
		case reason := <-l.closed:
			l.err = lost(reason)
			return l.err
		case <-b.open.Done():
			l.err = sender.ErrClosed
			return l.err
		}
	}
}

// Publish implements sender.Broker.
func (b *Broker) Publish(ctx context.Context, packets []sender.Packet) error {
	return b.Begin(ctx, packets)()
}

// Begin implements sender.Pipeliner. The packets go out one after the other, on
// one channel; confirm waits until RabbitMQ has confirmed them.
func (b *Broker) Begin(ctx context.Context, packets []sender.Packet) (confirm func() error) {
	ctx, cancel := driver.WhileOpen(ctx, b.open)
	begun, err := b.begin(ctx, packets)
	return func() error {
		defer cancel()
		err = begun.confirm(ctx, err)
		if err != nil {
			return fmt.Errorf("publish to %s: %w", b.where, err)
		}
		return nil
	}
}

// batch is what Begin has written, maybe not all of it.
type batch struct {
	packets []sender.Packet
	line    *line
	// blocked is closed when RabbitMQ blocks the line.
	blocked <-chan struct{}
	sent    []sent
	routes  *routes
}

// sent is a packet that has been written.
type sent struct {
	confirmed *amqp.DeferredConfirmation // nil where nobody can be bound to its key
	number    uint64
	route     *route // nil for one to all
}

func (b *Broker) begin(ctx context.Context, packets []sender.Packet) (begun batch, err error) {
	for i := range packets {
		if size := len(packets[i].Payload); size > b.config.MaxPayload {
			return batch{}, fmt.Errorf("%w: %d bytes, the limit is %d", sender.ErrTooLarge, size, b.config.MaxPayload)
		}
	}
	if ctx.Err() != nil {
		return batch{}, context.Cause(ctx)
	}
	p := &b.publisher
	p.start.Do(func() { b.start(b.keepLine) })
	l, err := p.get(ctx)
	if err != nil {
		return batch{}, err
	}
	blocked, reason := l.blocked()
	if reason != "" {
		return batch{}, fmt.Errorf("%w: %s", errBlocked, reason)
	}
	begun = batch{packets: packets, line: l, blocked: blocked, routes: &p.routes}
	begun.sent, err = b.write(ctx, l, packets)
	return begun, err
}

// confirm waits until RabbitMQ has confirmed what was written, where err, the
// error of that, is nil, and takes note of what it has.
func (b *batch) confirm(ctx context.Context, err error) error {
	for i := 0; i < len(b.sent) && err == nil; i++ {
		if b.sent[i].confirmed == nil {
			continue
		}
		select {
		case <-b.sent[i].confirmed.Done():
		case <-b.blocked:
			_, reason := b.line.blocked()
			err = fmt.Errorf("%w: %s", errBlocked, reason)
		case <-ctx.Done():
			err = fmt.Errorf("not confirmed: %w", context.Cause(ctx))
		}
	}
	for i, s := range b.sent {
		done := s.confirmed == nil || s.confirmed.Acked()
		b.packets[i].Done = done
		b.routes.settle(s.route, s.number, done)
		if !done && err == nil {
			err = errRefused
			if b.line.channel.IsClosed() {
				<-b.line.ended // which it has told, or will at once
				err = fmt.Errorf("not confirmed: %w", b.line.err)
			}
		}
	}
	return err
}

// Errors of publishing.
var (
	errBlocked = errors.New("the broker has blocked publishing")
	errRefused = errors.New("the broker has refused a packet")
)

// write sends packets. Where ctx ends meanwhile the line is given up: the broker
// does not read, and a part of a packet may be under way.
func (b *Broker) write(ctx context.Context, l *line, packets []sender.Packet) ([]sent, error) {
	stop := context.AfterFunc(ctx, l.cut)
	defer stop()
	l.raw.hold()
	all, err := b.writeEach(l, packets)
	if failed := l.raw.release(); failed != nil {
		l.cut() // the library does not know
		err = failed
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return all, err
}

func (b *Broker) writeEach(l *line, packets []sender.Packet) ([]sent, error) {
	mode := amqp.Transient
	if b.config.Persistent {
		mode = amqp.Persistent
	}
	p := &b.publisher
	all := make([]sent, 0, len(packets))
	for i := range packets {
		node := packets[i].Node
		if len(node) > maxNode {
			packets[i].Nodes = 0
			all = append(all, sent{})
			continue
		}
		p.number++
		s, key, to := stamp{origin: p.origin, number: p.number}, keyAll, (*route)(nil)
		if node != "" {
			s.routed, key = true, keyNode+node
			to, s.previous = p.routes.add(node, s.number)
		}
		confirmed, err := l.channel.PublishWithDeferredConfirm(b.config.Exchange, key, false, false, amqp.Publishing{
			ContentType:  "application/octet-stream",
			DeliveryMode: mode,
			MessageId:    s.String(),
			Body:         packets[i].Payload,
		})
		if err != nil {
			p.routes.settle(to, s.number, false)
			return all, err
		}
		all = append(all, sent{confirmed, s.number, to})
	}
	return all, nil
}

// maxNode is more than a node's name has. A session id names any node.
const maxNode = 200
