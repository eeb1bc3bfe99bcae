package rabbitmq

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

func init() { sender.Register("rabbitmq", open) }

// open is the sender.Opener. Without a manager it makes an emitter.
func open(ctx context.Context, manager *websocket.SessionManager, decode func(any) error) (sender.Sender, error) {
	config := Defaults()
	if err := decode(&config); err != nil {
		return nil, err
	}
	node, emitter := "emitter-"+strings.ToLower(rand.Text()[:10]), ""
	if manager != nil {
		node = manager.Node()
	} else {
		emitter = node
	}
	b, err := New(config, node)
	if err != nil {
		return nil, err
	}
	return sender.NewCluster(ctx, b, manager, emitter, sender.ClusterOptions{})
}
