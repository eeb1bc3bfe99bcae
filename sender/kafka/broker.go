package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/switchboard-go/switchboard/internal/driver"
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

	feed       *driver.Feed
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
	b.feed = driver.NewFeed(b.open)
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
	ctx, cancel := driver.WhileOpen(ctx, b.open)
	defer cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("subscribe at %s: %w", b.where, context.Cause(ctx))
	}
	if err := b.subscribe(ctx); err != nil {
		return fmt.Errorf("subscribe at %s: %w", b.where, driver.Because(ctx, err))
	}
	b.receives = true
	return nil
}

// Receive implements sender.Broker.
func (b *Broker) Receive(ctx context.Context) (sender.Event, error) { return b.feed.Receive(ctx) }

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
