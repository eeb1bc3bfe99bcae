package rabbitmq_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
)

// The channel of a batch is closed in the middle of it: what is not confirmed is
// told as lost, and comes neither twice nor late.
func TestExchangeIsDeleted(t *testing.T) {
	config := configured(server.Address, app(t))
	b := open(t, config, "n1")
	say(t, b, "", "before")
	conn, channel := client(t, config)
	defer conn.Close()
	must(t, channel.ExchangeDelete(config.Exchange, false, false))
	packets := []sender.Packet{{Payload: []byte("1")}, {Payload: []byte("2")}}
	err := b.Publish(bounded(t), packets)
	if err == nil || !strings.Contains(err.Error(), config.Exchange) || packets[0].Done || packets[1].Done {
		t.Errorf("Publish returned %v, %+v", err, packets)
	}
	// It is made again with the next line.
	to := subscribe(t, config, "n2")
	insist(t, b, "3")
	expect(t, to, "3")
	if s := b.Stats(); s.Reconnects == 0 {
		t.Errorf("got %+v, want another connection", s)
	}
}

// Where the sender was told that a packet may be lost, its receiver does not
// report it again.
func TestUnconfirmedIsNotMissed(t *testing.T) {
	link := proxied(t, server.Address)
	name := app(t)
	near, far := open(t, configured(link.Address, name), "near"), subscribe(t, configured(server.Address, name), "far")
	say(t, near, "far", "before")
	expect(t, far, "before")
	must(t, link.Blackhole())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	packets := []sender.Packet{{Payload: []byte("lost")}, {Node: "far", Payload: []byte("lost, to one")}}
	if err := near.Publish(ctx, packets); !errors.Is(err, context.DeadlineExceeded) || packets[0].Done || packets[1].Done {
		t.Errorf("Publish returned %v, %+v", err, packets)
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
