package kafka_test

import (
	"testing"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/kafka"
)

// TestFaults breaks the way between two nodes, and then Kafka, while both send.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	noLeaks(t)
	site := func(t *testing.T) drivertest.Site {
		c, proxy := settings(fresh()), drivertest.Proxied(t, shared.Address)
		return drivertest.Site{Broker: shared, Proxy: proxy, Rate: 200, Open: func(t testing.TB, node string, proxied bool) sender.Broker {
			b := open(t, c, node)
			if proxied {
				kafka.DialThrough(b, proxy.Address)
			}
			return b
		}}
	}
	drivertest.AtOnce(t, site,
		drivertest.Cut, drivertest.Cut.OfBoth(), drivertest.HalfOpen, drivertest.HalfOpen.OfBoth(), drivertest.Latency.OfBoth())
	drivertest.InTurn(t, site, drivertest.Killed, drivertest.Paused)
}
