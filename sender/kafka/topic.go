package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// createTimeout bounds how long a new topic takes until it can be used.
const createTimeout = 5 * time.Second

// overhead is more than a record and its batch add to a payload: 61 bytes for the
// batch, some 30 for the record, and the node's name.
const overhead = 1024

// layout says who leads the partitions of the topic.
type layout struct {
	leaders    map[int32]string // by partition; empty where there is none
	controller string
}

// leader returns who leads a partition.
func (l layout) leader(partition int32) (string, error) {
	addr, ok := l.leaders[partition]
	switch {
	case !ok:
		return "", errGone
	case addr == "":
		return "", fmt.Errorf("partition %d: %w", partition, kafkago.LeaderNotAvailable)
	}
	return addr, nil
}

// errGone: the topic has no such partition any more.
var errGone = errors.New("the topic has been made again with fewer partitions")

// locate asks any broker for the layout.
func (b *Broker) locate(ctx context.Context) (layout, error) {
	c, err := b.dialer.any(ctx, b.config.Brokers)
	if err != nil {
		return layout{}, err
	}
	defer c.close()
	return b.layout(ctx, c)
}

// layout asks a broker for the layout, and makes the topic where it is missing.
func (b *Broker) layout(ctx context.Context, c *conn) (layout, error) {
	l, err := b.describe(ctx, c)
	if !errors.Is(err, kafkago.UnknownTopicOrPartition) {
		return l, err
	}
	if !b.config.CreateTopic {
		return l, fmt.Errorf("the topic does not exist, and create-topic is false: %w", err)
	}
	if err := b.create(ctx, l.controller); err != nil {
		return l, fmt.Errorf("create the topic: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		if l, err = b.describe(ctx, c); err == nil {
			err = b.probe(ctx, l)
		}
		if err == nil {
			return l, nil
		}
		if c.broken || ctx.Err() != nil {
			return l, fmt.Errorf("the topic was created and cannot be used yet: %w", err)
		}
		pause(ctx, attempt)
	}
}

// probe returns an error where a partition cannot be used, as those of a new topic
// for a moment: their leaders hear later of it than who is asked for them.
func (b *Broker) probe(ctx context.Context, l layout) error {
	for id := range l.leaders {
		p := &partition{b: b, id: id, next: atEnd}
		if err := p.connect(ctx, l); err != nil {
			return err
		}
		p.disconnect()
	}
	return nil
}

// describe asks a broker for the layout. Where the topic is unknown, it has the
// controller.
func (b *Broker) describe(ctx context.Context, c *conn) (layout, error) {
	answer, err := ask[*metadata.Response](ctx, c, &metadata.Request{TopicNames: []string{b.config.Topic}})
	if err != nil {
		return layout{}, err
	}
	brokers := make(map[int32]string, len(answer.Brokers))
	for _, broker := range answer.Brokers {
		brokers[broker.NodeID] = net.JoinHostPort(broker.Host, strconv.Itoa(int(broker.Port)))
	}
	l := layout{leaders: make(map[int32]string), controller: brokers[answer.ControllerID]}
	for _, topic := range answer.Topics {
		if topic.Name != b.config.Topic {
			continue
		}
		if topic.ErrorCode != 0 {
			return l, c.refused(topic.ErrorCode, "")
		}
		for _, partition := range topic.Partitions {
			l.leaders[partition.PartitionIndex] = brokers[partition.LeaderID]
		}
	}
	if len(l.leaders) == 0 {
		return l, c.refused(int16(kafkago.LeaderNotAvailable), "no partitions")
	}
	return l, nil
}

// create makes the topic. It may exist by then: another node was faster.
func (b *Broker) create(ctx context.Context, controller string) error {
	if controller == "" {
		return errors.New("the cluster has no controller at the moment")
	}
	c, err := b.dialer.connect(ctx, controller)
	if err != nil {
		return err
	}
	defer c.close()
	replicas := int16(-1) // leaves it to the brokers
	if b.config.ReplicationFactor > 0 {
		replicas = int16(b.config.ReplicationFactor)
	}
	retention := strconv.FormatInt(b.config.Retention.Milliseconds(), 10)
	answer, err := ask[*createtopics.Response](ctx, c, &createtopics.Request{
		TimeoutMs: milliseconds(ioTimeout / 2),
		Topics: []createtopics.RequestTopic{{
			Name:              b.config.Topic,
			NumPartitions:     int32(b.config.Partitions),
			ReplicationFactor: replicas,
			Configs: []createtopics.RequestConfig{
				{Name: "cleanup.policy", Value: "delete"},
				{Name: "retention.ms", Value: retention},
				{Name: "segment.ms", Value: retention}, // what is being written to is never deleted
				{Name: "max.message.bytes", Value: strconv.Itoa(b.config.MaxPayload + overhead)},
			},
		}},
	})
	if err != nil {
		return err
	}
	for _, topic := range answer.Topics {
		if code := kafkago.Error(topic.ErrorCode); code != 0 && code != kafkago.TopicAlreadyExists {
			return c.refused(topic.ErrorCode, topic.ErrorMessage)
		}
	}
	return nil
}

// checkLimit returns an error where the topic does not take what MaxPayload
// promises. Who may not ask is not told.
func (b *Broker) checkLimit(ctx context.Context, c *conn) error {
	const topicResource, limit = 2, "max.message.bytes"
	answer, err := ask[*describeconfigs.Response](ctx, c, &describeconfigs.Request{
		Resources: []describeconfigs.RequestResource{{ResourceType: topicResource, ResourceName: b.config.Topic, ConfigNames: []string{limit}}},
	})
	if err != nil {
		return err
	}
	for _, resource := range answer.Resources {
		for _, entry := range resource.ConfigEntries {
			bytes, err := strconv.Atoi(entry.ConfigValue)
			if entry.ConfigName == limit && err == nil && bytes < b.config.MaxPayload+overhead {
				return fmt.Errorf("the topic's %s is %d, and must be at least %d, which is max-payload and %d", limit, bytes, b.config.MaxPayload+overhead, overhead)
			}
		}
	}
	return nil
}

func milliseconds(d time.Duration) int32 { return int32(d.Milliseconds()) }
