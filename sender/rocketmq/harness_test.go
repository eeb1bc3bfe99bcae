package rocketmq_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rocketmq"
)

// shared is the RocketMQ of all tests but those that need a proxy before it.
var shared *brokers.Broker

func TestMain(m *testing.M) {
	brokers.Main(m, brokers.RocketMQ, func(b *brokers.Broker) { shared = b })
}

// patience bounds every wait of a test. It is not a measure: a test that meets
// it has failed.
const patience = 30 * time.Second

// noLeaks fails a test that leaves goroutines behind.
func noLeaks(t testing.TB) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		// A broker that a test has restarted has new processes to wait for.
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/switchboard-go/switchboard/internal/brokers.startProcess.func2"))
	})
}

// fresh returns a topic that no other test has.
func fresh() string { return "test-" + strings.ToLower(rand.Text()[:12]) }

// settings returns a configuration for the RocketMQ whose name server is at addr.
func settings(addr, topic string) rocketmq.Config {
	c := rocketmq.Defaults()
	c.NameServers, c.Topic = []string{addr}, topic
	return c
}

// open returns a broker, closed with the test.
func open(t testing.TB, c rocketmq.Config, node string) *rocketmq.Broker {
	t.Helper()
	b, err := rocketmq.New(c, node)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

// subscribed returns a broker that is live.
func subscribed(t testing.TB, c rocketmq.Config, node string) *rocketmq.Broker {
	t.Helper()
	b := open(t, c, node)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Subscribe(ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

// publish publishes payloads to all.
func publish(t testing.TB, b *rocketmq.Broker, payloads ...string) {
	t.Helper()
	packets := make([]sender.Packet, len(payloads))
	for i, payload := range payloads {
		packets[i] = sender.Packet{Payload: []byte(payload), Nodes: sender.NodesUnknown}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Publish(ctx, packets); err != nil {
		t.Fatal(err)
	}
}

// next returns the next event.
func next(t testing.TB, b *rocketmq.Broker) sender.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	event, err := b.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// expect receives exactly these events next: "down", "up" or payloads.
func expect(t testing.TB, b *rocketmq.Broker, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if got := text(next(t, b)); got != want {
			t.Fatalf("received %s, want %s", got, want)
		}
	}
}

func text(e sender.Event) string {
	switch e.Link {
	case sender.LinkDown:
		return "down"
	case sender.LinkUp:
		return "up"
	}
	return string(e.Payload)
}

// eventually waits until ask returns nothing, asking often.
func eventually(t testing.TB, ask func() error) {
	t.Helper()
	deadline := time.After(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("still, after %s: %v", patience, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func numbered(what string, count int) []string {
	texts := make([]string, count)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s %d", what, i)
	}
	return texts
}
