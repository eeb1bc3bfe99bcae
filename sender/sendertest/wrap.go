package sendertest

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"github.com/switchboard-go/switchboard/sender"
)

// stuckBroker is a driver whose broker takes nothing until it is freed.
type stuckBroker struct {
	sender.Broker
	release chan struct{}
	once    sync.Once
}

func (b *stuckBroker) free() { b.once.Do(func() { close(b.release) }) }

func (b *stuckBroker) Publish(ctx context.Context, packets []sender.Packet) error {
	select {
	case <-b.release:
		return b.Broker.Publish(ctx, packets)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *stuckBroker) Take(address string, on bool) { take(b.Broker, address, on) }

// lossyBroker is a driver that loses what has a certain text in it.
type lossyBroker struct {
	sender.Broker
	lose atomic.Value // of string
}

func (b *lossyBroker) Receive(ctx context.Context) (sender.Event, error) {
	for {
		event, err := b.Broker.Receive(ctx)
		text, _ := b.lose.Load().(string)
		if err != nil || text == "" || !bytes.Contains(event.Payload, []byte(text)) {
			return event, err
		}
	}
}

func (b *lossyBroker) Take(address string, on bool) { take(b.Broker, address, on) }

// take passes an address on; only Brokers with RouteAddresses get any.
func take(b sender.Broker, address string, on bool) { b.(sender.Router).Take(address, on) }
