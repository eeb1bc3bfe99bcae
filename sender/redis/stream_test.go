package redis_test

import (
	"fmt"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
)

// The length is Redis's to keep, about, and not the nodes' to overlook.
func TestStreamIsCapped(t *testing.T) {
	c, channel := client(t, shared.Address), fresh()
	s := settings(shared.Address, channel, redis.Stream)
	s.StreamMaxLen = 1000
	n := open(t, s, "n1")
	for range 5 {
		publish(t, n, numbered("packet", 1000)...)
	}
	length, err := c.XLen(t.Context(), "{"+channel+"}:stream").Result()
	if err != nil || length < 1000 || length > 1200 {
		t.Errorf("the stream has %d entries (%v), want about 1000", length, err)
	}
}

// A node that was cut off reads on where it was, and nothing twice.
func TestStreamIsReadOnAfterABreak(t *testing.T) {
	noLeaks(t)
	c := client(t, shared.Address)
	s := settings(shared.Address, fresh(), redis.Stream)
	n, other := subscribed(t, s, "n1"), open(t, s, "n2")
	downs := 0
	for round := range 20 {
		kill(t, c, "normal") // also the one that publishes, so that this may fail once
		packets := numbered("packet", round*10+10)[round*10:]
		drivertest.Insist(t, other, packets[0])
		publish(t, other, packets[1:]...)
		for _, want := range packets {
			got := text(next(t, n))
			for got == "down" { // unless the connection was idle just then
				downs++
				expect(t, n, "up")
				got = text(next(t, n))
			}
			if got != want {
				t.Fatalf("received %s, want %s", got, want)
			}
		}
	}
	if downs == 0 {
		t.Error("no break was reported in 20")
	}
}

// What the stream has dropped before a node has read it is a gap, which is
// reported before what comes after it.
func TestStreamTrimmedAwayIsReported(t *testing.T) {
	c, channel := client(t, shared.Address), fresh()
	s := settings(shared.Address, channel, redis.Stream)
	n := subscribed(t, s, "n1")
	publish(t, n, "first", "second")
	expect(t, n, "first", "second")
	// In one transaction, or the node reads in between.
	key := "{" + channel + "}:stream"
	if _, err := c.TxPipelined(t.Context(), func(p goredis.Pipeliner) error {
		for i := range 10 {
			p.XAdd(t.Context(), &goredis.XAddArgs{Stream: key, Values: []any{"p", fmt.Sprint(i)}})
		}
		p.XTrimMaxLen(t.Context(), key, 2)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	expect(t, n, "down", "up", "8", "9")
	publish(t, n, "after")
	expect(t, n, "after")
}

// Trimming what has been read is no gap.
func TestStreamTrimmedBehindIsNone(t *testing.T) {
	c, channel := client(t, shared.Address), fresh()
	n := subscribed(t, settings(shared.Address, channel, redis.Stream), "n1")
	for i := range 20 {
		one, two := fmt.Sprint("a", i), fmt.Sprint("b", i)
		publish(t, n, one, two)
		expect(t, n, one, two)
		if err := c.XTrimMaxLen(t.Context(), "{"+channel+"}:stream", 1).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// FLUSHALL, or a Redis that keeps nothing and starts again: the stream that comes
// after is read, from its beginning.
func TestStreamMadeAnew(t *testing.T) {
	c, channel := client(t, shared.Address), fresh()
	key := "{" + channel + "}:stream"
	n := subscribed(t, settings(shared.Address, channel, redis.Stream), "n1")
	publish(t, n, "before")
	expect(t, n, "before")
	if err := c.Del(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	expect(t, n, "down", "up") // found out without anything being published
	publish(t, n, "after")
	expect(t, n, "after")
}

// A copy that lagged behind its server, or whose clock does, has entries that
// were delivered long ago. They are not delivered again.
func TestStreamThatWentBack(t *testing.T) {
	c, channel := client(t, shared.Address), fresh()
	key := "{" + channel + "}:stream"
	n := subscribed(t, settings(shared.Address, channel, redis.Stream), "n1")
	publish(t, n, "before")
	expect(t, n, "before")
	if _, err := c.TxPipelined(t.Context(), func(p goredis.Pipeliner) error {
		p.Del(t.Context(), key)
		p.XAdd(t.Context(), &goredis.XAddArgs{Stream: key, ID: "1000-1", Values: []any{"p", "old"}})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	expect(t, n, "down", "up")
	// Its clock lags, too.
	if err := c.XAdd(t.Context(), &goredis.XAddArgs{Stream: key, ID: "1000-2", Values: []any{"p", "new"}}).Err(); err != nil {
		t.Fatal(err)
	}
	expect(t, n, "new")
}

// A node that joins where the stream's last entry has been deleted notices too
// that the stream has been made anew, by a server whose clock lags.
func TestStreamThatWentBackBeforeItWasRead(t *testing.T) {
	c, channel := client(t, shared.Address), fresh()
	key := "{" + channel + "}:stream"
	const future = "9000000000000-1"
	add := func(id, payload string) {
		t.Helper()
		if err := c.XAdd(t.Context(), &goredis.XAddArgs{Stream: key, ID: id, Values: []any{"p", payload}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	add(future, "deleted")
	if err := c.XDel(t.Context(), key, future).Err(); err != nil {
		t.Fatal(err)
	}
	n := subscribed(t, settings(shared.Address, channel, redis.Stream), "n1")
	if err := c.Del(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	expect(t, n, "down", "up")
	publish(t, n, "after")
	expect(t, n, "after")
}

// A whole node tells how many messages it has missed of whom.
func TestStreamTrimmedAwayIsAGap(t *testing.T) {
	noLeaks(t)
	c, channel := client(t, shared.Address), fresh()
	s := settings(shared.Address, channel, redis.Stream)
	n1 := startNode(t, s, "n1", nil)
	proxy := drivertest.Proxied(t, shared.Address)
	s.Addrs = []string{proxy.Address}
	n2 := startNode(t, s, "n2", nil)
	n1.say(t, "before")
	n2.await(t, "before")
	if err := proxy.Cut(); err != nil {
		t.Fatal(err)
	}
	for _, text := range numbered("missed", 10) {
		n1.say(t, text)
	}
	if err := c.XTrimMaxLen(t.Context(), "{"+channel+"}:stream", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	n1.say(t, "after")
	n2.await(t, "after")
	reports := n2.reports()
	if len(reports) != 1 || reports[0].gap.Origin != "n1" || reports[0].gap.Missing != 10 {
		t.Errorf("reported were %v, want 10 missing from n1", reports)
	}
	eventually(t, n2.cluster.Ready)
}

// A stream that another type of value stands in the way of is an error at once.
func TestStreamKeyIsTaken(t *testing.T) {
	c, channel := client(t, shared.Address), fresh()
	if err := c.Set(t.Context(), "{"+channel+"}:stream", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	n := open(t, settings(shared.Address, channel, redis.Stream), "n1")
	if err := n.Subscribe(t.Context()); err == nil {
		t.Error("Subscribe returned nil")
	}
}

// A backlog of large entries is read in pieces, and in order, however slow the
// receiver is.
func TestStreamBacklogOfLargeEntries(t *testing.T) {
	noLeaks(t)
	s := settings(shared.Address, fresh(), redis.Stream)
	n, other := subscribed(t, s, "n1"), open(t, s, "n2")
	const count, size = 100, 1 << 20
	for i := range count {
		payload := make([]byte, size)
		payload[0] = byte(i)
		if err := other.Publish(t.Context(), []sender.Packet{{Payload: payload}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range count {
		if event := next(t, n); event.Link != sender.LinkUnchanged || len(event.Payload) != size || event.Payload[0] != byte(i) {
			t.Fatalf("event %d: link %d, %d bytes, %v", i, event.Link, len(event.Payload), event.Err)
		}
	}
}
