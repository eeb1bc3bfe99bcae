package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

// maxPayload is far below what Redis takes: a subscriber that has 32 MiB to
// receive is cut off by Redis, and 4 MiB must come within ioTimeout.
const maxPayload = 4 << 20

// Broker implements sender.Broker and sender.Router.
type Broker struct {
	// One of these is nil.
	single  *goredis.Client
	cluster *goredis.ClusterClient

	owned  bool   // the client is closed with the Broker
	where  string // names the server in errors
	names  names
	mode   Mode
	maxLen int64

	// open ends with the first Close.
	open  context.Context
	end   context.CancelCauseFunc
	close sync.Once

	feed       *driver.Feed
	channels   channels
	subscribed sync.Mutex // held by Subscribe
	receives   bool       // guarded by subscribed
	receiving  sync.WaitGroup

	publishing sync.Mutex
	publisher  *goredis.Client // guarded by publishing; nil where there is none
	posts      []*post         // likewise, what it publishes with
	commands   []goredis.Cmder // likewise, those of one pipeline
}

// New returns a Broker for a node that has a client's settings. It finds the
// server by client, a *redis.Client, also one from NewFailoverClient, or a
// *redis.ClusterClient, and never closes it; its own connections are two more,
// which the client's hooks and limits on the pool do not concern. client must
// stay open for as long as the Broker. Of config it takes Channel, Mode and
// StreamMaxLen; those that are zero have their defaults.
func New(client goredis.UniversalClient, config Config, node string) (*Broker, error) {
	defaults := Defaults()
	config.Channel = cmp.Or(config.Channel, defaults.Channel)
	config.Mode = cmp.Or(config.Mode, defaults.Mode)
	config.StreamMaxLen = cmp.Or(config.StreamMaxLen, defaults.StreamMaxLen)
	if err := config.validateBus(); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	b := &Broker{mode: config.Mode, maxLen: config.StreamMaxLen}
	db := 0
	switch c := client.(type) {
	case *goredis.Client:
		b.single = c
		db = c.Options().DB
		b.where = "redis " + c.Options().Addr
	case *goredis.ClusterClient:
		b.cluster = c
		b.where = "redis cluster " + strings.Join(c.Options().Addrs, ",")
	default:
		return nil, fmt.Errorf("redis: a %T cannot be used, only *redis.Client and *redis.ClusterClient", client)
	}
	if node == "" {
		return nil, errors.New("redis: the node has no name")
	}
	b.names = newNames(config.Channel, db)
	b.open, b.end = context.WithCancelCause(context.Background())
	b.feed = driver.NewFeed(b.open)
	b.channels.init(b.names.all(), b.names.node(node))
	return b, nil
}

// Open returns a Broker for a node, with a client of its own that is closed with
// it. Nothing is connected yet.
func Open(config Config, node string) (*Broker, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	client, err := config.open()
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	b, err := New(client, config, node)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	b.owned, b.where = true, config.where()
	return b, nil
}

// Capabilities implements sender.Broker.
func (b *Broker) Capabilities() sender.Capabilities {
	if b.mode == Stream {
		return sender.Capabilities{Durable: true, Routing: sender.RouteNothing, MaxPayload: maxPayload}
	}
	return sender.Capabilities{Routing: sender.RouteAddresses, MaxPayload: maxPayload}
}

// Subscribe implements sender.Broker. It tries once; where it failed it can be
// called again.
func (b *Broker) Subscribe(ctx context.Context) error {
	b.subscribed.Lock()
	defer b.subscribed.Unlock()
	if b.receives {
		return errors.New("redis: subscribed already")
	}
	ctx, cancel := driver.WhileOpen(ctx, b.open)
	defer cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("subscribe at %s: %w", b.where, context.Cause(ctx))
	}
	subscribe := b.subscribe
	if b.mode == Stream {
		subscribe = b.read
	}
	if err := subscribe(ctx); err != nil {
		return fmt.Errorf("subscribe at %s: %w", b.where, driver.Because(ctx, err))
	}
	b.receives = true
	return nil
}

// Receive implements sender.Broker.
func (b *Broker) Receive(ctx context.Context) (sender.Event, error) { return b.feed.Receive(ctx) }

// Take implements sender.Router. In mode stream it does nothing.
func (b *Broker) Take(address string, on bool) {
	if b.mode == PubSub && b.open.Err() == nil {
		b.channels.take(b.names.address(address), on)
	}
}

// Close implements sender.Broker. It takes up to three seconds, or the
// DialTimeout of a borrowed client with TLS, when a connection is just being made
// to a server that hangs, and no time else.
func (b *Broker) Close() error {
	var err error
	b.close.Do(func() {
		b.end(sender.ErrClosed)
		b.subscribed.Lock() // a Subscribe under way may start goroutines until then
		defer b.subscribed.Unlock()
		b.receiving.Wait()
		b.publishing.Lock()
		defer b.publishing.Unlock()
		b.dropPublisher()
		switch {
		case !b.owned:
		case b.cluster != nil:
			err = b.cluster.Close()
		default:
			err = b.single.Close()
		}
	})
	return err
}
