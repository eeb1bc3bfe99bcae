package redis_test

import (
	"context"
	"testing"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/sender/sendertest"
)

// maxPayload is what the driver declares.
const maxPayload = 4 << 20

func TestConformance(t *testing.T) {
	capabilities := map[redis.Mode]sender.Capabilities{
		redis.PubSub: {Routing: sender.RouteAddresses, MaxPayload: maxPayload},
		redis.Stream: {Durable: true, MaxPayload: maxPayload},
	}
	modes(t, func(t *testing.T, mode redis.Mode) {
		noLeaks(t)
		// Of its own, as it is stopped and started again.
		server := ownServer(t)
		can := capabilities[mode]
		harness := sendertest.Harness{
			Open: func(t testing.TB, app, node string) sender.Broker {
				b, err := redis.Open(settings(server.Address, app, mode), node)
				if err != nil {
					t.Fatal(err)
				}
				return b
			},
			Capabilities: &can,
			Restart: func(t testing.TB) {
				if err := server.Restart(); err != nil {
					t.Fatal(err)
				}
			},
			Borrowed: func(t testing.TB, app, node string) (sender.Broker, func(context.Context) error) {
				c := client(t, server.Address)
				b, err := redis.New(c, redis.Config{Channel: app, Mode: mode}, node)
				if err != nil {
					t.Fatal(err)
				}
				return b, func(ctx context.Context) error { return c.Ping(ctx).Err() }
			},
		}
		if mode == redis.PubSub { // for the other it is the same, and takes its time
			harness.Config = &sendertest.Config{
				Name: "redis",
				Unreachable: func(c any, secret string) {
					o := c.(*redis.Config)
					o.Addrs = []string{"127.0.0.1:1"}
					o.Username, o.Password = "app", sender.Secret(secret)
				},
				Invalid: map[string]func(any){
					"no address": func(c any) { c.(*redis.Config).Addrs = nil },
					"a URL": func(c any) {
						c.(*redis.Config).Addrs = []string{"redis://app:hunter2-sendertest-secret@localhost:6379"}
					},
					"no port":           func(c any) { c.(*redis.Config).Addrs = []string{"localhost"} },
					"an unknown mode":   func(c any) { c.(*redis.Config).Mode = "queue" },
					"no channel":        func(c any) { c.(*redis.Config).Channel = "" },
					"a brace":           func(c any) { c.(*redis.Config).Channel = "app{1}" },
					"a short stream":    func(c any) { c.(*redis.Config).StreamMaxLen = 1 },
					"a negative db":     func(c any) { c.(*redis.Config).DB = -1 },
					"a db in a cluster": func(c any) { c.(*redis.Config).Cluster, c.(*redis.Config).DB = true, 1 },
				},
			}
		}
		sendertest.Run(t, harness)
	})
}
