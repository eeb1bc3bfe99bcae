package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/kafka"
)

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
