package rocketmq_test

import (
	"testing"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender/rocketmq"
)

// shared is the RocketMQ of all tests but those that need a proxy before it.
var shared *brokers.Broker

func TestMain(m *testing.M) {
	brokers.Main(m, brokers.RocketMQ, func(b *brokers.Broker) { shared = b })
}

const patience = drivertest.Patience

// The words of package drivertest. A name of an application is a topic here.
var (
	fresh    = drivertest.Fresh
	noLeaks  = drivertest.NoLeaks
	publish  = drivertest.Publish
	expect   = drivertest.Expect
	numbered = drivertest.Numbered
)

// settings returns a configuration for the RocketMQ whose name server is at addr.
func settings(addr, topic string) rocketmq.Config {
	c := rocketmq.Defaults()
	c.NameServers, c.Topic = []string{addr}, topic
	return c
}

// open returns a broker, closed with the test.
func open(t testing.TB, c rocketmq.Config, node string) *rocketmq.Broker {
	t.Helper()
	b, err := rocketmq.New(c, node)
	return drivertest.Opened(t, b, err)
}

// subscribed returns a broker that is live.
func subscribed(t testing.TB, c rocketmq.Config, node string) *rocketmq.Broker {
	t.Helper()
	b := open(t, c, node)
	drivertest.Subscribe(t, b)
	return b
}
