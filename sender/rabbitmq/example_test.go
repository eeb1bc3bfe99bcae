package rabbitmq_test

import (
	"context"
	"log"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
	"github.com/switchboard-go/switchboard/websocket"
)

// A node without a configuration file.
func ExampleNew() {
	manager, err := websocket.NewSessionManager("node-1")
	if err != nil {
		log.Fatal(err)
	}
	config := rabbitmq.Defaults()
	config.URL = "amqp://app:s%3Acret@rabbitmq.internal:5672/chat"
	config.Exchange, config.Queue = "chat-websocket", "chat-websocket"
	broker, err := rabbitmq.New(config, manager.Node())
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	cluster, err := sender.NewCluster(ctx, broker, manager, "", sender.ClusterOptions{})
	if err != nil {
		log.Fatal(err) // rabbitmq at amqp://rabbitmq.internal:5672/chat: dial tcp: …
	}
	defer cluster.Shutdown(ctx)
	_, err = sender.SendJSON(ctx, cluster, websocket.ToUser(websocket.Admin, "1024"), "notice-push", "hello")
	if err != nil {
		log.Print(err) // the sessions of this node have it
	}
}
