package kafka_test

import (
	"bytes"
	"context"
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

	"github.com/switchboard-go/switchboard/sender"
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
	expect(t, reader, "before", "after", "of a newcomer")
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

// insist publishes until the broker takes it.
func insist(t *testing.T, b *kafka.Broker, payload string) {
	t.Helper()
	eventually(t, func() error { return b.Publish(t.Context(), packets(payload)) })
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

// A node that was cut off for longer than the topic keeps packets reads on from
// what there is.
func TestRetentionHasPassed(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	c.Partitions = 1
	reader, link := openThrough(t, c, "reader")
	subscribe(t, reader)
	from := open(t, c, "n1")
	publish(t, from, "first")
	expect(t, reader, "first")
	if err := link.Cut(); err != nil {
		t.Fatal(err)
	}
	expect(t, reader, "down")
	publish(t, from, numbered("cut off", 10)...)
	deleteRecords(t, c.Topic, 0, 8) // the first is 0, so 7 of these are gone
	if err := link.Heal(); err != nil {
		t.Fatal(err)
	}
	expect(t, reader, "up", "cut off 7", "cut off 8", "cut off 9")
}

// What others write to the topic is for those above to judge; it must neither
// stop a node nor be left out, whatever it is packed in.
func TestForeignRecords(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	c.Partitions = 1
	b := subscribed(t, c, "n1")
	client := admin(t)
	write := func(compression kafkago.Compression, records ...kafkago.Record) {
		t.Helper()
		eventually(t, func() error {
			response, err := client.Produce(t.Context(), &kafkago.ProduceRequest{
				Topic: c.Topic, RequiredAcks: kafkago.RequireAll, Compression: compression, Records: kafkago.NewRecordReader(records...),
			})
			if err == nil {
				err = response.Error
			}
			return err
		})
	}
	for _, compression := range []kafkago.Compression{0, kafkago.Gzip, kafkago.Snappy, kafkago.Lz4, kafkago.Zstd} {
		write(compression,
			kafkago.Record{},
			kafkago.Record{Value: kafkago.NewBytes([]byte("no key " + compression.String()))},
			kafkago.Record{Key: kafkago.NewBytes([]byte("k")), Headers: []kafkago.Header{{Key: "h", Value: []byte("v")}}},
		)
		expect(t, b, "", "no key "+compression.String(), "")
	}
	publish(t, b, "ours")
	expect(t, b, "ours")
}

// A receiver that stands still does not fill the memory with what the topic keeps
// for it, and misses nothing.
func TestReceiverStandsStill(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	c.Partitions = 2
	reader := subscribed(t, c, "reader")
	// On both partitions, so that both readers wait for room.
	publishers := []*kafka.Broker{open(t, c, nodeOn(2, 0, 1, 0)), open(t, c, nodeOn(2, 1, 1, 0))}
	const each = 30
	for i := range each {
		for n, b := range publishers {
			publish(t, b, string(bytes.Repeat([]byte{byte(n), byte(i)}, 450_000)))
		}
	}
	if waiting, limit := kafka.Waiting(reader), 34<<20; waiting > limit {
		t.Errorf("%d bytes wait for Receive, more than %d", waiting, limit)
	}
	var seen [2]int
	for range 2 * each {
		payload := next(t, reader).Payload
		if len(payload) != 900_000 || int(payload[1]) != seen[payload[0]] {
			t.Fatalf("received %d bytes, number %d of %v", len(payload), payload[1], seen)
		}
		seen[payload[0]]++
	}
}

// What is half-open ends by the context and by Close, and not by its own time-outs
// alone.
func TestHalfOpen(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	b, link := openThrough(t, c, "n1")
	subscribe(t, b)
	publish(t, b, "before")
	expect(t, b, "before")
	if err := link.Blackhole(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	const own = "i/o timeout" // of the connection's time-out
	if err := b.Publish(ctx, packets("given up")); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), own) {
		t.Errorf("Publish returned %v", err)
	}
	late := open(t, c, "n2")
	kafka.DialThrough(late, link.Address)
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := late.Subscribe(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Subscribe returned %v", err)
	}
	publishing := make(chan error)
	go func() { publishing <- b.Publish(t.Context(), packets("closed")) }()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-publishing; !errors.Is(err, sender.ErrClosed) || strings.Contains(err.Error(), own) {
		t.Errorf("Publish returned %v while the broker was closed", err)
	}
}

// A node that subscribed and heard nothing is cut off: what was published then is
// not at the position it would begin at.
func TestCutBeforeTheFirstPacket(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	from := open(t, c, "n1")
	publish(t, from, "old")
	reader, link := openThrough(t, c, "reader")
	subscribe(t, reader)
	if err := link.Cut(); err != nil {
		t.Fatal(err)
	}
	expect(t, reader, "down")
	publish(t, from, "meanwhile")
	if err := link.Heal(); err != nil {
		t.Fatal(err)
	}
	for got := text(next(t, reader)); got != "meanwhile"; got = text(next(t, reader)) {
		if got != "up" {
			t.Fatalf("received %q", got)
		}
	}
}

// A broker answers late to who reads more than his quota, and says so before. That
// is no broken link.
func TestQuota(t *testing.T) {
	noLeaks(t)
	c := settings(fresh())
	c.Partitions = 1
	name := fresh()
	client := admin(t)
	quota := func(remove bool) {
		t.Helper()
		eventually(t, func() error { // the controller may be unknown yet
			response, err := client.AlterClientQuotas(context.WithoutCancel(t.Context()), &kafkago.AlterClientQuotasRequest{Entries: []kafkago.AlterClientQuotaEntry{{
				Entities: []kafkago.AlterClientQuotaEntity{{EntityType: "client-id", EntityName: c.ConsumerGroup + "-" + name}},
				Ops:      []kafkago.AlterClientQuotaOps{{Key: "consumer_byte_rate", Value: 65_000, Remove: remove}},
			}}})
			if err != nil {
				return err
			}
			return response.Entries[0].Error
		})
	}
	quota(false)
	t.Cleanup(func() { quota(true) })
	reader := subscribed(t, c, name)
	from := open(t, c, "n1")
	// Some five seconds' worth more than the last ten seconds'.
	const count = 10
	large := strings.Repeat("a", 90_000)
	for range count { // in a batch of its own each: Kafka never delivers one that is over a quota alone
		publish(t, from, large)
	}
	expect(t, reader, slices.Repeat([]string{large}, count)...)
	publish(t, from, "late")
	expect(t, reader, "late")
}
