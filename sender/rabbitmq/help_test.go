package rabbitmq_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
)

// app returns the name of an application that no test has had.
func app(t testing.TB) string {
	return strings.ToLower(t.Name()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
}

// bounded returns a context that ends long after what should have happened.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func subscribe(t testing.TB, config rabbitmq.Config, node string) *rabbitmq.Broker {
	t.Helper()
	b := open(t, config, node)
	if err := b.Subscribe(bounded(t)); err != nil {
		t.Fatal(err)
	}
	return b
}

// say publishes texts to a node, or to all where node is empty.
func say(t testing.TB, b *rabbitmq.Broker, node string, texts ...string) {
	t.Helper()
	packets := make([]sender.Packet, len(texts))
	for i, text := range texts {
		packets[i] = sender.Packet{Node: node, Payload: []byte(text), Nodes: sender.NodesUnknown}
	}
	if err := b.Publish(bounded(t), packets); err != nil {
		t.Fatal(err)
	}
}

// hear returns the next event that is wanted.
func hear(t testing.TB, b *rabbitmq.Broker, wanted func(sender.Event) bool) sender.Event {
	t.Helper()
	for {
		event, err := b.Receive(bounded(t))
		if err != nil {
			t.Fatal(err)
		}
		if wanted(event) {
			return event
		}
	}
}

func payloads(e sender.Event) bool { return e.Link == sender.LinkUnchanged }

func change(l sender.Link) func(sender.Event) bool {
	return func(e sender.Event) bool { return e.Link == l }
}

func expect(t testing.TB, b *rabbitmq.Broker, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if got := hear(t, b, payloads); string(got.Payload) != want {
			t.Fatalf("received %.80q, want %q", got.Payload, want)
		}
	}
}

func many(what string, count int) []string {
	texts := make([]string, count)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s %d", what, i)
	}
	return texts
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// proxied returns a network to what is at address that can be broken.
func proxied(t testing.TB, address string) *brokers.Proxy {
	t.Helper()
	p, err := brokers.NewProxy(address)
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// client returns a channel of another program.
func client(t testing.TB, config rabbitmq.Config) (*amqp.Connection, *amqp.Channel) {
	t.Helper()
	conn, err := amqp.Dial(config.URL.Reveal())
	must(t, err)
	channel, err := conn.Channel()
	must(t, err)
	return conn, channel
}
