package pairs

import (
	"context"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// rocketLink publishes with the official client, in batches to one queue, which
// is what keeps an order.
type rocketLink struct {
	producer rocketmq.Producer
	topic    string
}

// firstQueue takes everything.
type firstQueue struct{}

func (firstQueue) Select(_ *primitive.Message, queues []*primitive.MessageQueue, _ string) *primitive.MessageQueue {
	first := queues[0]
	for _, q := range queues {
		if q.QueueId < first.QueueId {
			first = q
		}
	}
	return first
}

func sendRocketMQ(_ context.Context, r Role) (link, error) {
	rlog.SetLogLevel("error")
	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{r.Address})),
		producer.WithInstanceName(r.Name+"-"+r.Side+"-producer"), producer.WithGroupName(r.Name+"-"+r.Side+"-producer"),
		producer.WithQueueSelector(firstQueue{}), producer.WithRetry(0))
	if err != nil {
		return nil, err
	}
	return rocketLink{p, r.Name}, p.Start()
}

func (l rocketLink) send(ctx context.Context, _ []uint16, messages [][]byte) error {
	batch := make([]*primitive.Message, len(messages))
	for i, m := range messages {
		batch[i] = primitive.NewMessage(l.topic, m)
	}
	_, err := l.producer.SendSync(ctx, batch...)
	return err
}

func (l rocketLink) close() error { return nil } // its Shutdown waits for minutes

func receiveRocketMQ(ctx context.Context, r Role, s *stream) (reply, link, error) {
	rlog.SetLogLevel("error")
	// The first message makes the topic.
	first, err := sendRocketMQ(ctx, r)
	if err != nil {
		return reply{}, nil, err
	}
	if err := first.send(ctx, nil, [][]byte{[]byte("first")}); err != nil {
		return reply{}, nil, err
	}
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{r.Address})),
		consumer.WithInstance(r.Name+"-b"), consumer.WithGroupName(r.Name+"-b"),
		consumer.WithConsumerModel(consumer.BroadCasting), consumer.WithConsumeFromWhere(consumer.ConsumeFromLastOffset),
		consumer.WithConsumeGoroutineNums(1), consumer.WithConsumeMessageBatchMaxSize(32))
	if err != nil {
		return reply{}, nil, err
	}
	came := make(chan struct{}, 1)
	err = c.Subscribe(r.Name, consumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		select {
		case came <- struct{}{}:
		default:
		}
		bodies := make([][]byte, len(messages))
		for i, m := range messages {
			bodies[i] = m.Body
		}
		s.take(bodies...)
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return reply{}, nil, err
	}
	if err := c.Start(); err != nil {
		return reply{}, nil, err
	}
	// It looks for the queues after its start, and where it finds none at once,
	// twenty seconds later.
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-came:
			return reply{}, nil, nil
		case <-ticker.C:
			if err := first.send(ctx, nil, [][]byte{[]byte("are you there?")}); err != nil {
				return reply{}, nil, err
			}
		case <-ctx.Done():
			return reply{}, nil, ctx.Err()
		}
	}
}
