package kafka_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/kafka"
)

// shared is the Kafka of all tests. They run one after the other, and those that
// break it leave it whole.
var shared *brokers.Broker

func TestMain(m *testing.M) {
	brokers.Main(m, brokers.Kafka, func(b *brokers.Broker) { shared = b })
}

// patience bounds every wait of a test. It is not a measure: a test that meets
// it has failed.
const patience = 30 * time.Second

// noLeaks fails a test that leaves goroutines behind.
func noLeaks(t testing.TB) {
	before := goleak.IgnoreCurrent()
	// The shared Kafka has one of its own when it is started again.
	t.Cleanup(func() { goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait")) })
}

// fresh returns a topic that no other test has.
func fresh() string { return "test-" + strings.ToLower(rand.Text()[:12]) }

// settings returns a configuration for the shared Kafka.
func settings(topic string) kafka.Config {
	c := kafka.Defaults()
	c.Brokers, c.Topic = []string{shared.Address}, topic
	return c
}

// open returns a broker, closed with the test.
func open(t testing.TB, c kafka.Config, node string) *kafka.Broker {
	t.Helper()
	b, err := kafka.New(c, node)
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

// openThrough is open with a network that can be broken.
func openThrough(t testing.TB, c kafka.Config, node string) (*kafka.Broker, *brokers.Proxy) {
	t.Helper()
	p := proxy(t)
	b := open(t, c, node)
	kafka.DialThrough(b, p.Address)
	return b, p
}

func proxy(t testing.TB) *brokers.Proxy {
	t.Helper()
	p, err := brokers.NewProxy(shared.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func subscribe(t testing.TB, b *kafka.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Subscribe(ctx); err != nil {
		t.Fatal(err)
	}
}

// subscribed returns a broker that is live.
func subscribed(t testing.TB, c kafka.Config, node string) *kafka.Broker {
	t.Helper()
	b := open(t, c, node)
	subscribe(t, b)
	return b
}

// admin returns kafka-go's own client.
func admin(t testing.TB) *kafkago.Client {
	transport := &kafkago.Transport{MetadataTTL: 50 * time.Millisecond}
	t.Cleanup(transport.CloseIdleConnections)
	return &kafkago.Client{Addr: kafkago.TCP(shared.Address), Transport: transport, Timeout: patience}
}

// createTopic makes a topic and waits until its leaders know of it.
func createTopic(t testing.TB, topic string, partitions int, entries ...kafkago.ConfigEntry) {
	t.Helper()
	response, err := admin(t).CreateTopics(t.Context(), &kafkago.CreateTopicsRequest{
		Topics: []kafkago.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: entries}},
	})
	if err != nil || response.Errors[topic] != nil {
		t.Fatal(err, response)
	}
	awaitPartitions(t, topic, partitions)
}

// awaitPartitions waits until so many partitions can be used.
func awaitPartitions(t testing.TB, topic string, partitions int) {
	t.Helper()
	eventually(t, func() error {
		if n := count(t, topic); n != partitions {
			return fmt.Errorf("the topic has %d partitions", n)
		}
		ends := make([]kafkago.OffsetRequest, partitions)
		for i := range ends {
			ends[i] = kafkago.LastOffsetOf(i)
		}
		response, err := admin(t).ListOffsets(t.Context(), &kafkago.ListOffsetsRequest{Topics: map[string][]kafkago.OffsetRequest{topic: ends}})
		if err != nil {
			return err
		}
		for _, partition := range response.Topics[topic] {
			err = errors.Join(err, partition.Error)
		}
		return err
	})
}

// count returns how many partitions of a topic have a leader.
func count(t testing.TB, topic string) int {
	t.Helper()
	leaders := 0
	for _, partition := range describe(t, topic).Partitions {
		if partition.Leader.Host != "" {
			leaders++
		}
	}
	return leaders
}

// describe asks for a topic, with a connection that knows nothing yet.
func describe(t testing.TB, topic string) kafkago.Topic {
	t.Helper()
	c := admin(t)
	defer c.Transport.(*kafkago.Transport).CloseIdleConnections()
	response, err := c.Metadata(t.Context(), &kafkago.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	return response.Topics[0]
}

func packets(payloads ...string) []sender.Packet {
	packets := make([]sender.Packet, len(payloads))
	for i, payload := range payloads {
		packets[i] = sender.Packet{Payload: []byte(payload), Nodes: sender.NodesUnknown}
	}
	return packets
}

// publish publishes payloads to all.
func publish(t testing.TB, b *kafka.Broker, payloads ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Publish(ctx, packets(payloads...)); err != nil {
		t.Fatal(err)
	}
}

// next returns the next event.
func next(t testing.TB, b *kafka.Broker) sender.Event {
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
func expect(t testing.TB, b *kafka.Broker, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if event := next(t, b); text(event) != want {
			t.Fatalf("received %.80s, want %.80s (%v)", text(event), want, event.Err)
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
		case <-time.After(5 * time.Millisecond):
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
