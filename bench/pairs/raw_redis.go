package pairs

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// redisLink publishes in pipelines.
type redisLink struct {
	client  *redis.Client
	channel string
}

func sendRedis(_ context.Context, r Role) (link, error) {
	return redisLink{redis.NewClient(&redis.Options{Addr: r.Address, Protocol: 2}), r.Name}, nil
}

func (l redisLink) send(ctx context.Context, _ []uint16, messages [][]byte) error {
	if len(messages) == 1 {
		return l.client.Publish(ctx, l.channel, messages[0]).Err()
	}
	pipeline := l.client.Pipeline()
	for _, m := range messages {
		pipeline.Publish(ctx, l.channel, m)
	}
	_, err := pipeline.Exec(ctx)
	return err
}

func (l redisLink) close() error { return l.client.Close() }

func receiveRedis(ctx context.Context, r Role, s *stream) (reply, link, error) {
	client := redis.NewClient(&redis.Options{Addr: r.Address, Protocol: 2})
	subscription := client.Subscribe(ctx, r.Name)
	if _, err := subscription.Receive(ctx); err != nil {
		return reply{}, nil, err
	}
	go func() {
		for m := range subscription.Channel(redis.WithChannelSize(1 << 16)) {
			s.take([]byte(m.Payload))
		}
	}()
	return reply{}, nil, nil
}
