package sendertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/switchboard-go/switchboard/sender"
)

// batch is what a node has begun to publish.
type batch struct {
	n       *node
	packets []sender.Packet
	wait    func() error
	cancel  context.CancelFunc
}

// begin begins a batch of texts, to all or as routed says.
func (n *node) begin(ctx context.Context, texts []string, routed func(i int) sender.Packet) *batch {
	n.s.Helper()
	b := &batch{n: n, packets: make([]sender.Packet, len(texts))}
	for i, text := range texts {
		if routed != nil {
			b.packets[i] = routed(i)
		}
		b.packets[i].Payload, b.packets[i].Nodes = []byte(text), sender.NodesUnknown
	}
	ctx, b.cancel = context.WithTimeout(ctx, n.s.h.Patience)
	n.s.Cleanup(b.cancel)
	n.s.within("Begin of "+n.name, func() { b.wait = n.Broker.(sender.Pipeliner).Begin(ctx, b.packets) })
	return b
}

// confirm waits for the broker's word.
func (b *batch) confirm() (err error) {
	b.n.s.Helper()
	b.n.s.within("the confirm of "+b.n.name, func() { err = b.wait() })
	b.cancel()
	for i := range b.packets {
		if err == nil && !b.packets[i].Done {
			b.n.s.Errorf("a confirm of %s returned nil and left packet %d of %d without Done", b.n.name, i, len(b.packets))
		}
	}
	return err
}

// confirmed is confirm where the broker must take the batch.
func (b *batch) confirmed() {
	b.n.s.Helper()
	if err := b.confirm(); err != nil {
		b.n.s.Fatalf("a confirm of %s: %v", b.n.name, err)
	}
	for _, p := range b.packets {
		clear(p.Payload) // a Cluster uses the memory again
	}
}

// testBegin: a Cluster has several batches under way. A driver that hands some of
// them over later than others shows people a chat in another order than that in
// which it was written, and makes nodes report gaps where nothing is missing.
func testBegin(s *suite) {
	nodes := s.nodes(2)
	from, to := nodes[0], nodes[1]
	const underWay = 8
	routed := func(i int) sender.Packet {
		if i%3 == 1 && s.can.Routing >= sender.RouteNodes {
			return sender.Packet{Node: to.name}
		}
		return sender.Packet{}
	}
	for round := range 10 {
		var (
			batches []*batch
			all     []string
		)
		for i := range underWay {
			texts := numbered(fmt.Sprintf("round %d, batch %d", round, i), 1+(round+i)%4*5)
			batches, all = append(batches, from.begin(context.Background(), texts, routed)), append(all, texts...)
		}
		switch round % 3 {
		case 1: // the word is waited for in another order than that of the batches
			slices.Reverse(batches)
		case 2: // and in none, and not before the next publish
			from.say("published beside")
			all = append(all, "published beside")
		}
		var confirming sync.WaitGroup
		for _, b := range batches {
			if round%3 == 2 {
				confirming.Go(b.confirmed)
			} else {
				b.confirmed()
			}
		}
		s.within("confirms at once", confirming.Wait)
		to.expect(all...)
	}
	s.drained(nodes...) // the publisher received those to all
	s.fence(nodes...)
}

// testBeginContext: each batch has its own deadline. The one that is given up
// costs neither those before it nor those after it; it may come still, at its
// place, and not behind what its sender has sent since he was told.
func testBeginContext(s *suite) {
	nodes := s.nodes(2)
	from := nodes[0]
	for round := range 6 {
		first, given, last := fmt.Sprintf("first of %d", round), fmt.Sprintf("given up in %d", round), fmt.Sprintf("last of %d", round)
		ctx, cancel := context.WithCancel(context.Background())
		before := from.begin(context.Background(), []string{first}, nil)
		if round%2 == 0 {
			cancel()
		}
		middle := from.begin(ctx, []string{given}, nil)
		cancel()
		after := from.begin(context.Background(), []string{last}, nil)
		_ = middle.confirm() // it may have been fast enough
		after.confirmed()
		before.confirmed()
		for _, n := range nodes {
			n.expect(first)
			between := n.until(last)
			if len(between) > 1 || len(between) == 1 && between[0] != given {
				s.Fatalf("node %s received %q beside a batch that was given up", n.name, between)
			}
			if middle.packets[0].Done && len(between) == 0 {
				s.Fatalf("node %s did not receive a packet with Done", n.name)
			}
		}
	}
	s.fence(nodes...)
}

// testConfirm: who is told that the broker has a message relies on it. A driver
// that says so of what it has only written loses messages that nobody sends
// again; it shows to a node that subscribes then, and must not be given them.
func testConfirm(s *suite) {
	from := s.subscribed("n0")
	for round := range 8 {
		var batches []*batch
		for _, text := range numbered(fmt.Sprintf("round %d", round), 4) {
			batches = append(batches, from.begin(context.Background(), []string{text}, nil))
		}
		for _, b := range batches {
			b.confirmed()
		}
		late := s.subscribed(fmt.Sprintf("late%d", round))
		text := fmt.Sprintf("after round %d", round)
		from.say(text)
		late.expect(text)
		late.close()
	}
}

// testConfirmAfterClose: a shutdown closes the broker while batches are under
// way, and waits for those who wait for them.
func testConfirmAfterClose(s *suite) {
	n := s.subscribed("n1")
	var batches []*batch
	for _, text := range numbered("under way", 4) {
		batches = append(batches, n.begin(context.Background(), []string{text}, nil))
	}
	n.close()
	for _, b := range batches {
		_ = b.confirm() // the broker may have had it
	}
	late := n.begin(context.Background(), []string{"late"}, nil)
	if err := late.confirm(); !errors.Is(err, sender.ErrClosed) || late.packets[0].Done {
		s.Errorf("Begin after Close: its confirm returned %v with Done %t, want ErrClosed", err, late.packets[0].Done)
	}
}

// testRestartPipelined: as testRestart, with several batches under way. What is
// lost with the connection is told as lost, of each of them, and what comes after
// does not mix with it.
func testRestartPipelined(s *suite) {
	s.restarted(4, func(ctx context.Context, n *node, packets []sender.Packet) func() error {
		return n.Broker.(sender.Pipeliner).Begin(ctx, packets)
	})
}
