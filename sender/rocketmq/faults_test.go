package rocketmq_test

import (
	"errors"
	"testing"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
)

// TestFaults breaks RocketMQ, or the way to it, while two nodes send. A RocketMQ
// behind a proxy sends all nodes through it, so that a broken way isolates both.
func TestFaults(t *testing.T) {
	noLeaks(t)
	broker, proxy, err := brokers.StartBehindProxy(brokers.RocketMQ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(broker.Close(), proxy.Close()); err != nil {
			t.Error(err)
		}
	})
	site := func(*testing.T) drivertest.Site {
		topic := fresh()
		return drivertest.Site{Broker: broker, Proxy: proxy, Rate: 250, Open: func(t testing.TB, node string, _ bool) sender.Broker {
			return open(t, settings(broker.Address, topic), node)
		}}
	}
	drivertest.InTurn(t, site,
		drivertest.Cut.OfBoth(), drivertest.HalfOpen.OfBoth(), drivertest.Paused, drivertest.Latency.OfBoth(), drivertest.Killed)
}
