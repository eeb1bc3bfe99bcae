package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/internal/driver"
)

// channelsAtOnce is how many channels one command subscribes to.
const channelsAtOnce = 500

// subscribe begins to receive in mode pubsub.
func (b *Broker) subscribe(ctx context.Context) error {
	s, err := b.newSubscription(ctx)
	if err != nil {
		return err
	}
	b.receiving.Go(func() { b.keepSubscribed(s) })
	return nil
}

// keepSubscribed makes the subscription again whenever it ends, until Close.
func (b *Broker) keepSubscribed(s *subscription) {
	for {
		select {
		case <-s.ended:
		case <-b.open.Done():
		}
		err := s.close()
		if b.open.Err() != nil {
			return
		}
		b.feed.LinkDown(b.mode, fmt.Errorf("%s: subscription: %w", b.where, err))
		for attempt := 0; ; attempt++ {
			b.lost()
			pause(b.open, attempt)
			if b.open.Err() != nil {
				return
			}
			if s, err = b.newSubscription(b.open); err == nil {
				break
			}
		}
		b.feed.LinkUp(b.mode)
	}
}

// subscription is a connection that receives. It is used until it breaks and is
// never repaired: go-redis would, and say nothing of what passed by meanwhile.
type subscription struct {
	client   *goredis.Client
	pubsub   *goredis.PubSub
	sharded  bool
	channels *channels
	feed     *driver.Feed
	live     chan struct{} // closed when the server has confirmed all channels
	ended    chan struct{} // closed at the end
	running  sync.WaitGroup
	ending   sync.Once
	err      error // why it ended
	// given counts the channels that were given up, so that what the server ends
	// by itself is told from it.
	given atomic.Int64
	// heard: something has come since write last looked.
	heard atomic.Bool
}

// newSubscription returns a subscription to all that is wanted, when it is live.
func (b *Broker) newSubscription(ctx context.Context) (*subscription, error) {
	client, err := b.connect(ctx)
	if err != nil {
		return nil, err
	}
	s := &subscription{
		client:   client,
		pubsub:   client.Subscribe(ctx),
		sharded:  b.cluster != nil,
		channels: &b.channels,
		feed:     b.feed,
		live:     make(chan struct{}),
		ended:    make(chan struct{}),
	}
	wanted := b.channels.link()
	// The first channel makes the connection.
	dialing, cancel := context.WithTimeout(ctx, ioTimeout)
	err = s.on(dialing, wanted[:1])
	cancel()
	if err != nil {
		s.end(err)
		return nil, s.close()
	}
	s.running.Go(func() { s.end(s.read(len(wanted))) })
	s.running.Go(func() { s.end(s.write(wanted[1:])) })
	select {
	case <-s.live:
		return s, nil
	case <-s.ended:
	case <-ctx.Done():
		s.end(context.Cause(ctx))
	}
	return nil, s.close()
}

// end ends the subscription. Only the first reason counts.
func (s *subscription) end(err error) {
	s.ending.Do(func() {
		s.err = err
		close(s.ended)
		_ = s.pubsub.Close()
		_ = s.client.Close()
	})
}

// close ends the subscription, waits until it has ended and returns why it did.
func (s *subscription) close() error {
	s.end(errors.New("closed"))
	s.running.Wait()
	s.channels.unlink()
	return s.err
}

// established is the context for a connection that there is already. go-redis
// looks at it for a deadline only, and to dial: that a connection that broke is
// replaced behind our back is what it prevents, being over.
var established = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// read hands on what comes, until the connection breaks. The server confirms each
// of the wanted channels.
func (s *subscription) read(wanted int) error {
	var given int64
	for {
		// Without a deadline, which is dear for each message: write sees to the time.
		received, err := s.pubsub.Receive(established)
		if err != nil {
			return err
		}
		s.heard.Store(true)
		switch r := received.(type) {
		case *goredis.Message:
			s.feed.Offer([]byte(r.Payload))
		case *goredis.Subscription:
			switch r.Kind {
			case "subscribe", "ssubscribe":
				if wanted--; wanted == 0 {
					close(s.live)
				}
			case "unsubscribe", "sunsubscribe":
				if given++; given > s.given.Load() {
					return fmt.Errorf("the server has ended the subscription to %s", r.Channel)
				}
			}
		}
	}
}

// errSilent ends a subscription that nothing has come on for too long.
var errSilent = fmt.Errorf("nothing has come for %s", ioTimeout)

// write tells the server what is wanted, and asks for signs of life. Without any
// for ioTimeout, or up to a pingInterval more, it ends.
func (s *subscription) write(wanted []string) error {
	for batch := range slices.Chunk(wanted, channelsAtOnce) {
		if err := s.on(established, batch); err != nil {
			return err
		}
	}
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	silent := time.Duration(0)
	for {
		on, off := s.channels.next(channelsAtOnce)
		if err := s.on(established, on); err != nil {
			return err
		}
		if err := s.off(off); err != nil {
			return err
		}
		if len(on)+len(off) > 0 {
			continue
		}
		select {
		case <-s.channels.changed:
		case <-ticker.C:
			// A message counts when it is whole.
			if silent += pingInterval; s.heard.Swap(false) {
				silent = 0
			}
			if silent >= ioTimeout {
				return errSilent
			}
			if err := s.pubsub.Ping(established); err != nil {
				return err
			}
		case <-s.ended:
			return nil
		}
	}
}

func (s *subscription) on(ctx context.Context, channels []string) error {
	switch {
	case len(channels) == 0:
		return nil
	case s.sharded:
		return s.pubsub.SSubscribe(ctx, channels...)
	}
	return s.pubsub.Subscribe(ctx, channels...)
}

func (s *subscription) off(channels []string) error {
	s.given.Add(int64(len(channels)))
	switch {
	case len(channels) == 0: // would mean all of them
		return nil
	case s.sharded:
		return s.pubsub.SUnsubscribe(established, channels...)
	}
	return s.pubsub.Unsubscribe(established, channels...)
}
