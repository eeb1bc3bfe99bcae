package sendertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// take takes an address and waits until that is live: Take returns before it is.
func (n *node) take(address string) {
	n.s.Helper()
	n.Broker.(sender.Router).Take(address, true)
	n.taken(address)
}

// taken publishes to an address until this node receives it, and then until it
// has received all of what it published. Other takers receive that too.
func (n *node) taken(address string) {
	n.s.Helper()
	deadline := time.Now().Add(n.s.h.Patience)
	for attempt := 1; ; attempt++ {
		if time.Now().After(deadline) {
			n.s.Fatalf("node %s took address %s, and what is published to it has not come for %s", n.name, address, n.s.h.Patience)
		}
		probe, mark := fmt.Sprintf("probe %d of %s", attempt, n.name), fmt.Sprintf("mark %d of %s", attempt, n.name)
		n.publish(sender.Packet{Address: address, Payload: []byte(probe)})
		// To all, as it certainly comes: one node's packets keep their order, so
		// the probe is before it or does not come.
		n.publish(sender.Packet{Payload: []byte(mark)})
		before := n.until(mark)
		if slices.Contains(before, probe) {
			return
		}
		pause(5 * time.Millisecond)
	}
}

// drained has nodes receive what they published before, whatever it is.
func (s *suite) drained(nodes ...*node) {
	s.Helper()
	for _, from := range nodes {
		mark := "drained of " + from.name
		from.say(mark)
		for _, to := range nodes {
			to.until(mark)
		}
	}
}

// took checks a number of nodes that Publish told, where it told any.
func (s *suite) took(what string, p sender.Packet, want int) {
	s.Helper()
	if p.Nodes != sender.NodesUnknown && p.Nodes != want {
		s.Errorf("Publish says that %d nodes took a packet to %s, %d did", p.Nodes, what, want)
	}
}

// testRouteNode: a message to a session goes to the node that its id names. If
// it goes to the others too, each session costs every node; and if it does not
// go where it should, that session is deaf.
func testRouteNode(s *suite) {
	// The names are hard to keep apart by prefixes and patterns.
	nodes := []*node{s.subscribed("n1"), s.subscribed("n1-1"), s.subscribed("n11")}
	for _, from := range nodes {
		for _, to := range nodes { // to itself, too
			texts := numbered(from.name+" to "+to.name, 5)
			for _, text := range texts {
				packet := from.publish(sender.Packet{Node: to.name, Payload: []byte(text)})[0]
				s.took("node "+to.name, packet, 1)
			}
			to.expect(texts...)
		}
	}
	packet := nodes[0].publish(sender.Packet{Node: "nobody", Payload: []byte("to nobody")})[0]
	s.took("a node that there is not", packet, 0)
	packet = nodes[0].publish(sender.Packet{Payload: []byte("to all")})[0]
	s.took("all", packet, len(nodes))
	for _, n := range nodes {
		n.expect("to all")
	}
	s.fence(nodes...)
}

// testRouteAddress: a message to a user goes to the nodes that hold him, and the
// Receipt says how many those are: it is how an application knows that he is
// away and sends a push notification.
func testRouteAddress(s *suite) {
	nodes := s.nodes(3)
	// Addresses as targets have them: of one another's prefix, and with bytes
	// that are wildcards and separators somewhere.
	addresses := []string{"user/2/1", "user/2/10", "user/2/%2A", "key/a.b%20c", "key/*", "key/#", "key/[ab]?", "key/a..b", "key/.", "key/a.*", "key/a.>", "key/a.#", "key/" + fmt.Sprintf("%0500d", 7)}
	for i, address := range addresses {
		takers := nodes[:i%3+1]
		for _, n := range takers {
			n.take(address)
		}
		s.drained(nodes...)
		for _, from := range nodes {
			text := from.name + " to " + address
			packet := from.publish(sender.Packet{Address: address, Payload: []byte(text)})[0]
			s.took("address "+address, packet, len(takers))
			for _, n := range takers {
				n.expect(text)
			}
		}
	}
	packet := nodes[0].publish(sender.Packet{Address: "user/2/nobody", Payload: []byte("to nobody")})[0]
	s.took("an address that nobody has taken", packet, 0)
	for _, prefix := range []string{"user/2/", "key/x", "key/a", "key/a.c", "user/2/2"} {
		nodes[0].publish(sender.Packet{Address: prefix, Payload: []byte("to a part or a match of an address")})
	}
	s.fence(nodes...)
}

// testTakeBeforeSubscribe: a node that connects in the background has sessions
// before it has a link. Those users would hear nothing from other nodes until
// their last session ends and the next one begins.
func testTakeBeforeSubscribe(s *suite) {
	from, to := s.subscribed("n1"), s.open("n2")
	router := to.Broker.(sender.Router)
	s.within("Take before Subscribe", func() {
		router.Take("user/2/early", true)
		router.Take("user/2/gone", true)
		router.Take("user/2/gone", false)
	})
	to.subscribe()
	to.taken("user/2/early")
	s.drained(from, to)
	from.publish(sender.Packet{Address: "user/2/early", Payload: []byte("to the one who is there")})
	from.publish(sender.Packet{Address: "user/2/gone", Payload: []byte("to the one who is gone")})
	to.expect("to the one who is there")
	s.fence(from, to)
}

// testTakeOff: a user's last session on a node ends. What a node takes on for
// ever, all nodes do for all users in the end, and a Receipt that counts it says
// that somebody is there who is not.
func testTakeOff(s *suite) {
	nodes := s.nodes(2)
	leaver, from := nodes[0], nodes[1]
	router := leaver.Broker.(sender.Router)
	leaver.take("user/2/1")
	leaver.take("user/2/2")
	s.drained(nodes...)
	router.Take("user/2/1", false)
	deadline := time.Now().Add(s.h.Patience)
	for attempt := 1; ; attempt++ {
		if time.Now().After(deadline) {
			s.Fatalf("what is published to an address comes still, %s after Take ended it", s.h.Patience)
		}
		probe, mark := fmt.Sprintf("probe %d", attempt), fmt.Sprintf("mark %d", attempt)
		from.publish(sender.Packet{Address: "user/2/1", Payload: []byte(probe)})
		from.say(mark)
		from.until(mark)
		if !slices.Contains(leaver.until(mark), probe) {
			break
		}
		pause(5 * time.Millisecond)
	}
	packet := from.publish(sender.Packet{Address: "user/2/1", Payload: []byte("he is gone")})[0]
	s.took("an address that is taken no more", packet, 0)
	from.publish(sender.Packet{Address: "user/2/2", Payload: []byte("the other is there")})
	leaver.expect("the other is there")
	s.fence(nodes...)
}

// testTakeOrder: a page that is reloaded ends a user's last session and begins
// his first within a millisecond, often. Where those overtake each other he is
// connected and deaf until he reloads again.
func testTakeOrder(s *suite) {
	nodes := s.nodes(2)
	n := nodes[0]
	router := n.Broker.(sender.Router)
	for range 100 {
		router.Take("user/2/on", true)
		router.Take("user/2/on", false)
		router.Take("user/2/off", true)
		router.Take("user/2/off", false)
	}
	router.Take("user/2/on", true)
	n.taken("user/2/on") // and so all before it is done, if it is in order
	n.take("user/2/marker")
	s.drained(nodes...)
	for range 20 {
		n.publish(sender.Packet{Address: "user/2/on", Payload: []byte("on")})
		n.publish(sender.Packet{Address: "user/2/marker", Payload: []byte("marker")})
		n.expect("on", "marker")
		pause(2 * time.Millisecond)
	}
	deadline := time.Now().Add(s.h.Patience)
	for attempt := 1; ; attempt++ {
		mark := fmt.Sprintf("mark %d", attempt)
		n.publish(sender.Packet{Address: "user/2/off", Payload: []byte("off")}, sender.Packet{Payload: []byte(mark)})
		if len(n.until(mark)) == 0 {
			break
		}
		if time.Now().After(deadline) {
			s.Fatal("an address that was taken and given back a hundred times is taken still")
		}
		pause(5 * time.Millisecond)
	}
}

// testManyAddresses: a node holds as many users as it has sessions, and a
// thousand come at once when a load balancer moves them. Take must return at
// once, each of them must hear, and no two must hear each other's.
func testManyAddresses(s *suite) {
	nodes := s.nodes(2)
	const count = 1000
	address := func(i int) string { return fmt.Sprintf("user/2/%d", i) }
	s.within("1000 calls of Take", func() {
		for i := range count {
			nodes[i%2].Broker.(sender.Router).Take(address(i), true)
		}
	})
	for i := count - 2; i < count; i++ {
		nodes[i%2].taken(address(i))
	}
	for i := range count {
		nodes[i%2].taken(address(i)) // some drivers keep no order between addresses
	}
	s.drained(nodes...)
	packets := make([]sender.Packet, count)
	var expected [2][]string
	for i := range packets {
		text := "to " + address(i)
		packets[i] = sender.Packet{Address: address(i), Payload: []byte(text)}
		expected[i%2] = append(expected[i%2], text)
	}
	for i, packet := range nodes[0].publish(packets...) {
		s.took("address "+address(i), packet, 1)
	}
	nodes[0].expect(expected[0]...)
	nodes[1].expect(expected[1]...)
	s.fence(nodes...)
}

// testOrderAcrossRoutes: "you have been invited" to a user and "the meeting has
// begun" to all are sent one after the other and mean nothing the other way
// round, so the ways that a driver has to a node must not overtake each other.
func testOrderAcrossRoutes(s *suite) {
	nodes := s.nodes(2)
	from, to := nodes[0], nodes[1]
	if s.can.Routing >= sender.RouteAddresses {
		to.take("user/2/1")
		s.drained(nodes...)
	}
	for batch := range 20 {
		texts := numbered(fmt.Sprintf("batch %d", batch), 30)
		var packets []sender.Packet
		for i, text := range texts {
			packet := sender.Packet{Payload: []byte(text)}
			switch {
			case i%3 == 1:
				packet.Node = to.name
			case i%3 == 2 && s.can.Routing >= sender.RouteAddresses:
				packet.Address = "user/2/1"
			}
			packets = append(packets, packet)
		}
		from.publish(packets...)
		to.expect(texts...)
	}
	s.drained(nodes...) // the publisher received those to all
	s.fence(nodes...)
}
