package rabbitmq_test

import (
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
)

// TestFaults breaks RabbitMQ, and then the way between two nodes, while both
// send.
func TestFaults(t *testing.T) {
	drivertest.NoLeaks(t)
	site := func(t *testing.T) drivertest.Site {
		way, name := proxied(t, server.Address), app(t)
		return drivertest.Site{Broker: server, Proxy: way, Rate: 400, Open: func(t testing.TB, node string, proxied bool) sender.Broker {
			address := server.Address
			if proxied {
				address = way.Address
			}
			b := open(t, configured(address, name), node)
			t.Cleanup(func() {
				stats := b.Stats()
				t.Logf("%s: %+v", node, stats)
				if stats.Missed > 0 || stats.QueuesLost > 0 {
					t.Errorf("%s counts losses, and nothing is lost: %+v", node, stats)
				}
			})
			return b
		}}
	}
	// RabbitMQ takes some seconds to start.
	drivertest.InTurn(t, site, drivertest.Stopped.Lasting(0), drivertest.Killed.Lasting(0), drivertest.Paused)
	drivertest.AtOnce(t, site, drivertest.Cut, drivertest.HalfOpen.Lasting(8*time.Second), drivertest.Latency)
}
