package redis

import (
	"context"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

func init() { sender.Register("redis", open) }

func open(ctx context.Context, manager *websocket.SessionManager, decode func(any) error) (sender.Sender, error) {
	config := Defaults()
	if err := decode(&config); err != nil {
		return nil, err
	}
	b, err := Open(config, manager.Node())
	if err != nil {
		return nil, err
	}
	return sender.NewCluster(ctx, b, manager, "", sender.ClusterOptions{})
}
