package rabbitmq_test

import (
	"testing"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
	"github.com/switchboard-go/switchboard/sender/sendertest"
)

// The suite skips the cases of a broker that is none.
var _ sender.Pipeliner = (*rabbitmq.Broker)(nil)

func TestConformance(t *testing.T) {
	h := harness(true)
	h.Restart = func(t testing.TB) {
		t.Helper()
		must(t, server.Restart())
	}
	h.Config = &sendertest.Config{
		Name: "rabbitmq",
		Unreachable: func(config any, secret string) {
			config.(*rabbitmq.Config).URL = sender.Secret("amqp://guest:" + secret + "@127.0.0.1:1/")
		},
		Invalid: map[string]func(config any){
			"no url":              func(c any) { c.(*rabbitmq.Config).URL = "" },
			"url of another kind": func(c any) { c.(*rabbitmq.Config).URL = "http" + c.(*rabbitmq.Config).URL[4:] },
			"no exchange":         func(c any) { c.(*rabbitmq.Config).Exchange = "" },
			"no queue":            func(c any) { c.(*rabbitmq.Config).Queue = "" },
			"no prefetch":         func(c any) { c.(*rabbitmq.Config).Prefetch = 0 },
			"missing CA": func(c any) {
				c.(*rabbitmq.Config).URL = "amqps" + c.(*rabbitmq.Config).URL[4:]
				c.(*rabbitmq.Config).TLSCAFile = "missing.pem"
			},
		},
	}
	sendertest.Run(t, h)
}

// TestConformanceTransient: without persistence the broker promises less, and
// keeps the rest. What a restart and the settings do is the same.
func TestConformanceTransient(t *testing.T) { sendertest.Run(t, harness(false)) }

func harness(persistent bool) sendertest.Harness {
	return sendertest.Harness{
		Open: func(t testing.TB, app, node string) sender.Broker {
			config := configured(server.Address, app)
			config.Persistent = persistent
			return open(t, config, node)
		},
		Capabilities: &sender.Capabilities{Durable: persistent, Routing: sender.RouteNodes, MaxPayload: 4 << 20},
	}
}
