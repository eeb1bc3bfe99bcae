package redis_test

import (
	"sync"
	"testing"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
)

// TestFaults breaks the way between two nodes, or the Redis of their own that
// they are on, while both send.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a quarter of a minute")
	}
	noLeaks(t)
	var idle [2]*redis.Broker
	for i, mode := range bothModes {
		idle[i] = subscribed(t, settings(shared.Address, fresh(), mode), "idle")
	}
	var running sync.WaitGroup // all at once, whatever -parallel says: they mostly wait
	for _, mode := range bothModes {
		site := func(t *testing.T) drivertest.Site {
			server := ownServer(t)
			proxy := drivertest.Proxied(t, server.Address)
			return drivertest.Site{Broker: server, Proxy: proxy, Open: func(t testing.TB, node string, proxied bool) sender.Broker {
				addr := server.Address
				if proxied {
					addr = proxy.Address
				}
				return open(t, settings(addr, "faults", mode), node)
			}}
		}
		running.Go(func() {
			t.Run(string(mode), func(t *testing.T) {
				drivertest.AtOnce(t, site,
					drivertest.Cut, drivertest.Cut.OfBoth(), drivertest.HalfOpen, drivertest.HalfOpen.OfBoth(), drivertest.Latency.OfBoth(),
					drivertest.Stopped, drivertest.Killed, drivertest.Paused)
			})
		})
	}
	running.Go(func() { t.Run("stream, backlog over a slow link", backlogOverSlowLink) })
	running.Wait()
	for _, n := range idle { // nothing is wrong with a link on which nothing moves
		publish(t, n, "first")
		expect(t, n, "first")
	}
}
