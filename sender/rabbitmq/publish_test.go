package rabbitmq_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
)

// The channel is closed in the middle of a batch, with others under way behind
// it: what is not confirmed is told as lost, and comes neither twice nor late.
func TestExchangeIsDeleted(t *testing.T) {
	config := configured(server.Address, app(t))
	b := open(t, config, "n1")
	say(t, b, "", "before")
	conn, channel := client(t, config)
	defer conn.Close()
	must(t, channel.ExchangeDelete(config.Exchange, false, false))
	var batches []*batch
	for range 3 {
		batches = append(batches, begin(bounded(t), b, sender.Packet{Payload: []byte("1")}, sender.Packet{Payload: []byte("2")}))
	}
	for i, begun := range batches {
		err := begun.confirm()
		if err == nil || begun.packets[0].Done || begun.packets[1].Done {
			t.Errorf("the confirm of batch %d returned %v, %+v", i, err, begun.packets)
		}
		// What begins when that has been noticed finds no line.
		if i == 0 && !strings.Contains(err.Error(), config.Exchange) {
			t.Errorf("the first confirm does not tell of the exchange: %v", err)
		}
	}
	// It is made again with the next line.
	to := subscribe(t, config, "n2")
	insist(t, b, "3")
	expect(t, to, "3")
	if s := b.Stats(); s.Reconnects == 0 {
		t.Errorf("got %+v, want another connection", s)
	}
}

// batch is what a node has begun to publish.
type batch struct {
	packets []sender.Packet
	confirm func() error
}

func begin(ctx context.Context, b *rabbitmq.Broker, packets ...sender.Packet) *batch {
	return &batch{packets, b.Begin(ctx, packets)}
}

// A batch that is given up costs neither those before it nor those after it. It
// was written, so it comes, at its place.
func TestGivenUpAmongOthers(t *testing.T) {
	link := proxied(t, server.Address)
	name := app(t)
	near, far := open(t, configured(link.Address, name), "near"), subscribe(t, configured(server.Address, name), "far")
	say(t, near, "far", "before")
	expect(t, far, "before")
	must(t, link.Latency(300*time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var batches []*batch
	for i, ctx := range []context.Context{bounded(t), ctx, bounded(t)} {
		batches = append(batches, begin(ctx, near,
			sender.Packet{Payload: fmt.Appendf(nil, "%d", i)},
			sender.Packet{Node: "far", Payload: fmt.Appendf(nil, "%d, to one", i)}))
	}
	if given := batches[1]; !errors.Is(given.confirm(), context.DeadlineExceeded) || given.packets[0].Done || given.packets[1].Done {
		t.Errorf("the batch that was given up: %+v", given.packets)
	}
	for _, i := range []int{2, 0} {
		if err := batches[i].confirm(); err != nil || !batches[i].packets[0].Done || !batches[i].packets[1].Done {
			t.Errorf("the confirm of batch %d returned %v, %+v", i, err, batches[i].packets)
		}
	}
	say(t, near, "far", "after")
	expect(t, far, "0", "0, to one", "1", "1, to one", "2", "2, to one", "after")
	if s := far.Stats(); s.Missed != 0 || s.Duplicates != 0 {
		t.Errorf("got %+v", s)
	}
}

// Where the sender was told that packets may be lost, their receiver does not
// report them again.
func TestUnconfirmedIsNotMissed(t *testing.T) {
	link := proxied(t, server.Address)
	name := app(t)
	near, far := open(t, configured(link.Address, name), "near"), subscribe(t, configured(server.Address, name), "far")
	say(t, near, "far", "before")
	expect(t, far, "before")
	must(t, link.Blackhole())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var batches []*batch
	for range 3 {
		batches = append(batches, begin(ctx, near, sender.Packet{Payload: []byte("lost")}, sender.Packet{Node: "far", Payload: []byte("lost, to one")}))
	}
	for _, i := range []int{1, 0, 2} {
		if err := batches[i].confirm(); !errors.Is(err, context.DeadlineExceeded) || batches[i].packets[0].Done || batches[i].packets[1].Done {
			t.Errorf("the confirm of batch %d returned %v, %+v", i, err, batches[i].packets)
		}
	}
	must(t, link.Heal())
	eventually(t, func() error { return near.Publish(bounded(t), drivertest.PacketsTo("far", "after")) })
	event := hear(t, far, func(sender.Event) bool { return true })
	if s := far.Stats(); string(event.Payload) != "after" || s.Missed != 0 {
		t.Errorf("received %+v and got %+v", event, s)
	}
}

func TestTooLarge(t *testing.T) {
	config := configured(server.Address, app(t))
	config.MaxPayload = 64 << 10
	b := open(t, config, "n1")
	packets := []sender.Packet{{Payload: []byte("x")}, {Payload: make([]byte, 64<<10+1)}}
	if err := b.Publish(bounded(t), packets); !errors.Is(err, sender.ErrTooLarge) || packets[0].Done {
		t.Errorf("Publish returned %v", err)
	}
}

// A session's id comes from a client, and names any node.
func TestNodeThatCannotBe(t *testing.T) {
	b := open(t, configured(server.Address, app(t)), "n1")
	packets := []sender.Packet{{Node: strings.Repeat("x", 300)}, {Node: "*"}, {Node: "#"}, {Node: "\x00\xff"}}
	if err := b.Publish(bounded(t), packets); err != nil {
		t.Error(err)
	}
	for i, p := range packets {
		if !p.Done {
			t.Errorf("packet %d is not done", i)
		}
	}
}

// A broker that reads nothing must not hold Publish past its context, wherever
// the client library hangs.
func TestPublishEndsWithItsContext(t *testing.T) {
	b := subscribe(t, configured(server.Address, app(t)), "n1")
	say(t, b, "", "before")
	expect(t, b, "before")
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	large := make([]sender.Packet, 16)
	for i := range large {
		large[i].Payload = make([]byte, 4<<20)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	began := time.Now()
	err := b.Publish(ctx, large)
	cancel()
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
		t.Errorf("Publish returned %v after %s", err, took)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	insist(t, b, "after")
	hear(t, b, func(e sender.Event) bool { return string(e.Payload) == "after" })
}
