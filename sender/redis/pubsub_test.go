package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
)

// taken waits until count nodes have taken an address.
func taken(t testing.TB, c *goredis.Client, channel, address string, count int64) {
	t.Helper()
	name := "{" + channel + "}:to:" + address
	eventually(t, func() error {
		counts, err := c.PubSubNumSub(t.Context(), name).Result()
		if err == nil && counts[name] != count {
			err = fmt.Errorf("%d nodes have taken %s, want %d", counts[name], address, count)
		}
		return err
	})
}

// What Redis counts is what the Receipt says.
func TestNodesCountsReceivers(t *testing.T) {
	noLeaks(t)
	c, channel := client(t, shared.Address), fresh()
	s := settings(shared.Address, channel, redis.PubSub)
	n1, n2 := subscribed(t, s, "n1"), subscribed(t, s, "n2")
	emitter := open(t, s, "emitter")
	n1.Take("user/2/1", true)
	n1.Take("key/room", true)
	n2.Take("key/room", true)
	taken(t, c, channel, "user/2/1", 1)
	taken(t, c, channel, "key/room", 2)
	packets := []sender.Packet{
		{Payload: []byte("all")},
		{Payload: []byte("n2"), Node: "n2"},
		{Payload: []byte("n3"), Node: "n3"},
		{Payload: []byte("user"), Address: "user/2/1"},
		{Payload: []byte("key"), Address: "key/room"},
		{Payload: []byte("nobody"), Address: "user/2/2"},
	}
	if err := emitter.Publish(t.Context(), packets); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 1, 0, 1, 2, 0} {
		if packets[i].Nodes != want || !packets[i].Done {
			t.Errorf("%s: %d nodes, Done %t, want %d nodes", packets[i].Payload, packets[i].Nodes, packets[i].Done, want)
		}
	}
	expect(t, n1, "all", "user", "key")
	expect(t, n2, "all", "n2", "key")
}

// Databases are how people keep applications apart on one Redis. Redis's own
// pub/sub does not know them.
func TestDatabasesAreApart(t *testing.T) {
	modes(t, func(t *testing.T, mode redis.Mode) {
		s := settings(shared.Address, fresh(), mode)
		other := s
		other.DB = 3
		n1, n2 := subscribed(t, s, "n"), subscribed(t, other, "n")
		publish(t, n1, "in db 0")
		publish(t, n2, "in db 3")
		expect(t, n1, "in db 0")
		expect(t, n2, "in db 3")
		publish(t, n1, "last in db 0")
		publish(t, n2, "last in db 3")
		expect(t, n1, "last in db 0")
		expect(t, n2, "last in db 3")
	})
}

// A kind of name in one application is not the name of another.
func TestNamesDoNotRunIntoEachOther(t *testing.T) {
	app := fresh()
	n := subscribed(t, settings(shared.Address, app, redis.PubSub), "all")
	other := open(t, settings(shared.Address, app+":node", redis.PubSub), "x")
	for _, packet := range publish(t, other, "for the other's nodes") {
		if packet.Nodes != 0 {
			t.Errorf("%d nodes took it", packet.Nodes)
		}
	}
	publish(t, n, "own")
	expect(t, n, "own")
}

// kill has Redis cut the connections of a type.
func kill(t testing.TB, c *goredis.Client, kind string) {
	t.Helper()
	if err := c.ClientKillByFilter(t.Context(), "TYPE", kind, "SKIPME", "yes").Err(); err != nil {
		t.Fatal(err)
	}
}

func TestAddressesAreRenewedBeforeLinkUp(t *testing.T) {
	noLeaks(t)
	c, channel := client(t, shared.Address), fresh()
	s := settings(shared.Address, channel, redis.PubSub)
	n := subscribed(t, s, "n1")
	const count = 3000 // more than one command tells
	for i := range count {
		n.Take(fmt.Sprintf("user/2/%d", i), true)
	}
	taken(t, c, channel, fmt.Sprintf("user/2/%d", count-1), 1)
	n.Take("user/2/0", false)
	taken(t, c, channel, "user/2/0", 0)
	kill(t, c, "pubsub")
	if down := next(t, n); down.Link != sender.LinkDown || !strings.Contains(down.Err.Error(), shared.Address) {
		t.Fatalf("got %+v, want a LinkDown that names the server", down)
	}
	n.Take("user/2/1", false)
	n.Take("user/2/new", true)
	expect(t, n, "up")
	for _, packet := range []sender.Packet{
		{Payload: []byte("renewed"), Address: fmt.Sprintf("user/2/%d", count-1)},
		{Payload: []byte("node"), Node: "n1"},
	} {
		packets := []sender.Packet{packet}
		if err := n.Publish(t.Context(), packets); err != nil || packets[0].Nodes != 1 {
			t.Fatalf("%s: %v, %d nodes", packet.Payload, err, packets[0].Nodes)
		}
		expect(t, n, string(packet.Payload))
	}
	taken(t, c, channel, "user/2/0", 0)
	taken(t, c, channel, "user/2/1", 0)
	taken(t, c, channel, "user/2/new", 1)
}

// Redis cuts off a subscriber that has 32 MiB to receive. A node that does not
// call Receive is read on nevertheless, and told of what it lost.
func TestSlowReceiverIsToldOfItsLoss(t *testing.T) {
	noLeaks(t)
	c, channel := client(t, shared.Address), fresh()
	s := settings(shared.Address, channel, redis.PubSub)
	slow, other := subscribed(t, s, "slow"), open(t, s, "other")
	large := strings.Repeat("x", 1<<20)
	const count = 80
	for i := range count {
		if packet := publish(t, other, fmt.Sprintf("%d %s", i, large))[0]; packet.Nodes != 1 {
			t.Fatalf("%d nodes took packet %d, want 1", packet.Nodes, i)
		}
	}
	// All of it has been read off the connection when what is taken last is told.
	slow.Take("key/mark", true)
	taken(t, c, channel, "key/mark", 1)
	before := 0
	for {
		event := next(t, slow)
		if event.Link == sender.LinkDown {
			if !strings.Contains(event.Err.Error(), "too slow") {
				t.Errorf("the link is down because of %v", event.Err)
			}
			break
		}
		if !strings.HasPrefix(string(event.Payload), fmt.Sprintf("%d ", before)) {
			t.Fatalf("received %.10q as packet %d", event.Payload, before)
		}
		before++
	}
	if before < 30 || before > 40 {
		t.Errorf("%d packets of 1 MiB were kept, want about 32", before)
	}
	expect(t, slow, "up")
	publish(t, other, "after")
	for got := ""; got != "after"; {
		got = text(next(t, slow)) // what came between the report and now
	}
}

// What a server ends by itself, as it does when a slot moves, is not taken for
// the answer to giving up an address.
func TestGivingUpAddressesKeepsTheLink(t *testing.T) {
	n := subscribed(t, settings(shared.Address, fresh(), redis.PubSub), "n1")
	for range 50 {
		for i := range 100 {
			n.Take(fmt.Sprintf("key/%d", i), true)
		}
		for i := range 100 {
			n.Take(fmt.Sprintf("key/%d", i), false)
		}
		publish(t, n, "tick")
		expect(t, n, "tick")
	}
}

func TestForeignMessagesAreCountedAndSkipped(t *testing.T) {
	noLeaks(t)
	modes(t, func(t *testing.T, mode redis.Mode) {
		c, channel := client(t, shared.Address), fresh()
		s := settings(shared.Address, channel, mode)
		n1, n2 := startNode(t, s, "n1", nil), startNode(t, s, "n2", nil)
		foreign := []string{"", "hello", `{"sessionId":null}`, strings.Repeat("\xff", 1000), "\x01\x01\x05n1"}
		for _, payload := range foreign {
			var err error
			if mode == redis.PubSub {
				err = c.Publish(t.Context(), "{"+channel+"}:all", payload).Err()
			} else {
				err = c.XAdd(t.Context(), &goredis.XAddArgs{Stream: "{" + channel + "}:stream", Values: []any{"p", payload}}).Err()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		want := uint64(len(foreign))
		if mode == redis.Stream { // and one without our field
			want++
			if err := c.XAdd(t.Context(), &goredis.XAddArgs{Stream: "{" + channel + "}:stream", Values: []any{"other", "x", "more", "y"}}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		n1.say(t, "after")
		n2.await(t, "after")
		if got := n2.cluster.Stats(); got.Foreign != want || got.Gaps != 0 || got.Duplicates != 0 {
			t.Errorf("%d foreign messages were counted of %d; %+v", got.Foreign, want, got)
		}
	})
}

// A part of a batch that Redis refuses does not take the rest with it.
func TestPartOfABatchIsRefused(t *testing.T) {
	c, channel := client(t, shared.Address), fresh()
	// One that may publish to all, and to no node.
	if err := c.Do(t.Context(), "ACL", "SETUSER", channel, "on", ">hunter2", "+@all", "resetchannels", "&{"+channel+"}:all").Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Do(context.Background(), "ACL", "DELUSER", channel) })
	s := settings(shared.Address, channel, redis.PubSub)
	n := subscribed(t, s, "n1")
	s.Username, s.Password = channel, "hunter2"
	limited := open(t, s, "n2")
	packets := []sender.Packet{
		{Payload: []byte("first"), Nodes: sender.NodesUnknown},
		{Payload: []byte("second"), Node: "n1", Nodes: sender.NodesUnknown},
		{Payload: []byte("third"), Nodes: sender.NodesUnknown},
	}
	err := limited.Publish(t.Context(), packets)
	if err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Fatalf("Publish returned %v", err)
	}
	done := []bool{packets[0].Done, packets[1].Done, packets[2].Done}
	if !slices.Equal(done, []bool{true, false, true}) || packets[1].Nodes != sender.NodesUnknown {
		t.Errorf("Done is %t, Nodes of the second %d", done, packets[1].Nodes)
	}
	expect(t, n, "first", "third")
}

func TestTooLarge(t *testing.T) {
	modes(t, func(t *testing.T, mode redis.Mode) {
		n := subscribed(t, settings(shared.Address, fresh(), mode), "n1")
		packets := []sender.Packet{{Payload: []byte("fits")}, {Payload: make([]byte, maxPayload+1)}}
		if err := n.Publish(t.Context(), packets); !errors.Is(err, sender.ErrTooLarge) || packets[0].Done {
			t.Errorf("got %v, Done %t", err, packets[0].Done)
		}
		publish(t, n, "next")
		expect(t, n, "next")
	})
}
