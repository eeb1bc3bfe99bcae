package sendertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// node is a Broker in a case.
type node struct {
	sender.Broker
	s    *suite
	name string
	// news are the link's changes, in order; next appends to them.
	news []sender.Link
}

// open returns a node of the case's application, closed with the test.
func (s *suite) open(name string) *node {
	s.Helper()
	return s.openIn(s.app, name)
}

func (s *suite) openIn(app, name string) *node {
	s.Helper()
	b := s.h.Open(s.TB, app, name)
	if b == nil {
		s.Fatal("Harness.Open returned nil")
	}
	n := &node{Broker: b, s: s, name: name}
	s.Cleanup(n.close)
	return n
}

// subscribed returns a node that is live.
func (s *suite) subscribed(name string) *node {
	s.Helper()
	n := s.open(name)
	n.subscribe()
	return n
}

// nodes returns count nodes that are live.
func (s *suite) nodes(count int) []*node {
	s.Helper()
	nodes := make([]*node, count)
	for i := range nodes {
		nodes[i] = s.subscribed(fmt.Sprintf("n%d", i+1))
	}
	return nodes
}

// context bounds a call by the suite's patience.
func (s *suite) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), s.h.Patience)
}

// grace is how much later than its context's end a call may return.
const grace = 5 * time.Second

// within fails the case where f does not return in time.
func (s *suite) within(what string, f func()) {
	s.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	s.await(what, done)
}

// await fails the case where done is not closed in time.
func (s *suite) await(what string, done <-chan struct{}) {
	s.Helper()
	timer := time.NewTimer(s.h.Patience + grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		s.Logf("goroutines:\n%s", stacks)
		s.Fatalf("%s has not returned after %s", what, s.h.Patience+grace)
	}
}

func (n *node) close() {
	n.s.Helper()
	n.s.within("Close of "+n.name, func() {
		if err := n.Close(); err != nil {
			n.s.Errorf("Close of %s: %v", n.name, err)
		}
	})
}

func (n *node) subscribe() {
	n.s.Helper()
	n.s.within("Subscribe of "+n.name, func() {
		ctx, cancel := n.s.context()
		defer cancel()
		if err := n.Subscribe(ctx); err != nil {
			n.s.Errorf("Subscribe of %s: %v", n.name, err)
		}
	})
	if n.s.Failed() {
		n.s.FailNow()
	}
}

// try publishes packets and returns them as Publish left them.
func (n *node) try(packets ...sender.Packet) ([]sender.Packet, error) {
	n.s.Helper()
	for i := range packets {
		packets[i].Nodes = sender.NodesUnknown
	}
	var err error
	n.s.within("Publish of "+n.name, func() {
		ctx, cancel := n.s.context()
		defer cancel()
		err = n.Publish(ctx, packets)
	})
	return packets, err
}

// publish is try where the broker must take them.
func (n *node) publish(packets ...sender.Packet) []sender.Packet {
	n.s.Helper()
	packets, err := n.try(packets...)
	if err != nil {
		n.s.Fatalf("Publish of %s: %v", n.name, err)
	}
	for i := range packets {
		if !packets[i].Done {
			n.s.Fatalf("Publish of %s returned nil and left packet %d of %d without Done", n.name, i, len(packets))
		}
	}
	return packets
}

// say publishes texts to all.
func (n *node) say(texts ...string) {
	n.s.Helper()
	packets := make([]sender.Packet, len(texts))
	for i, text := range texts {
		packets[i].Payload = []byte(text)
	}
	for _, p := range n.publish(packets...) {
		clear(p.Payload) // a Cluster uses the memory again
	}
}

// next returns what is received next, and takes note of news of the link.
func (n *node) next() sender.Event {
	n.s.Helper()
	var (
		event sender.Event
		err   error
	)
	n.s.within("Receive of "+n.name, func() {
		ctx, cancel := n.s.context()
		defer cancel()
		event, err = n.Receive(ctx)
	})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		n.s.Fatalf("node %s has received nothing for %s", n.name, n.s.h.Patience)
	case err != nil:
		n.s.Fatalf("Receive of %s: %v", n.name, err)
	case event.Link != sender.LinkUnchanged && event.Payload != nil:
		n.s.Fatalf("node %s received an event with both a payload and news of the link", n.name)
	case event.Link != sender.LinkUnchanged:
		n.news = append(n.news, event.Link)
	}
	return event
}

// payload returns the next payload.
func (n *node) payload() []byte {
	n.s.Helper()
	for {
		if event := n.next(); event.Link == sender.LinkUnchanged {
			return event.Payload
		}
	}
}

// expect receives exactly these texts, in this order, next.
func (n *node) expect(texts ...string) {
	n.s.Helper()
	for _, want := range texts {
		if got := n.payload(); string(got) != want {
			n.s.Fatalf("node %s received %s, want %s", n.name, short(got), short([]byte(want)))
		}
	}
}

// expectEach receives the texts of several origins: those of each in order,
// mixed in any way, and nothing else.
func (n *node) expectEach(origins ...[]string) {
	n.s.Helper()
	left := 0
	for _, texts := range origins {
		left += len(texts)
	}
receive:
	for ; left > 0; left-- {
		got := n.payload()
		for i, texts := range origins {
			if len(texts) > 0 && texts[0] == string(got) {
				origins[i] = texts[1:]
				continue receive
			}
		}
		wanted := []string{}
		for _, texts := range origins {
			if len(texts) > 0 {
				wanted = append(wanted, short([]byte(texts[0])))
			}
		}
		n.s.Fatalf("node %s received %s, want one of %s", n.name, short(got), strings.Join(wanted, ", "))
	}
}

// until receives until text comes, and returns the others.
func (n *node) until(text string) (before []string) {
	n.s.Helper()
	for {
		got := n.payload()
		if string(got) == text {
			return before
		}
		before = append(before, string(got))
	}
}

// numbered returns count texts of an origin.
func numbered(origin string, count int) []string {
	texts := make([]string, count)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s #%d", origin, i+1)
	}
	return texts
}

// short shows a payload in a line.
func short(payload []byte) string {
	if len(payload) > 60 {
		return fmt.Sprintf("%q… of %d bytes", payload[:60], len(payload))
	}
	return fmt.Sprintf("%q", bytes.Clone(payload))
}
