package sendertest

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/switchboard-go/switchboard/sender"
)

// testCapabilities: the cluster sender decides by the Capabilities what it
// numbers, where it sends a message and when it refuses one. If they are wrong,
// each of these is.
func testCapabilities(s *suite) {
	n := s.open("n1")
	can := n.Capabilities()
	if s.h.Capabilities != nil && can != *s.h.Capabilities {
		s.Errorf("Capabilities are %+v, the harness expects %+v", can, *s.h.Capabilities)
	}
	if can.MaxPayload < 4096 {
		s.Errorf("MaxPayload is %d; an envelope with an ordinary message needs 4096 bytes", can.MaxPayload)
	}
	if can.Routing > sender.RouteAddresses {
		s.Errorf("Routing is %d, which is none", can.Routing)
	}
	if _, ok := n.Broker.(sender.Router); can.Routing == sender.RouteAddresses && !ok {
		s.Error("a Broker with RouteAddresses is no sender.Router")
	}
	n.subscribe()
	if after := n.Capabilities(); after != can {
		s.Errorf("Capabilities changed from %+v to %+v", can, after)
	}
}

// testFanOut: a message for a user must reach every node, as he has tabs and
// devices on several; and the publishing node itself, which is how a node
// proves its link to itself. A driver that works as a queue spreads messages
// over the nodes instead.
func testFanOut(s *suite) {
	nodes := s.nodes(4)
	for round := range 3 {
		for _, from := range nodes {
			text := fmt.Sprintf("round %d of %s", round, from.name)
			from.say(text)
			for _, to := range nodes {
				to.expect(text)
			}
		}
	}
	s.fence(nodes...)
}

// fence has every node publish a last text and receive those of all: whatever
// else comes before them is one too many.
func (s *suite) fence(nodes ...*node) {
	s.Helper()
	origins := func() (texts [][]string) {
		for _, n := range nodes {
			texts = append(texts, []string{"fence of " + n.name})
		}
		return texts
	}
	for _, n := range nodes {
		n.say("fence of " + n.name)
	}
	for _, n := range nodes {
		n.expectEach(origins()...)
	}
}

// testLiveOnSubscribe: a node tells its load balancer that it is ready once
// Subscribe has returned. Sessions come at once, and a driver that is live only
// some milliseconds later loses their first messages.
func testLiveOnSubscribe(s *suite) {
	from := s.subscribed("n0")
	for i := range 8 {
		to := s.subscribed(fmt.Sprintf("late%d", i))
		text := fmt.Sprintf("at once %d", i)
		from.say(text)
		to.expect(text)
	}
}

// testNoReplay: a broker that keeps messages hands old ones to a new node when
// its driver starts at the wrong place. Clients would see last week's notices
// again with each deployment.
func testNoReplay(s *suite) {
	first := s.subscribed("n1")
	old := numbered("old", 20)
	first.say(old...)
	first.expect(old...) // the broker has them for certain
	second := s.subscribed("n2")
	first.say("new")
	second.expect("new")
	first.expect("new")
}

// testOrder: the numbers by which a node finds gaps and duplicates count on it
// that every node receives one node's packets in the order of their publishing,
// and so do people who read a chat. Many partitions, channels or consumers,
// retries and unordered batches break it.
func testOrder(s *suite) {
	nodes := s.nodes(3)
	const batches, size = 20, 25
	published := func(n *node) []string { return numbered(n.name, batches*size) }
	done := make(chan struct{})
	go func() {
		defer close(done)
		running := make(chan error, len(nodes))
		for _, n := range nodes {
			go func() {
				var failed error
				texts := published(n)
				for b := 0; b < batches && failed == nil; b++ {
					packets := make([]sender.Packet, size)
					for i := range packets {
						packets[i] = sender.Packet{Payload: []byte(texts[b*size+i]), Nodes: sender.NodesUnknown}
					}
					ctx, cancel := s.context()
					failed = n.Publish(ctx, packets)
					cancel()
				}
				running <- failed
			}()
		}
		for range nodes {
			if err := <-running; err != nil {
				s.Errorf("Publish: %v", err)
			}
		}
	}()
	for _, n := range nodes {
		var origins [][]string
		for _, origin := range nodes {
			origins = append(origins, published(origin))
		}
		n.expectEach(origins...)
	}
	s.await("publishing", done)
	s.fence(nodes...)
}

// testIsolation: two applications, or the test and the production environment,
// share a broker. A name that is a prefix of another is where patterns and
// wildcards let messages through; a user 1024 exists in both.
func testIsolation(s *suite) {
	apps := []string{s.app, s.app + "-2", s.app + "-2-3"}
	var nodes []*node
	for _, app := range apps {
		nodes = append(nodes, s.openIn(app, "n1")) // of the same name, too
	}
	for _, n := range nodes {
		n.subscribe()
	}
	for i, n := range nodes {
		text := "for " + apps[i]
		n.say(text)
		n.expect(text) // it has been through the broker
	}
	if s.can.Routing >= sender.RouteNodes {
		for i, n := range nodes {
			text := "for the node of " + apps[i]
			n.publish(sender.Packet{Node: "n1", Payload: []byte(text)})
			n.expect(text)
		}
	}
	if s.can.Routing >= sender.RouteAddresses {
		for _, n := range nodes {
			n.take("user/2/1024")
		}
		for i, n := range nodes {
			text := "for the user of " + apps[i]
			n.publish(sender.Packet{Address: "user/2/1024", Payload: []byte(text)})
			n.expect(text)
		}
	}
	for i, n := range nodes {
		n.say("last of " + apps[i])
		n.expect("last of " + apps[i])
	}
}

// largestTested bounds the payloads of the suite where a broker declares more,
// in bytes.
const largestTested = 64 << 20

// testPayloadSizes: clients of brokers have limits of their own, above and below
// the broker's, and treat the empty message as none, as a deletion or as the
// end. What is declared must work to the last byte, because messages that fit
// are never refused.
func testPayloadSizes(s *suite) {
	nodes := s.nodes(2)
	largest := min(s.can.MaxPayload, largestTested)
	for _, size := range []int{0, 1, 2, 127, 128, 255, 256, 1023, 4096, 65535, 65536, 1 << 20, largest - 1, largest} {
		if size > largest {
			continue
		}
		payload := patterned(size)
		nodes[0].publish(sender.Packet{Payload: payload})
		want := sha256.Sum256(payload)
		for _, n := range nodes {
			if got := n.payload(); sha256.Sum256(got) != want {
				s.Fatalf("node %s received %s, want %d bytes", n.name, short(got), size)
			}
		}
	}
	s.fence(nodes...)
}

// patterned returns a payload in which every part differs from the next.
func patterned(size int) []byte {
	payload := make([]byte, size)
	x := uint32(size) + 1
	for i := range payload {
		x = x*1664525 + 1013904223 // Numerical Recipes' generator
		payload[i] = byte(x >> 24)
	}
	return payload
}

// testPayloadBytes: an envelope is binary. A driver that sends it as text, in a
// JSON field or a header, changes what is not UTF-8, ends it at a zero byte or
// trims it.
func testPayloadBytes(s *suite) {
	nodes := s.nodes(2)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, text := range []string{string(every), "\x00", "\x00a\x00", "\xff\xfe", "\xed\xa0\x80", " a ", "\r\n", "\n", `"`, `\`, "{}", "null", "PING", "*1\r\n$4\r\nPING\r\n", "é", "e\u0301"} {
		nodes[0].say(text)
		for _, n := range nodes {
			n.expect(text)
		}
	}
	s.fence(nodes...)
}

// testLargeBatch: while a broker is slow a batch gathers, of a thousand messages
// or several MiB in one Publish. Brokers bound a request or a transaction, so
// the driver must split it and keep its order.
func testLargeBatch(s *suite) {
	nodes := s.nodes(2)
	many := numbered("one of many", 2048)
	nodes[0].say(many...)
	for _, n := range nodes {
		n.expect(many...)
	}
	size := min(s.can.MaxPayload, 2<<20)
	packets := make([]sender.Packet, 8)
	for i := range packets {
		packets[i].Payload = patterned(size - i)
	}
	nodes[0].publish(packets...)
	for _, n := range nodes {
		for i := range packets {
			if got := n.payload(); !bytes.Equal(got, packets[i].Payload) {
				s.Fatalf("node %s received %s as packet %d of a batch, want %d bytes", n.name, short(got), i, size-i)
			}
		}
	}
	s.fence(nodes...)
}

// testPublisherKeepsBuffers: the payloads are the publisher's again when Publish
// has returned. A driver that holds on to them sends what the next message has
// written there, to the wrong people.
func testPublisherKeepsBuffers(s *suite) {
	nodes := s.nodes(2)
	const count, size = 50, 512
	buffers := make([]sender.Packet, 5)
	for i := range buffers {
		buffers[i].Payload = make([]byte, size)
	}
	fill := func(packet, with int) {
		for i := range buffers[packet].Payload {
			buffers[packet].Payload[i] = byte(with)
		}
	}
	for i := range count {
		for j := range buffers {
			fill(j, i*len(buffers)+j)
		}
		nodes[0].publish(buffers...)
		for j := range buffers {
			if want := bytes.Repeat([]byte{byte(i*len(buffers) + j)}, size); !bytes.Equal(buffers[j].Payload, want) {
				s.Fatal("Publish changed a payload")
			}
			buffers[j] = sender.Packet{Payload: buffers[j].Payload}
			fill(j, 0xEE)
		}
	}
	for _, n := range nodes {
		for i := range count * len(buffers) {
			if got := n.payload(); !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, size)) {
				s.Fatalf("node %s received %s as packet %d, want %d bytes of %#x", n.name, short(got), i, size, byte(i))
			}
		}
	}
}

// testReceiverKeepsPayload: a payload is the receiver's for good, as parts of it
// wait in the outboxes of slow clients. A driver that reads into one buffer, or
// gives one slice to two nodes of a process, changes them there.
func testReceiverKeepsPayload(s *suite) {
	nodes := s.nodes(2)
	texts := numbered("kept", 50)
	nodes[0].say(texts...)
	var kept [2][][]byte
	for i, n := range nodes {
		for range texts {
			kept[i] = append(kept[i], n.payload())
		}
	}
	for _, payload := range kept[1] {
		clear(payload)
		_ = append(payload, "the receiver may append too"...)
	}
	s.fence(nodes...)
	for i, text := range texts {
		if string(kept[0][i]) != text {
			s.Fatalf("payload %d became %s, was %q", i, short(kept[0][i]), text)
		}
	}
}
