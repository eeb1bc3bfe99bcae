package redis_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
)

// shared is the Redis of all tests that do not break it.
var shared *brokers.Broker

func TestMain(m *testing.M) {
	brokers.Main(m, brokers.Redis, func(b *brokers.Broker) { shared = b })
}

// patience bounds every wait of a test. It is not a measure: a test that meets
// it has failed.
const patience = 30 * time.Second

var bothModes = [...]redis.Mode{redis.PubSub, redis.Stream}

// modes runs a test in each mode.
func modes(t *testing.T, test func(t *testing.T, mode redis.Mode)) {
	for _, mode := range bothModes {
		t.Run(string(mode), func(t *testing.T) { test(t, mode) })
	}
}

// noLeaks fails a test that leaves goroutines behind.
func noLeaks(t testing.TB) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// fresh returns a channel that no other test has.
func fresh() string { return "test-" + strings.ToLower(rand.Text()[:12]) }

// settings returns a configuration for the Redis at addr.
func settings(addr, channel string, mode redis.Mode) redis.Config {
	c := redis.Defaults()
	c.Addrs, c.Channel, c.Mode = []string{addr}, channel, mode
	return c
}

// open returns a broker, closed with the test.
func open(t testing.TB, c redis.Config, node string) *redis.Broker {
	t.Helper()
	b, err := redis.Open(c, node)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

// subscribed returns a broker that is live.
func subscribed(t testing.TB, c redis.Config, node string) *redis.Broker {
	t.Helper()
	b := open(t, c, node)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Subscribe(ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

// client returns a client of the Redis at addr, closed with the test.
func client(t testing.TB, addr string) *goredis.Client {
	c := goredis.NewClient(&goredis.Options{Addr: addr})
	t.Cleanup(func() { c.Close() })
	return c
}

// publish publishes payloads to all.
func publish(t testing.TB, b *redis.Broker, payloads ...string) []sender.Packet {
	t.Helper()
	packets := make([]sender.Packet, len(payloads))
	for i, payload := range payloads {
		packets[i] = sender.Packet{Payload: []byte(payload), Nodes: sender.NodesUnknown}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Publish(ctx, packets); err != nil {
		t.Fatal(err)
	}
	return packets
}

// next returns the next event.
func next(t testing.TB, b *redis.Broker) sender.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	event, err := b.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// expect receives exactly these events next: "down", "up" or payloads.
func expect(t testing.TB, b *redis.Broker, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if got := text(next(t, b)); got != want {
			t.Fatalf("received %s, want %s", got, want)
		}
	}
}

func text(e sender.Event) string {
	switch e.Link {
	case sender.LinkDown:
		return "down"
	case sender.LinkUp:
		return "up"
	}
	return string(e.Payload)
}

// eventually waits until ask returns nothing, asking often.
func eventually(t testing.TB, ask func() error) {
	t.Helper()
	deadline := time.After(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("still, after %s: %v", patience, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func numbered(what string, count int) []string {
	texts := make([]string, count)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s %d", what, i)
	}
	return texts
}
