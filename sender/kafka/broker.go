package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// maxNode bounds a node's name, which is the key of its records and in its client
// id.
const maxNode = 255

// Broker implements sender.Broker.
type Broker struct {
	config Config
	dialer *dialer
	node   string
	where  string // names the topic in errors

	// open ends with the first Close.
	open  context.Context
	end   context.CancelCauseFunc
	close sync.Once

	events     events
	subscribed sync.Mutex // held by Subscribe
	receives   bool       // guarded by subscribed
	receiving  sync.WaitGroup
	reading    partitions

	publishing sync.Mutex
	publisher  publisher // guarded by publishing
}

// New returns a Broker for the node with the given name, of at most 255 bytes.
// Nothing is connected yet. The certificates that config names are read.
func New(config Config, node string) (*Broker, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	if node == "" || len(node) > maxNode {
		return nil, fmt.Errorf("kafka: a node's name has 1 to %d bytes, not %d", maxNode, len(node))
	}
	dialer, err := config.dialer(node)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	b := &Broker{
		config: config,
		dialer: dialer,
		node:   node,
		where:  fmt.Sprintf("kafka %s, topic %s", strings.Join(config.Brokers, ","), config.Topic),
	}
	b.open, b.end = context.WithCancelCause(context.Background())
	b.events.init()
	b.reading.init()
	return b, nil
}

// Format prints what the broker is, for every verb: its fields have the password.
func (b *Broker) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, b.where) }

// Capabilities implements sender.Broker.
func (b *Broker) Capabilities() sender.Capabilities {
	return sender.Capabilities{Durable: true, Routing: sender.RouteNothing, MaxPayload: b.config.MaxPayload}
}

// Subscribe implements sender.Broker. It tries once; where it failed it can be
// called again.
func (b *Broker) Subscribe(ctx context.Context) error {
	b.subscribed.Lock()
	defer b.subscribed.Unlock()
	if b.receives {
		return errors.New("kafka: subscribed already")
	}
	ctx, cancel := b.whileOpen(ctx)
	defer cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("subscribe at %s: %w", b.where, context.Cause(ctx))
	}
	if err := b.subscribe(ctx); err != nil {
		return fmt.Errorf("subscribe at %s: %w", b.where, because(ctx, err))
	}
	b.receives = true
	return nil
}

// whileOpen returns a context that also ends when the broker is closed.
func (b *Broker) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(b.open, func() { cancel(sender.ErrClosed) })
	if b.open.Err() != nil { // for what AfterFunc does takes a moment
		cancel(sender.ErrClosed)
	}
	return ctx, func() {
		stop()
		cancel(context.Canceled)
	}
}

// because adds the end of ctx to err where that is the reason for it.
func because(ctx context.Context, err error) error {
	// A dial's deadline is that of ctx, and can be a moment before its end.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

// Receive implements sender.Broker.
func (b *Broker) Receive(ctx context.Context) (sender.Event, error) {
	for {
		if b.open.Err() != nil {
			return sender.Event{}, sender.ErrClosed
		}
		// What is there comes before the end of ctx, so that a caller who polls
		// with ended contexts gets on.
		if event, ok := b.events.pop(); ok {
			return event, nil
		}
		select {
		case <-b.events.ready:
		case <-ctx.Done():
			return sender.Event{}, ctx.Err()
		case <-b.open.Done():
		}
	}
}

// Close implements sender.Broker.
func (b *Broker) Close() error {
	b.close.Do(func() {
		b.end(sender.ErrClosed)
		b.subscribed.Lock() // a Subscribe under way may start goroutines until then
		defer b.subscribed.Unlock()
		b.receiving.Wait()
		b.publishing.Lock()
		defer b.publishing.Unlock()
		b.publisher.drop()
	})
	return nil
}
