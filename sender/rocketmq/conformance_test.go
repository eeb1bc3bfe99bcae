package rocketmq_test

import (
	"testing"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rocketmq"
	"github.com/switchboard-go/switchboard/sender/sendertest"
)

func TestConformance(t *testing.T) {
	noLeaks(t)
	sendertest.Run(t, sendertest.Harness{
		Open: func(t testing.TB, app, node string) sender.Broker {
			b, err := rocketmq.New(settings(shared.Address, app), node)
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		Capabilities: &sender.Capabilities{Durable: true, Routing: sender.RouteNothing, MaxPayload: 4<<20 - 4096},
		Restart: func(t testing.TB) {
			if err := shared.Restart(); err != nil {
				t.Fatal(err)
			}
		},
		Config: &sendertest.Config{
			Name: "rocketmq",
			Unreachable: func(c any, secret string) {
				o := c.(*rocketmq.Config)
				o.NameServers = []string{"127.0.0.1:1"}
				o.AccessKey, o.SecretKey = "app", sender.Secret(secret)
			},
			Invalid: map[string]func(any){
				"no name server": func(c any) { c.(*rocketmq.Config).NameServers = nil },
				"a URL": func(c any) {
					c.(*rocketmq.Config).NameServers = []string{"http://app:hunter2-sendertest-secret@localhost:9876"}
				},
				"no port":          func(c any) { c.(*rocketmq.Config).NameServers = []string{"localhost"} },
				"no topic":         func(c any) { c.(*rocketmq.Config).Topic = "" },
				"a topic's %":      func(c any) { c.(*rocketmq.Config).Topic = "app%websocket" },
				"no group":         func(c any) { c.(*rocketmq.Config).ConsumerGroup = "" },
				"half credentials": func(c any) { c.(*rocketmq.Config).AccessKey = "" },
			},
		},
	})
}
