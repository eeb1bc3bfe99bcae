package kafka_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender/kafka"
)

// shared is the Kafka of all tests. They run one after the other, and those that
// break it leave it whole.
var shared *brokers.Broker

func TestMain(m *testing.M) {
	brokers.Main(m, brokers.Kafka, func(b *brokers.Broker) { shared = b })
}

const patience = drivertest.Patience

// The words of package drivertest. A name of an application is a topic here.
var (
	fresh      = drivertest.Fresh
	noLeaks    = drivertest.NoLeaks
	eventually = drivertest.Eventually
	subscribe  = drivertest.Subscribe
	packets    = drivertest.Packets
	publish    = drivertest.Publish
	insist     = drivertest.Insist
	next       = drivertest.Next
	text       = drivertest.Text
	expect     = drivertest.Expect
	numbered   = drivertest.Numbered
)

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
	return drivertest.Opened(t, b, err)
}

// openThrough is open with a network that can be broken.
func openThrough(t testing.TB, c kafka.Config, node string) (*kafka.Broker, *brokers.Proxy) {
	t.Helper()
	p := drivertest.Proxied(t, shared.Address)
	b := open(t, c, node)
	kafka.DialThrough(b, p.Address)
	return b, p
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
	eventually(t, func() error { // on a busy machine Kafka takes its only broker for lost now and then
		response, err := admin(t).CreateTopics(t.Context(), &kafkago.CreateTopicsRequest{
			Topics: []kafkago.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: entries}},
		})
		if err != nil {
			return err
		}
		return response.Errors[topic]
	})
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
