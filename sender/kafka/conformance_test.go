package kafka_test

import (
	"testing"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/kafka"
	"github.com/switchboard-go/switchboard/sender/sendertest"
)

func TestConformance(t *testing.T) {
	noLeaks(t)
	sendertest.Run(t, sendertest.Harness{
		Open: func(t testing.TB, app, node string) sender.Broker {
			b, err := kafka.New(settings(app), node)
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		Capabilities: &sender.Capabilities{Durable: true, MaxPayload: 1_000_000},
		Restart: func(t testing.TB) {
			if err := shared.Restart(); err != nil {
				t.Fatal(err)
			}
		},
		Config: &sendertest.Config{
			Name: "kafka",
			Unreachable: func(c any, secret string) {
				o := c.(*kafka.Config)
				o.Brokers = []string{"127.0.0.1:1"}
				o.Username, o.Password = "app", sender.Secret(secret)
			},
			Invalid: map[string]func(any){
				"no broker": func(c any) { c.(*kafka.Config).Brokers = nil },
				"a URL": func(c any) {
					c.(*kafka.Config).Brokers = []string{"kafka://app:hunter2-sendertest-secret@localhost:9092"}
				},
				"no port":              func(c any) { c.(*kafka.Config).Brokers = []string{"localhost"} },
				"no topic":             func(c any) { c.(*kafka.Config).Topic = "" },
				"a slash":              func(c any) { c.(*kafka.Config).Topic = "app/1" },
				"no group":             func(c any) { c.(*kafka.Config).ConsumerGroup = "" },
				"no partitions":        func(c any) { c.(*kafka.Config).Partitions = 0 },
				"a short retention":    func(c any) { c.(*kafka.Config).Retention = 1 },
				"a small packet":       func(c any) { c.(*kafka.Config).MaxPayload = 1 },
				"an unknown mechanism": func(c any) { c.(*kafka.Config).Mechanism = "gssapi" },
				"no password":          func(c any) { c.(*kafka.Config).Password = "" },
				"a forbidden password": func(c any) {
					c.(*kafka.Config).Mechanism = kafka.ScramSHA256
					c.(*kafka.Config).Password += "\x00"
				},
			},
		},
	})
}
