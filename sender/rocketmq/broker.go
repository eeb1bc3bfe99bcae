package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// subscribeTimeout bounds one try of Subscribe.
const subscribeTimeout = 10 * time.Second

// Broker implements sender.Broker.
type Broker struct {
	config Config
	node   string

	// open ends with the first Close.
	open  context.Context
	end   context.CancelCauseFunc
	close sync.Once

	events     events
	subscribed sync.Mutex // held by Subscribe
	receives   bool       // guarded by subscribed
	receiving  sync.WaitGroup

	publishing sync.Mutex
	publisher  publisher // guarded by publishing
}

// New returns a Broker for a node. Nothing is connected yet.
func New(config Config, node string) (*Broker, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("rocketmq: %w", err)
	}
	if node == "" {
		return nil, errors.New("rocketmq: the node has no name")
	}
	b := &Broker{config: config, node: node}
	b.publisher.id = rand.Uint64() // new for each start
	b.events.ready = make(chan struct{}, 1)
	b.open, b.end = context.WithCancelCause(context.Background())
	return b, nil
}

// Format prints the name servers and the topic, and so not the secret key.
func (b *Broker) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, b.config.where()) }

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
	ctx, cancel := b.whileOpen(ctx)
	defer cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("subscribe at %s: %w", b.config.where(), context.Cause(ctx))
	}
	ctx, stop := context.WithTimeout(ctx, subscribeTimeout)
	defer stop()
	if err := b.read(ctx); err != nil {
		return fmt.Errorf("subscribe at %s: %w", b.config.where(), because(ctx, err))
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
	// A dialer's deadline is that of ctx, and can be a moment before its end.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
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
