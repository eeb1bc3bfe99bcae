package kafka_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/switchboard-go/switchboard/sender/kafka"
)

// A topic that an administrator is to make is never made by a node, nor by a
// broker with auto.create.topics.enable, which the tests' has.
func TestMissingTopic(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	c.CreateTopic = false
	b := open(t, c, "n1")
	for what, err := range map[string]error{
		"Subscribe": b.Subscribe(t.Context()),
		"Publish":   b.Publish(t.Context(), packets("lost")),
	} {
		for _, want := range []string{shared.Address, c.Topic, "the topic does not exist, and create-topic is false"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s returned %v, want something with %q", what, err, want)
			}
		}
	}
	if err := describe(t, c.Topic).Error; !errors.Is(err, kafkago.UnknownTopicOrPartition) {
		t.Errorf("the topic's error is %v: was it made?", err)
	}
	createTopic(t, c.Topic, 2)
	subscribe(t, b) // again, after the error
	publish(t, b, "found")
	expect(t, b, "found")
}

func TestCreatedTopic(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	c.Partitions, c.ReplicationFactor, c.Retention, c.MaxPayload = 5, 1, time.Hour, 2_000_000
	subscribed(t, c, "n1")
	if n := count(t, c.Topic); n != 5 {
		t.Errorf("the topic has %d partitions", n)
	}
	response, err := admin(t).DescribeConfigs(t.Context(), &kafkago.DescribeConfigsRequest{
		Resources: []kafkago.DescribeConfigRequestResource{{ResourceType: kafkago.ResourceTypeTopic, ResourceName: c.Topic}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, entry := range response.Resources[0].ConfigEntries {
		got[entry.ConfigName] = entry.ConfigValue
	}
	for name, want := range map[string]string{
		"cleanup.policy": "delete", "retention.ms": "3600000", "segment.ms": "3600000", "max.message.bytes": "2001024",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// What a topic does not take is found out at the start, not with the first batch.
func TestTopicTakesTooLittle(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	createTopic(t, c.Topic, 1, kafkago.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: "70000"})
	b := open(t, c, "n1")
	if err := b.Subscribe(t.Context()); err == nil || !strings.Contains(err.Error(), "max.message.bytes is 70000, and must be at least 1001024") {
		t.Errorf("Subscribe returned %v", err)
	}
	if err := b.Publish(t.Context(), packets(strings.Repeat("a", 80_000))); !errors.Is(err, kafkago.MessageSizeTooLarge) || !strings.Contains(err.Error(), "max.message.bytes must be at least") {
		t.Errorf("Publish returned %v", err)
	}
	publish(t, b, "a small one")
	c.MaxPayload = 66_000
	subscribed(t, c, "n2")
}

// partitionOf is where a node's packets go.
func partitionOf(node string, partitions int) int {
	hash := fnv.New32a()
	hash.Write([]byte(node))
	return int(hash.Sum32() % uint32(partitions))
}

// nodeOn returns the name of a node whose packets go to one of two partitions as
// the topic has few or many of them.
func nodeOn(few, first, many, second int) string {
	for i := 0; ; i++ {
		if node := fmt.Sprintf("node%d", i); partitionOf(node, few) == first && partitionOf(node, many) == second {
			return node
		}
	}
}

// records returns the keys and values of a partition, without a driver.
func records(t *testing.T, topic string, partition int) (all []string) {
	t.Helper()
	response, err := admin(t).Fetch(t.Context(), &kafkago.FetchRequest{
		Topic: topic, Partition: partition, Offset: 0, MinBytes: 0, MaxBytes: 1 << 20, MaxWait: time.Millisecond,
	})
	if err != nil || response.Error != nil {
		t.Fatal(err, response)
	}
	for {
		record, err := response.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		key, _ := protocol.ReadAll(record.Key)
		value, _ := protocol.ReadAll(record.Value)
		all = append(all, fmt.Sprintf("%s: %s", key, value))
	}
}

// A topic grows while nodes run: what they publish stays in its order, and what
// newcomers publish to the new partitions is read from their beginning.
func TestPartitionsAreAdded(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	c.Partitions = 1
	// Both nodes would be on the last one of four.
	old, newcomer := nodeOn(1, 0, 4, 3), "x"+nodeOn(1, 0, 4, 3)
	for partitionOf(newcomer, 4) != 3 {
		newcomer += "x"
	}
	reader := subscribed(t, c, "reader")
	b, link := openThrough(t, c, old)
	publish(t, b, "before")
	response, err := admin(t).CreatePartitions(t.Context(), &kafkago.CreatePartitionsRequest{
		Topics: []kafkago.TopicPartitionsConfig{{Name: c.Topic, Count: 4}},
	})
	if err != nil || response.Errors[c.Topic] != nil {
		t.Fatal(err, response)
	}
	awaitPartitions(t, c.Topic, 4)
	publish(t, open(t, c, newcomer), "of a newcomer")
	if err := link.Cut(); err != nil { // so that it looks for its leader again
		t.Fatal(err)
	}
	if err := link.Heal(); err != nil {
		t.Fatal(err)
	}
	insist(t, b, "after")
	expect(t, reader, "before")
	// The new partition is found when it is.
	if got := []string{text(next(t, reader)), text(next(t, reader))}; !slices.Contains(got, "after") || !slices.Contains(got, "of a newcomer") {
		t.Errorf("received %q", got)
	}
	if got := records(t, c.Topic, 0); len(got) != 2 || got[1] != old+": after" {
		t.Errorf("the first partition has %q", got)
	}
	if got := records(t, c.Topic, 3); len(got) != 1 || got[0] != newcomer+": of a newcomer" {
		t.Errorf("the last partition has %q", got)
	}
}

func deleteTopic(t *testing.T, topic string) {
	t.Helper()
	response, err := admin(t).DeleteTopics(t.Context(), &kafkago.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil || response.Errors[topic] != nil {
		t.Fatal(err, response)
	}
	eventually(t, func() error {
		if describe(t, topic).Error == nil {
			return errors.New("the topic is there")
		}
		return nil
	})
}

// A topic that was deleted and made again is read from its beginning, also where
// it has fewer partitions, and the break is reported.
func TestTopicIsMadeAgain(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	c.CreateTopic = false
	createTopic(t, c.Topic, 3)
	reader := subscribed(t, c, "reader")
	var publishers []*kafka.Broker
	for partition := range 3 { // so that each partition has something, and its reader a position
		b := open(t, c, nodeOn(3, partition, 1, 0))
		publish(t, b, numbered("old", 3)...)
		expect(t, reader, numbered("old", 3)...)
		publishers = append(publishers, b)
	}
	deleteTopic(t, c.Topic)
	expect(t, reader, "down")
	if err := publishers[2].Publish(t.Context(), packets("lost")); err == nil {
		t.Error("Publish took a packet without a topic")
	}
	createTopic(t, c.Topic, 1)
	insist(t, publishers[2], "new 1")
	publish(t, publishers[2], "new 2")
	var got []string
	for len(got) < 3 { // the link is up before the first or after it
		got = append(got, text(next(t, reader)))
	}
	if joined := strings.Join(got, ","); joined != "up,new 1,new 2" && joined != "new 1,up,new 2" && joined != "new 1,new 2,up" {
		t.Errorf("received %q", got)
	}
	publish(t, publishers[2], "new 3")
	expect(t, reader, "new 3")
}

// A deleted topic is made again by the nodes where they may.
func TestTopicIsMadeAgainByNodes(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	b := subscribed(t, c, "n1")
	publish(t, b, "old 1", "old 2")
	expect(t, b, "old 1", "old 2")
	response, err := admin(t).DeleteTopics(t.Context(), &kafkago.DeleteTopicsRequest{Topics: []string{c.Topic}})
	if err != nil || response.Errors[c.Topic] != nil {
		t.Fatal(err, response)
	}
	expect(t, b, "down")
	insist(t, b, "new")
	if got := []string{text(next(t, b)), text(next(t, b))}; strings.Join(got, ",") != "up,new" && strings.Join(got, ",") != "new,up" {
		t.Errorf("received %q", got)
	}
}
