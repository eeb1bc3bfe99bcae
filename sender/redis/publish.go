package redis

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/internal/driver"
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
	ctx, cancel := driver.WhileOpen(ctx, b.open)
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
			return fmt.Errorf("publish to %s: %w", b.where, driver.Because(ctx, err))
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
	b.commands = b.commands[:0]
	for i := range packets {
		b.commands = append(b.commands, b.command(ctx, i, &packets[i]))
	}
	pipeline := client.Pipeline()
	err := pipeline.BatchProcess(ctx, b.commands...)
	if err == nil {
		_, err = pipeline.Exec(ctx)
	}
	for i, command := range b.commands {
		if command.Err() != nil {
			continue
		}
		packets[i].Done = true
		if count, ok := command.(*goredis.IntCmd); ok {
			packets[i].Nodes = int(count.Val())
		}
	}
	for _, p := range b.posts[:min(len(b.posts), len(packets))] {
		p.payload = nil
	}
	clear(b.commands)
	if !alive() || err != nil {
		b.dropPublisher()
	}
	return err
}

// command returns what publishes the i-th packet of a pipeline.
func (b *Broker) command(ctx context.Context, i int, packet *sender.Packet) goredis.Cmder {
	if b.mode == Stream {
		return goredis.NewStringCmd(ctx, "xadd", b.names.stream(), "maxlen", "~", b.maxLen, "*", streamField, packet.Payload)
	}
	if i == len(b.posts) {
		b.posts = append(b.posts, newPost(b.cluster != nil))
	}
	p := b.posts[i]
	p.channel = b.names.channel(p.channel[:0], packet.Node, packet.Address)
	p.payload = packet.Payload
	return p.command
}

// post is a command that publishes, for one pipeline after the other: a new one
// for each packet is five allocations.
type post struct {
	command          *goredis.IntCmd
	channel, payload argument
}

func newPost(sharded bool) *post {
	p := &post{}
	publish := "publish"
	if sharded { // where a plain PUBLISH goes to every server
		publish = "spublish"
	}
	p.command = goredis.NewIntCmd(context.Background(), publish, &p.channel, &p.payload)
	return p
}

// argument is that of a command. Unlike a []byte it is changed in its place.
type argument []byte

// MarshalBinary implements encoding.BinaryMarshaler, as go-redis wants it.
func (a *argument) MarshalBinary() ([]byte, error) { return *a, nil }

// dropPublisher closes the connection that publishes. The lock is held.
func (b *Broker) dropPublisher() {
	if b.publisher != nil {
		_ = b.publisher.Close()
		b.publisher = nil
		b.posts = nil
	}
}
