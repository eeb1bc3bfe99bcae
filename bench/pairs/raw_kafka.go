package pairs

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// kafkaLink publishes to a topic of one partition, which is what keeps an order.
type kafkaLink struct{ writer *kafka.Writer }

func sendKafka(_ context.Context, r Role) (link, error) {
	return kafkaLink{&kafka.Writer{
		Addr:         kafka.TCP(r.Address),
		Topic:        r.Name,
		BatchSize:    100,
		BatchTimeout: time.Millisecond,
		RequiredAcks: kafka.RequireOne,
		Async:        strings.HasSuffix(r.Pair, "unacked"),
		Transport:    &kafka.Transport{},
	}}, nil
}

func (l kafkaLink) send(ctx context.Context, _ []uint16, messages [][]byte) error {
	batch := make([]kafka.Message, len(messages))
	for i, m := range messages {
		batch[i].Value = m
	}
	return l.writer.WriteMessages(ctx, batch...)
}

func (l kafkaLink) close() error { return l.writer.Close() }

func receiveKafka(ctx context.Context, r Role, s *stream) (reply, link, error) {
	if err := createTopic(r); err != nil {
		return reply{}, nil, err
	}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers:          []string{r.Address},
		Topic:            r.Name,
		MaxBytes:         1 << 20,
		QueueCapacity:    1000,
		MaxWait:          500 * time.Millisecond,
		ReadBatchTimeout: 500 * time.Millisecond,
		ReadLagInterval:  -1,
	})
	if err := reader.SetOffset(0); err != nil { // the topic is new
		return reply{}, nil, err
	}
	go func() {
		for {
			m, err := reader.ReadMessage(ctx)
			if err != nil {
				return
			}
			s.take(m.Value)
		}
	}()
	return reply{}, nil, nil
}

// createTopic makes the topic and waits until it can be used.
func createTopic(r Role) error {
	conn, err := kafka.Dial("tcp", r.Address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	controller, err := conn.Controller()
	if err != nil {
		return err
	}
	admin, err := kafka.Dial("tcp", net.JoinHostPort(controller.Host, strconv.Itoa(controller.Port)))
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }()
	if err := admin.CreateTopics(kafka.TopicConfig{Topic: r.Name, NumPartitions: 1, ReplicationFactor: 1}); err != nil {
		return err
	}
	for range 100 {
		leader, err := kafka.DialLeader(context.Background(), "tcp", r.Address, r.Name, 0)
		if err == nil {
			return leader.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("topic %s has no leader", r.Name)
}
