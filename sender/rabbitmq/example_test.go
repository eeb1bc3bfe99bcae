package rabbitmq_test

import (
	"context"
	"fmt"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
	"github.com/switchboard-go/switchboard/websocket"
)

// A node without a configuration file.
func ExampleNew() {
	ctx := context.Background()
	config := rabbitmq.Defaults()
	config.URL = sender.Secret("amqp://guest:guest@" + server.Address + "/") // amqps://app:s%3Acret@rabbitmq.internal/chat
	config.Exchange, config.Queue = "example-new", "example-new"

	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		panic(err)
	}
	broker, err := rabbitmq.New(config, manager.Node())
	if err != nil {
		panic(err)
	}
	node, err := sender.NewCluster(ctx, broker, manager, "", sender.ClusterOptions{})
	if err != nil {
		panic(err)
	}
	defer node.Shutdown(ctx)

	receipt, err := sender.SendJSON(ctx, node, websocket.ToUser(websocket.Admin, "1024"), "notice", "hello")
	fmt.Println(receipt.Published, receipt.Nodes == sender.NodesUnknown, err) // RabbitMQ does not tell who took it

	// Output:
	// true true <nil>
}

// A sender from the configuration: package config fills the driver's own section.
func ExampleConfig() {
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		panic(err)
	}
	decode := func(section any) error {
		c := section.(*rabbitmq.Config) // with the defaults in it
		c.URL = sender.Secret("amqp://guest:guest@" + server.Address + "/")
		c.Exchange, c.Queue = "example-config", "example-config"
		return nil
	}
	ctx := context.Background()
	s, err := sender.Open(ctx, "rabbitmq", sender.OpenOptions{Manager: manager, Decode: decode})
	if err != nil {
		panic(err)
	}
	defer s.Shutdown(ctx)
	receipt, err := sender.SendJSON(ctx, s, websocket.ToAll(), "notice", "hello")
	fmt.Println(receipt.Local, receipt.Published, err)

	// Output:
	// 0 true <nil>
}
