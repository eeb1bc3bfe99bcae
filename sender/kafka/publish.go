package kafka

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

const (
	// recordOverhead is more than a record adds to its key and payload.
	recordOverhead = 32
	// electionTime bounds how long a publish waits for a new leader.
	electionTime = 2 * time.Second
)

// publisher is what a node publishes by.
type publisher struct {
	conn *conn // nil where there is none
	// partition is the one that takes all packets of the node, once it is chosen.
	partition int32
	chosen    bool
}

// drop closes the connection.
func (p *publisher) drop() {
	if p.conn != nil {
		p.conn.close()
		p.conn = nil
	}
}

// choose chooses the partition by the node's name, or keeps it where it is there.
func (p *publisher) choose(node string, l layout) {
	if _, there := l.leaders[p.partition]; p.chosen && there {
		return
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(node))
	p.partition, p.chosen = int32(hash.Sum32()%uint32(len(l.leaders))), true
}

// Publish implements sender.Broker. The packets go out in as few batches as the
// topic's limit allows, one after the other.
func (b *Broker) Publish(ctx context.Context, packets []sender.Packet) error {
	for i := range packets {
		if size := len(packets[i].Payload); size > b.config.MaxPayload {
			return fmt.Errorf("kafka: %w: %d bytes, the limit is %d", sender.ErrTooLarge, size, b.config.MaxPayload)
		}
	}
	b.publishing.Lock()
	defer b.publishing.Unlock()
	ctx, cancel := driver.WhileOpen(ctx, b.open)
	defer cancel()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for len(packets) > 0 {
		n := b.fitting(packets)
		if err := b.produceToLeader(ctx, packets[:n]); err != nil {
			return fmt.Errorf("publish to %s: %w", b.where, driver.Because(ctx, err))
		}
		packets = packets[n:]
	}
	return nil
}

// produceToLeader publishes a batch. Where the leader has changed, as it does when
// the brokers are updated one by one, who is asked has not taken the batch for
// certain, and the new one is.
func (b *Broker) produceToLeader(ctx context.Context, packets []sender.Packet) error {
	deadline := time.Now().Add(electionTime)
	for attempt := 0; ; attempt++ {
		err := b.produce(ctx, packets)
		if err == nil {
			return nil
		}
		// Nobody knows what of it the broker has read, or who leads now.
		b.publisher.drop()
		moved := errors.Is(err, kafkago.NotLeaderForPartition) || errors.Is(err, kafkago.LeaderNotAvailable)
		if !moved || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		pause(ctx, attempt)
	}
}

// fitting returns how many of the packets one batch takes.
func (b *Broker) fitting(packets []sender.Packet) int {
	left := b.config.MaxPayload
	for i := range packets {
		left -= len(packets[i].Payload)
		if i > 0 && left < 0 {
			return i
		}
		left -= recordOverhead + len(b.node)
	}
	return len(packets)
}

// produce publishes a batch.
func (b *Broker) produce(ctx context.Context, packets []sender.Packet) error {
	if err := b.connectPublisher(ctx); err != nil {
		return err
	}
	records := make([]protocol.Record, len(packets))
	for i := range packets {
		records[i].Key = protocol.NewBytes([]byte(b.node))
		records[i].Value = protocol.NewBytes(packets[i].Payload)
	}
	c := b.publisher.conn
	answer, err := ask[*produce.Response](ctx, c, &produce.Request{
		Acks:    int16(kafkago.RequireAll),
		Timeout: milliseconds(ioTimeout / 2),
		Topics: []produce.RequestTopic{{
			Topic: b.config.Topic,
			Partitions: []produce.RequestPartition{{
				Partition: b.publisher.partition,
				RecordSet: protocol.RecordSet{Records: protocol.NewRecordReader(records...)},
			}},
		}},
	})
	if err != nil {
		return err
	}
	c.throttle(answer.ThrottleTimeMs)
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return c.refused(int16(kafkago.UnknownTopicOrPartition), "")
	}
	written := answer.Topics[0].Partitions[0]
	if written.ErrorCode != 0 {
		err := c.refused(written.ErrorCode, written.ErrorMessage)
		if errors.Is(err, kafkago.MessageSizeTooLarge) {
			err = fmt.Errorf("%w: the topic's max.message.bytes must be at least %d, which is max-payload and %d", err, b.config.MaxPayload+overhead, overhead)
		}
		return err
	}
	for i := range packets {
		packets[i].Done = true
	}
	return nil
}

// connectPublisher connects to the leader where there is no connection.
func (b *Broker) connectPublisher(ctx context.Context) error {
	if b.publisher.conn.usable() {
		return nil
	}
	b.publisher.drop()
	l, err := b.locate(ctx)
	if err != nil {
		return err
	}
	b.publisher.choose(b.node, l)
	leader, err := l.leader(b.publisher.partition)
	if err != nil {
		return err
	}
	b.publisher.conn, err = b.dialer.connect(ctx, leader)
	return err
}
