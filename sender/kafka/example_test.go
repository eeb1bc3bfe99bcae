package kafka_test

import (
	"context"
	"fmt"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/kafka"
	"github.com/switchboard-go/switchboard/websocket"
)

// A node without a configuration file.
func ExampleNew() {
	ctx := context.Background()
	config := kafka.Defaults()
	config.Brokers = []string{shared.Address} // yours
	config.Topic = "example-new"

	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		panic(err)
	}
	broker, err := kafka.New(config, manager.Node())
	if err != nil {
		panic(err)
	}
	node, err := sender.NewCluster(ctx, broker, manager, "", sender.ClusterOptions{})
	if err != nil {
		panic(err)
	}
	defer node.Shutdown(ctx)

	receipt, err := sender.SendJSON(ctx, node, websocket.ToAll(), "notice", "maintenance at noon")
	fmt.Println(receipt.Published, err)

	// Output:
	// true <nil>
}

// A sender from the configuration: package config fills the driver's own section.
func ExampleConfig() {
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		panic(err)
	}
	decode := func(section any) error {
		c := section.(*kafka.Config) // with the defaults in it
		c.Brokers = []string{shared.Address}
		c.Topic = "example-config"
		return nil
	}
	ctx := context.Background()
	s, err := sender.Open(ctx, "kafka", sender.OpenOptions{Manager: manager, Decode: decode})
	if err != nil {
		panic(err)
	}
	defer s.Shutdown(ctx)
	receipt, err := sender.SendJSON(ctx, s, websocket.ToAll(), "notice", "hello")
	fmt.Println(receipt.Local, receipt.Published, err)

	// Output:
	// 0 true <nil>
}
