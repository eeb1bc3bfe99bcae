package redis_test

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/websocket"
)

// A node whose application has a client of Redis already, and a job in another
// process that sends to the node's sessions.
func ExampleNew() {
	ctx := context.Background()
	client := goredis.NewClient(&goredis.Options{Addr: shared.Address}) // yours
	defer client.Close()
	settings := redis.Config{Channel: "example-new"}

	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		panic(err)
	}
	broker, err := redis.New(client, settings, manager.Node())
	if err != nil {
		panic(err)
	}
	node, err := sender.NewCluster(ctx, broker, manager, "", sender.ClusterOptions{})
	if err != nil {
		panic(err)
	}
	defer node.Shutdown(ctx)

	jobs, err := redis.New(client, settings, "nightly-job")
	if err != nil {
		panic(err)
	}
	job, err := sender.NewCluster(ctx, jobs, nil, "nightly-job", sender.ClusterOptions{})
	if err != nil {
		panic(err)
	}
	defer job.Shutdown(ctx)

	receipt, err := sender.SendJSON(ctx, job, websocket.ToAll(), "notice", "maintenance at noon")
	fmt.Println(receipt.Published, receipt.Nodes, err)
	receipt, err = sender.SendJSON(ctx, job, websocket.ToUser(websocket.Member, "1024"), "notice", "hello")
	fmt.Println(receipt.Published, receipt.Nodes, err) // that user is connected nowhere

	// Output:
	// true 1 <nil>
	// true 0 <nil>
}

// A sender from the configuration: package config fills the driver's own section.
func ExampleConfig() {
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		panic(err)
	}
	decode := func(section any) error {
		c := section.(*redis.Config) // with the defaults in it
		c.Addrs = []string{shared.Address}
		c.Channel = "example-config"
		c.Mode = redis.Stream
		return nil
	}
	ctx := context.Background()
	s, err := sender.Open(ctx, "redis", sender.OpenOptions{Manager: manager, Decode: decode})
	if err != nil {
		panic(err)
	}
	defer s.Shutdown(ctx)
	receipt, err := sender.SendJSON(ctx, s, websocket.ToAll(), "notice", "hello")
	fmt.Println(receipt.Local, receipt.Published, err)

	// Output:
	// 0 true <nil>
}
