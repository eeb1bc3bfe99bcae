package sendertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
)

// on returns a Harness for a bus.
func on(bus *memory.Bus) Harness {
	return Harness{
		Open:    func(_ testing.TB, app, node string) sender.Broker { return bus.Open(app, node) },
		Restart: func(testing.TB) { bus.Restart() },
	}
}

// A suite that a sound broker fails is wrong, whatever the broker can do.
func TestMemory(t *testing.T) {
	for _, durable := range []bool{false, true} {
		for _, routing := range []sender.Routing{sender.RouteNothing, sender.RouteNodes, sender.RouteAddresses} {
			for _, count := range []bool{false, true} {
				o := memory.Options{
					Capabilities: sender.Capabilities{Durable: durable, Routing: routing, MaxPayload: 1 << 20},
					CountNodes:   count,
				}
				t.Run(fmt.Sprintf("durable=%t/routing=%d/counts=%t", durable, routing, count), func(t *testing.T) {
					h := on(memory.New(o))
					h.Capabilities = &o.Capabilities
					h.probes = 100 * time.Millisecond
					Run(t, h)
				})
			}
		}
	}
}
