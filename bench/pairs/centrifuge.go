package pairs

import (
	"context"
	"fmt"
	"net/http"

	"github.com/centrifugal/centrifuge"
)

// centrifugeLink is a node of centrifuge with its Redis broker.
type centrifugeLink struct{ node *centrifuge.Node }

func openCentrifuge(r Role) (*centrifuge.Node, error) {
	node, err := centrifuge.New(centrifuge.Config{Name: r.Side})
	if err != nil {
		return nil, err
	}
	shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: r.Address})
	if err != nil {
		return nil, err
	}
	broker, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Prefix: r.Name, Shards: []*centrifuge.RedisShard{shard}})
	if err != nil {
		return nil, err
	}
	node.SetBroker(broker)
	node.OnConnecting(func(_ context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		user := e.Token
		return centrifuge.ConnectReply{
			Credentials:        &centrifuge.Credentials{UserID: user},
			Subscriptions:      map[string]centrifuge.SubscribeOptions{"user:" + user: {}},
			MaxMessagesInFrame: -1,
			QueueInitialCap:    64,
		}, nil
	})
	return node, node.Run()
}

func (c centrifugeLink) send(_ context.Context, to []uint16, messages [][]byte) error {
	for i, m := range messages {
		if _, err := c.node.Publish("user:"+userName(to[i]), m); err != nil {
			return err
		}
	}
	return nil
}

func (c centrifugeLink) close() error { return c.node.Shutdown(context.Background()) }

func sendCentrifuge(_ context.Context, r Role) (link, error) {
	node, err := openCentrifuge(r)
	return centrifugeLink{node}, err
}

func receiveCentrifuge(ctx context.Context, r Role, _ *stream) (reply, link, error) {
	node, err := openCentrifuge(r)
	if err != nil {
		return reply{}, nil, err
	}
	address, err := serve(ctx, centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		CheckOrigin: func(*http.Request) bool { return true },
	}))
	return reply{Address: address, Path: "/", Hello: fmt.Sprintf(`{"id":1,"connect":{"token":"%s"}}`, "USER")}, centrifugeLink{node}, err
}
