package sendertest_test

import (
	"testing"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
)

// A driver's whole conformance test.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestConformance(t *testing.T)
		bus := memory.New(memory.Options{}) // a real broker
		sendertest.Run(t, sendertest.Harness{
			Open: func(_ testing.TB, app, node string) sender.Broker {
				return bus.Open(app, node)
			},
			Restart: func(testing.TB) { bus.Restart() },
		})
	}
	// Output:
}
