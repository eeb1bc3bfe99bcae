package rocketmq_test

import (
	"context"
	"fmt"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rocketmq"
	"github.com/switchboard-go/switchboard/websocket"
)

// A node without a configuration file.
func ExampleNew() {
	ctx := context.Background()
	config := rocketmq.Defaults()
	config.NameServers = []string{shared.Address}
	config.Topic = "example-new"
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		panic(err)
	}
	broker, err := rocketmq.New(config, manager.Node())
	if err != nil {
		panic(err)
	}
	node, err := sender.NewCluster(ctx, broker, manager, "", sender.ClusterOptions{})
	if err != nil {
		panic(err)
	}
	defer node.Shutdown(ctx)
	receipt, err := sender.SendJSON(ctx, node, websocket.ToUser(websocket.Member, "1024"), "notice", "hello")
	fmt.Println(receipt.Local, receipt.Published, err)

	// Output:
	// 0 true <nil>
}

// A sender from the configuration: package config fills the driver's own section.
func ExampleConfig() {
	decode := func(section any) error {
		c := section.(*rocketmq.Config) // with the defaults in it
		c.NameServers = []string{shared.Address}
		c.Topic = "example-config"
		return nil
	}
	ctx := context.Background()
	s, err := sender.Open(ctx, "rocketmq", sender.OpenOptions{Decode: decode}) // no manager: a job that only sends
	if err != nil {
		panic(err)
	}
	defer s.Shutdown(ctx)
	receipt, err := sender.SendJSON(ctx, s, websocket.ToAll(), "notice", "maintenance at noon")
	fmt.Println(receipt.Published, err)

	// Output:
	// true <nil>
}
