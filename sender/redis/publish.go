package redis

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/sender"
)

// streamField is the field of a stream's entry that has the packet.
const streamField = "p"

// pipelineBytes is about how much goes out at a time, as ioTimeout is for all of
// a pipeline.
const pipelineBytes = 1 << 20

// Publish implements sender.Broker. The packets go out in pipelines, one after
// the other, on one connection. Where one fails the connection is dropped, as
// nobody knows what of it the server has read yet.
func (b *Broker) Publish(ctx context.Context, packets []sender.Packet) error {
	for i := range packets {
		if size := len(packets[i].Payload); size > maxPayload {
			return fmt.Errorf("redis: %w: %d bytes, the limit is %d", sender.ErrTooLarge, size, maxPayload)
		}
	}
	b.publishing.Lock()
	defer b.publishing.Unlock()
	ctx, cancel := b.whileOpen(ctx)
	defer cancel()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for begin, end, size := 0, 0, 0; begin < len(packets); begin, size = end, 0 {
		for end < len(packets) && size < pipelineBytes {
			size += len(packets[end].Payload)
			end++
		}
		if err := b.publish(ctx, packets[begin:end]); err != nil {
			b.lost()
			return fmt.Errorf("publish to %s: %w", b.where, because(ctx, err))
		}
	}
	return nil
}

// publish publishes packets in one pipeline. The lock is held.
func (b *Broker) publish(ctx context.Context, packets []sender.Packet) error {
	if b.publisher == nil {
		client, err := b.connect(ctx)
		if err != nil {
			return err
		}
		b.publisher = client
	}
	client := b.publisher
	alive := context.AfterFunc(ctx, func() { _ = client.Close() })
	pipeline := client.Pipeline()
	for i := range packets {
		b.command(ctx, pipeline, &packets[i])
	}
	commands, err := pipeline.Exec(ctx)
	if !alive() || err != nil {
		b.dropPublisher()
	}
	for i, command := range commands {
		if command.Err() != nil {
			continue
		}
		packets[i].Done = true
		if count, ok := command.(*goredis.IntCmd); ok {
			packets[i].Nodes = int(count.Val())
		}
	}
	return err
}

// command adds what publishes a packet to a pipeline.
func (b *Broker) command(ctx context.Context, pipeline goredis.Pipeliner, packet *sender.Packet) {
	if b.mode == Stream {
		pipeline.XAdd(ctx, &goredis.XAddArgs{
			Stream: b.names.stream(),
			MaxLen: b.maxLen,
			Approx: true,
			Values: []any{streamField, packet.Payload},
		})
		return
	}
	channel := b.names.all()
	switch {
	case packet.Node != "":
		channel = b.names.node(packet.Node)
	case packet.Address != "":
		channel = b.names.address(packet.Address)
	}
	if b.cluster != nil { // where a plain PUBLISH goes to every server
		pipeline.SPublish(ctx, channel, packet.Payload)
	} else {
		pipeline.Publish(ctx, channel, packet.Payload)
	}
}

// dropPublisher closes the connection that publishes. The lock is held.
func (b *Broker) dropPublisher() {
	if b.publisher != nil {
		_ = b.publisher.Close()
		b.publisher = nil
	}
}
