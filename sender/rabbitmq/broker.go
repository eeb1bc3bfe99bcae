package rabbitmq

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

// waitingEvents is how many events wait for Receive beside what RabbitMQ sends
// ahead.
const waitingEvents = 64

// Broker implements sender.Broker.
type Broker struct {
	config Config
	node   string
	url    string
	where  string // names the broker in errors
	tls    *tls.Config

	// open ends with the first Close.
	open        context.Context
	end         context.CancelCauseFunc
	subscribing sync.Mutex // held by Subscribe
	starting    sync.Mutex // orders the start of goroutines and Close
	running     sync.WaitGroup
	receives    bool // subscribing guards it

	publisher publisher

	// queue is this node's queue. Subscribe sets it, and then the goroutine that
	// receives has it.
	queue    string
	received marks // of the goroutine that receives
	events   chan sender.Event

	counts counters
}

// Stats are a Broker's counters since its start.
type Stats struct {
	// Reconnects counts the connections that were made again, to publish and to
	// receive.
	Reconnects uint64
	// Duplicates counts the packets that came again, or too late, and were dropped.
	Duplicates uint64
	// Missed counts the times that packets for this node alone were missing, and
	// QueuesLost those that its queue was gone when it came back.
	Missed, QueuesLost uint64
	// Blocks counts the times that RabbitMQ blocked publishing; Blocked says why
	// it does so now and is empty where it does not.
	Blocks  uint64
	Blocked string
}

type counters struct{ reconnects, duplicates, missed, queuesLost, blocks atomic.Uint64 }

var nodeName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// New returns a Broker for the node with the given name, 1 to 64 letters,
// digits, dots, underscores and hyphens. Nothing is connected yet. The
// certificates that config names are read.
func New(config Config, node string) (*Broker, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("rabbitmq: %w", err)
	}
	if !nodeName.MatchString(node) {
		return nil, fmt.Errorf("rabbitmq: node name %.80q is not 1 to 64 letters, digits, dots, underscores and hyphens", node)
	}
	uri, err := parseURL(config.URL.Reveal())
	if err != nil {
		return nil, fmt.Errorf("rabbitmq: %w", err)
	}
	encryption, err := config.tls(uri)
	if err != nil {
		return nil, fmt.Errorf("rabbitmq: %w", err)
	}
	b := &Broker{
		config: config,
		node:   node,
		url:    config.URL.Reveal(),
		where:  "rabbitmq at " + where(uri),
		tls:    encryption,
		events: make(chan sender.Event, waitingEvents),
	}
	b.open, b.end = context.WithCancelCause(context.Background())
	b.publisher.init()
	return b, nil
}

// Format prints what the broker is, for every verb: its fields have the password.
func (b *Broker) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, b.where) }

// Capabilities implements sender.Broker.
func (b *Broker) Capabilities() sender.Capabilities {
	return sender.Capabilities{
		// What is not persistent outlives a broken link, and not the broker.
		Durable:    b.config.Persistent,
		Routing:    sender.RouteNodes,
		MaxPayload: b.config.MaxPayload,
	}
}

// Stats returns the counters, read one by one while the broker runs.
func (b *Broker) Stats() Stats {
	return Stats{
		Reconnects: b.counts.reconnects.Load(),
		Duplicates: b.counts.duplicates.Load(),
		Missed:     b.counts.missed.Load(),
		QueuesLost: b.counts.queuesLost.Load(),
		Blocks:     b.counts.blocks.Load(),
		Blocked:    b.publisher.blocked(),
	}
}

// Subscribe implements sender.Broker. It tries once; where it failed it can be
// called again.
func (b *Broker) Subscribe(ctx context.Context) error {
	b.subscribing.Lock()
	defer b.subscribing.Unlock()
	if b.receives {
		return errors.New("rabbitmq: subscribed already")
	}
	ctx, cancel := driver.WhileOpen(ctx, b.open)
	defer cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", b.where, context.Cause(ctx))
	}
	b.queue = b.newQueueName()
	c, err := b.connectConsumer(ctx, true)
	if err != nil {
		return err
	}
	b.receives = b.start(func() { b.receive(c) })
	if !b.receives {
		b.leave(c)
		return fmt.Errorf("%s: %w", b.where, sender.ErrClosed)
	}
	return nil
}

// start runs f in a goroutine that Close waits for, unless the broker is closed.
func (b *Broker) start(f func()) bool {
	b.starting.Lock()
	defer b.starting.Unlock()
	if b.open.Err() != nil {
		return false
	}
	b.running.Go(f)
	return true
}

// newQueueName returns a name that no queue has had.
func (b *Broker) newQueueName() string {
	return b.config.Queue + "." + b.node + "." + strings.ToLower(rand.Text()[:12])
}

// Receive implements sender.Broker.
func (b *Broker) Receive(ctx context.Context) (sender.Event, error) {
	if b.open.Err() != nil {
		return sender.Event{}, sender.ErrClosed
	}
	// What is there comes before the end of ctx, so that a caller who polls with
	// ended contexts gets on.
	select {
	case event := <-b.events:
		return event, nil
	default:
	}
	select {
	case event := <-b.events:
		return event, nil
	case <-ctx.Done():
		return sender.Event{}, ctx.Err()
	case <-b.open.Done():
		return sender.Event{}, sender.ErrClosed
	}
}

// emit hands an event to Receive; it reports false where the broker is closed.
func (b *Broker) emit(event sender.Event) bool {
	select {
	case b.events <- event:
		return true
	case <-b.open.Done():
		return false
	}
}

// Close implements sender.Broker. It deletes the node's queue where the broker
// can be reached, for which it waits a second at most.
func (b *Broker) Close() error {
	b.end(sender.ErrClosed)
	b.subscribing.Lock() // one under way ends, and takes back what it has made
	defer b.subscribing.Unlock()
	b.starting.Lock()
	defer b.starting.Unlock()
	b.running.Wait()
	return nil
}

// routing keys of the exchange.
const (
	keyAll  = "all"
	keyNode = "node." // and the node's name
)

// declareExchange makes the exchange, or checks that it is as it must be.
func (b *Broker) declareExchange(channel *amqp.Channel) error {
	err := channel.ExchangeDeclare(b.config.Exchange, amqp.ExchangeTopic, true, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("declare %s as a durable topic exchange: %w", b.config.Exchange, err)
	}
	return nil
}
