package redis_test

import (
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender/redis"
)

// shared is the Redis of all tests that do not break it.
var shared *brokers.Broker

func TestMain(m *testing.M) {
	brokers.Main(m, brokers.Redis, func(b *brokers.Broker) { shared = b })
}

const patience = drivertest.Patience

// The words of package drivertest. A name of an application is a channel here.
var (
	fresh      = drivertest.Fresh
	noLeaks    = drivertest.NoLeaks
	eventually = drivertest.Eventually
	publish    = drivertest.Publish
	next       = drivertest.Next
	text       = drivertest.Text
	expect     = drivertest.Expect
	numbered   = drivertest.Numbered
)

var bothModes = [...]redis.Mode{redis.PubSub, redis.Stream}

// modes runs a test in each mode.
func modes(t *testing.T, test func(t *testing.T, mode redis.Mode)) {
	for _, mode := range bothModes {
		t.Run(string(mode), func(t *testing.T) { test(t, mode) })
	}
}

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
	return drivertest.Opened(t, b, err)
}

// subscribed returns a broker that is live.
func subscribed(t testing.TB, c redis.Config, node string) *redis.Broker {
	t.Helper()
	b := open(t, c, node)
	drivertest.Subscribe(t, b)
	return b
}

// ownServer returns a Redis that a test breaks, closed with it.
func ownServer(t testing.TB) *brokers.Broker {
	t.Helper()
	server, err := brokers.Start(brokers.Redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// client returns a client of the Redis at addr, closed with the test.
func client(t testing.TB, addr string) *goredis.Client {
	c := goredis.NewClient(&goredis.Options{Addr: addr})
	t.Cleanup(func() { c.Close() })
	return c
}
