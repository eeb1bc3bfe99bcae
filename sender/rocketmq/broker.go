package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

// subscribeTimeout bounds one try of Subscribe.
const subscribeTimeout = 10 * time.Second

// Broker implements sender.Broker.
type Broker struct {
	client client
	node   string

	// open ends with the first Close.
	open  context.Context
	end   context.CancelCauseFunc
	close sync.Once

	feed       *driver.Feed
	subscribed sync.Mutex // held by Subscribe
	receives   bool       // guarded by subscribed
	receiving  sync.WaitGroup

	publishing sync.Mutex
	publisher  publisher // guarded by publishing
}

// New returns a Broker for a node. Nothing is connected yet. The certificates
// that config names are read.
func New(config Config, node string) (*Broker, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("rocketmq: %w", err)
	}
	if node == "" {
		return nil, errors.New("rocketmq: the node has no name")
	}
	encryption, err := config.tls()
	if err != nil {
		return nil, fmt.Errorf("rocketmq: %w", err)
	}
	b := &Broker{client: client{config, encryption}, node: node}
	b.publisher.id = rand.Uint64() // new for each start
	b.open, b.end = context.WithCancelCause(context.Background())
	b.feed = driver.NewFeed(b.open)
	return b, nil
}

// Format prints the name servers and the topic, and so not the secret key.
func (b *Broker) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, b.client.where()) }

// Capabilities implements sender.Broker.
func (b *Broker) Capabilities() sender.Capabilities {
	return sender.Capabilities{Durable: true, Routing: sender.RouteNothing, MaxPayload: maxPayload}
}

// Subscribe implements sender.Broker. It tries once; where it failed it can be
// called again.
func (b *Broker) Subscribe(ctx context.Context) error {
	b.subscribed.Lock()
	defer b.subscribed.Unlock()
	if b.receives {
		return errors.New("rocketmq: subscribed already")
	}
	ctx, cancel := driver.WhileOpen(ctx, b.open)
	defer cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("subscribe at %s: %w", b.client.where(), context.Cause(ctx))
	}
	ctx, stop := context.WithTimeout(ctx, subscribeTimeout)
	defer stop()
	if err := b.read(ctx); err != nil {
		return fmt.Errorf("subscribe at %s: %w", b.client.where(), driver.Because(ctx, err))
	}
	b.receives = true
	return nil
}

// Receive implements sender.Broker.
func (b *Broker) Receive(ctx context.Context) (sender.Event, error) { return b.feed.Receive(ctx) }

// Close implements sender.Broker. Nothing on RocketMQ remains of the node.
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
