package faults

import (
	"fmt"

	redislogging "github.com/redis/go-redis/v9/logging"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/kafka"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/sender/rocketmq"
)

// The Redis client has one logger for the whole program, and much to say of a broker that is gone.
func init() { redislogging.Disable() }

// Driver is a way to link the nodes.
type Driver struct {
	// Name is unique among the Drivers.
	Name string
	// Kind is the broker that it needs.
	Kind brokers.Kind
	// sender is the name that it is opened by.
	sender string
	// can is what its Capabilities say, apart from MaxPayload.
	can sender.Capabilities
	// settings returns what fills its configuration for a broker's address and the name of an application.
	settings func(address, app string) func(section any) error
}

// Drivers returns all that there are.
func Drivers() []Driver {
	return []Driver{
		{
			Name: "redis-pubsub", Kind: brokers.Redis, sender: "redis",
			can: sender.Capabilities{Routing: sender.RouteAddresses},
			settings: fill(func(c *redis.Config, address, app string) {
				c.Addrs, c.Channel, c.Mode = []string{address}, app, redis.PubSub
			}),
		},
		{
			Name: "redis-stream", Kind: brokers.Redis, sender: "redis",
			can: sender.Capabilities{Durable: true},
			settings: fill(func(c *redis.Config, address, app string) {
				c.Addrs, c.Channel, c.Mode = []string{address}, app, redis.Stream
			}),
		},
		{
			Name: "rabbitmq", Kind: brokers.RabbitMQ, sender: "rabbitmq",
			can: sender.Capabilities{Durable: true, Routing: sender.RouteNodes},
			settings: fill(func(c *rabbitmq.Config, address, app string) {
				c.URL, c.Exchange, c.Queue = sender.Secret("amqp://guest:guest@"+address+"/"), app+"-exchange", app+"-queue"
			}),
		},
		{
			Name: "kafka", Kind: brokers.Kafka, sender: "kafka",
			can: sender.Capabilities{Durable: true},
			settings: fill(func(c *kafka.Config, address, app string) {
				c.Brokers, c.Topic = []string{address}, app
			}),
		},
		{
			Name: "rocketmq", Kind: brokers.RocketMQ, sender: "rocketmq",
			can: sender.Capabilities{Durable: true},
			settings: fill(func(c *rocketmq.Config, address, app string) {
				c.NameServers, c.Topic = []string{address}, app
			}),
		},
	}
}

// fill makes a Driver's settings of what sets the fields of its configuration.
func fill[Config any](set func(c *Config, address, app string)) func(address, app string) func(any) error {
	return func(address, app string) func(any) error {
		return func(section any) error {
			c, ok := section.(*Config)
			if !ok {
				return fmt.Errorf("the driver's configuration is a %T, not a %T", section, c)
			}
			set(c, address, app)
			return nil
		}
	}
}
