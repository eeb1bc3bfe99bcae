package sendertest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// whole receives until the link has been lost and is back, and returns the
// payloads that came meanwhile.
func (n *node) whole() (received []string) {
	n.s.Helper()
	n.news = nil
	deadline := time.Now().Add(n.s.h.Patience)
	for {
		if time.Now().After(deadline) {
			n.s.Fatalf("node %s has not reported LinkDown and LinkUp, %s after the broker's restart; it reported %d changes", n.name, n.s.h.Patience, len(n.news))
		}
		event := n.next()
		if event.Link == sender.LinkUnchanged {
			received = append(received, string(event.Payload))
		}
		if event.Link == sender.LinkUp {
			if !slices.Contains(n.news, sender.LinkDown) {
				n.s.Fatalf("node %s reported LinkUp and no LinkDown before it", n.name)
			}
			return received
		}
	}
}

// insist publishes packets until the broker takes them.
func (n *node) insist(packets ...sender.Packet) []sender.Packet {
	n.s.Helper()
	deadline := time.Now().Add(n.s.h.Patience)
	for {
		again := slices.Clone(packets)
		if done, err := n.try(again...); err == nil {
			return done
		} else if time.Now().After(deadline) {
			n.s.Fatalf("Publish of %s fails still, %s after the broker's restart: %v", n.name, n.s.h.Patience, err)
		}
		pause(20 * time.Millisecond)
	}
}

// publishTimeout bounds a publish during a restart, as the cluster sender does.
const publishTimeout = 3 * time.Second

// testRestart: brokers are updated and fall over. The driver must come back by
// itself and say what happened: from LinkDown and LinkUp the node knows that it
// may have missed messages, and tells. What a durable broker had taken must come.
func testRestart(s *suite) {
	s.restarted(1, func(ctx context.Context, n *node, packets []sender.Packet) func() error {
		err := n.Publish(ctx, packets)
		return func() error { return err }
	})
}

// restarted restarts the broker while packets are published one by one, so many
// under way at a time.
func (s *suite) restarted(underWay int, begin func(context.Context, *node, []sender.Packet) func() error) {
	s.Helper()
	nodes := s.nodes(2)
	from := nodes[0]
	from.say("before")
	for _, n := range nodes {
		n.expect("before")
	}
	stopped, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan struct{})
	var taken []string // what Publish said was published, in order
	go func() {
		defer close(ended)
		var waiting []func() // for the broker's word
		for i := 1; stopped.Err() == nil || len(waiting) > 0; i++ {
			if len(waiting) == underWay || stopped.Err() != nil {
				waiting[0]()
				waiting = waiting[1:]
				continue
			}
			text := fmt.Sprintf("during #%d", i)
			packets := []sender.Packet{{Payload: []byte(text), Nodes: sender.NodesUnknown}}
			ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
			confirm := begin(ctx, from, packets)
			waiting = append(waiting, func() {
				defer cancel()
				if err := confirm(); err == nil || packets[0].Done {
					taken = append(taken, text)
				}
			})
			pause(5 * time.Millisecond)
		}
	}()
	s.h.Restart(s.TB)
	received := make([][]string, len(nodes))
	for i, n := range nodes {
		received[i] = n.whole()
	}
	stop()
	s.await("publishing", ended)
	from.insist(sender.Packet{Payload: []byte("after")})
	for i, n := range nodes {
		received[i] = append(received[i], n.until("after")...)
		s.complete(n, received[i], taken)
	}
	texts := numbered("after", 20)
	from.say(texts...)
	for _, n := range nodes {
		n.expect(texts...)
	}
	s.fence(nodes...)
}

// complete compares what a node received with what was published.
func (s *suite) complete(n *node, received, taken []string) {
	s.Helper()
	last := 0
	seen := make(map[string]bool, len(received))
	for _, text := range received {
		var number int
		if _, err := fmt.Sscanf(text, "during #%d", &number); err != nil {
			s.Fatalf("node %s received %q", n.name, text)
		}
		if seen[text] && !s.can.Durable {
			s.Errorf("node %s received %q twice from a broker that is not durable", n.name, text)
		}
		if !seen[text] && number < last {
			s.Errorf("node %s received #%d after #%d", n.name, number, last)
		}
		last = max(last, number)
		seen[text] = true
	}
	lost := 0
	for _, text := range taken {
		if !seen[text] {
			lost++
		}
	}
	s.Logf("node %s: %d of %d packets lost in the restart", n.name, lost, len(taken))
	if s.can.Durable && lost > 0 {
		s.Errorf("node %s lost %d of %d packets in a restart of a durable broker", n.name, lost, len(taken))
	}
}

// testRestartKeepsAddresses: a broker that starts again knows of no users. If
// the driver does not tell it of them before LinkUp, everybody who stayed
// connected is deaf from then on, and nothing says so.
func testRestartKeepsAddresses(s *suite) {
	nodes := s.nodes(2)
	from, to := nodes[0], nodes[1]
	router := to.Broker.(sender.Router)
	addresses := make([]string, 50)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("user/2/%d", i)
		to.take(addresses[i])
	}
	to.take("user/2/gone")
	s.drained(nodes...)
	router.Take("user/2/gone", false)
	s.h.Restart(s.TB)
	for _, n := range nodes {
		n.whole()
	}
	from.insist(sender.Packet{Payload: []byte("after the restart")})
	for _, n := range nodes {
		n.until("after the restart")
	}
	var texts []string
	for _, address := range addresses {
		text := "to " + address
		packet := from.publish(sender.Packet{Address: address, Payload: []byte(text)})[0]
		s.took("an address after a restart", packet, 1)
		texts = append(texts, text)
	}
	from.publish(sender.Packet{Address: "user/2/gone", Payload: []byte("to one who left")})
	to.expect(texts...)
	to.take("user/2/new")
	s.drained(nodes...)
	s.fence(nodes...)
}

// testRestartKeepsNodeRoute: as testRestartKeepsAddresses, for the node's own name.
func testRestartKeepsNodeRoute(s *suite) {
	nodes := s.nodes(2)
	s.h.Restart(s.TB)
	for _, n := range nodes {
		n.whole()
	}
	nodes[0].insist(sender.Packet{Payload: []byte("after the restart")})
	for _, n := range nodes {
		n.until("after the restart")
	}
	texts := numbered("to one node", 10)
	for _, text := range texts {
		nodes[0].publish(sender.Packet{Node: nodes[1].name, Payload: []byte(text)})
	}
	nodes[1].expect(texts...)
	s.fence(nodes...)
}
