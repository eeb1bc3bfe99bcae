package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

const (
	// maxPayload leaves room for the rest of a message within the 4 MiB that a
	// broker takes: some versions count it all.
	maxPayload = 4<<20 - 4096
	// maxBatch bounds the payloads that one request carries, and so how long it
	// takes, where there are several.
	maxBatch = 512 << 10
	// maxIdle is below the two minutes after which a broker closes a connection
	// on which nothing moves.
	maxIdle = 30 * time.Second
)

// publisher is the connection that publishes. It belongs to who holds
// Broker.publishing.
type publisher struct {
	conn   *conn // nil where there is none
	used   time.Time
	lane   queue // all that the node publishes goes there
	id     uint64
	number uint64 // of the last packet
}

// Publish implements sender.Broker. The packets go to one queue, in batches, one
// after the other: a broker that has two of them at a time can swap them. Where
// one fails the connection is dropped, as an answer may come late.
func (b *Broker) Publish(ctx context.Context, packets []sender.Packet) error {
	for i := range packets {
		if size := len(packets[i].Payload); size > maxPayload {
			return fmt.Errorf("rocketmq: %w: %d bytes, the limit is %d", sender.ErrTooLarge, size, maxPayload)
		}
	}
	b.publishing.Lock()
	defer b.publishing.Unlock()
	ctx, cancel := driver.WhileOpen(ctx, b.open)
	defer cancel()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p := &b.publisher
	if p.conn != nil && time.Since(p.used) > maxIdle {
		p.drop()
	}
	if err := b.publish(ctx, packets); err != nil {
		p.drop()
		return fmt.Errorf("publish to %s: %w", b.client.where(), driver.Because(ctx, err))
	}
	p.used = time.Now()
	return nil
}

func (b *Broker) publish(ctx context.Context, packets []sender.Packet) error {
	p := &b.publisher
	if p.conn == nil {
		if err := b.connectPublisher(ctx); err != nil {
			return err
		}
	}
	for len(packets) > 0 {
		count, size := 1, len(packets[0].Payload)
		for count < len(packets) && size+len(packets[count].Payload) <= maxBatch {
			size += len(packets[count].Payload)
			count++
		}
		bodies := make([][]byte, count)
		for i := range bodies {
			p.number++
			bodies[i] = stamp{p.id, p.number}.body(packets[i].Payload)
		}
		if _, err := b.client.put(ctx, p.conn, p.lane.id, bodies); err != nil {
			return err
		}
		for i := range bodies {
			packets[i].Done = true
		}
		packets = packets[count:]
	}
	return nil
}

// connectPublisher connects to the broker that has the node's lane. The lane
// stays the same for as long as there is its queue.
func (b *Broker) connectPublisher(ctx context.Context) error {
	p := &b.publisher
	r, err := b.client.ensure(ctx)
	if err != nil {
		return err
	}
	if len(r.write) == 0 {
		return errors.New("no queue of the topic can be written to")
	}
	if p.lane.broker == "" || r.writable(p.lane.broker) <= p.lane.id {
		p.lane = r.lane(b.node)
	}
	connection, err := b.client.dial(ctx, r.master(p.lane.broker))
	if err != nil {
		return fmt.Errorf("broker %s: %w", p.lane.broker, err)
	}
	p.conn = connection
	return nil
}

// drop closes the connection.
func (p *publisher) drop() {
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
}

// put puts messages into a queue, all or, by the broker's word, none, and
// returns the offset of the first.
func (c *client) put(ctx context.Context, connection *conn, queueID int, bodies [][]byte) (int64, error) {
	size := 0
	for _, body := range bodies {
		size += messageOverhead + len(body)
	}
	batch := make([]byte, 0, size)
	for _, body := range bodies {
		message := primitive.Message{Topic: c.Topic, Body: body}
		batch = append(batch, message.Marshal()...)
	}
	a, err := connection.call(ctx, request{code: codeSendBatch, body: batch, fields: map[string]string{
		"a": c.ConsumerGroup,
		"b": c.Topic,
		"c": creatableTopic,
		"d": strconv.Itoa(newQueues),
		"e": strconv.Itoa(queueID),
		"f": "0", // flags: not compressed
		"g": strconv.FormatInt(time.Now().UnixMilli(), 10),
		"h": "0",
		"i": "", // properties
		"j": "0",
		"k": "false",
		"l": "0",
		"m": "true", // a batch
	}})
	if err != nil {
		return 0, err
	}
	switch a.Code {
	// The last three have it, too, and fear for it: a disk or a slave is slow.
	case codeSuccess, codeFlushDiskTimeout, codeFlushSlaveTimeout, codeSlaveNotAvailable:
		return a.integer("queueOffset")
	}
	return 0, a.refusal()
}

// messageOverhead is what a message has in a batch beside its body.
const messageOverhead = 22
