package redis_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/websocket"
)

// clusterSizes are the numbers of nodes that growth is looked at with.
var clusterSizes = []int{2, 8, 32}

// startNodes starts so many nodes, n0 and on, and returns when the user of n1
// is reached from n0 and all have heard n0.
func startNodes(t testing.TB, count int) []*node {
	t.Helper()
	s := settings(shared.Address, fresh(), redis.PubSub)
	nodes := make([]*node, count)
	for i := range nodes {
		nodes[i] = startNode(t, s, "n"+strconv.Itoa(i), nil)
	}
	eventually(t, func() error {
		receipt, err := nodes[0].send(t.Context(), websocket.ToUser(websocket.Admin, "n1"), "warm-up")
		if err == nil && receipt.Nodes != 1 {
			err = errors.New("nobody has taken the user's address yet")
		}
		return err
	})
	heardByAll(t, nodes, "started")
	return nodes
}

// heardByAll sends a text from the first node to all. When it returns, all that
// this node had sent before has come, as its order is kept.
func heardByAll(t testing.TB, nodes []*node, text string) {
	t.Helper()
	nodes[0].say(t, text)
	for _, n := range nodes {
		n.await(t, text)
	}
}

// received returns how many messages have come to each node from the others.
func received(nodes []*node) []int {
	counts := make([]int, len(nodes))
	for i, n := range nodes {
		counts[i] = int(n.cluster.Stats().Received)
	}
	return counts
}

// awaitArrivals waits until the client of n has received so many texts.
func awaitArrivals(t testing.TB, n *node, want int) {
	t.Helper()
	timeout := time.After(patience)
	for len(n.arrivals()) < want {
		select {
		case <-n.arrived:
		case <-timeout:
			t.Fatalf("node %s: %d of %d have arrived in %s", n.name, len(n.arrivals()), want, patience)
		}
	}
}

// However many nodes there are, a message to one user is received by the node
// that holds him and by no other, and a message to all is published once and
// received once by each.
func TestWhatASendCostsTheCluster(t *testing.T) {
	const sends = 10
	for _, count := range clusterSizes {
		t.Run(fmt.Sprint(count, " nodes"), func(t *testing.T) {
			noLeaks(t)
			nodes := startNodes(t, count)
			for _, test := range []struct {
				name   string
				target websocket.Target
				nodes  int // that Redis gives a packet to
				wants  func(i int) bool
			}{
				{"a user", websocket.ToUser(websocket.Admin, "n1"), 1, func(i int) bool { return i == 1 }},
				{"all", websocket.ToAll(), count, func(i int) bool { return i > 0 }},
			} {
				before := received(nodes)
				for i := range sends {
					receipt, err := nodes[0].send(t.Context(), test.target, fmt.Sprint(test.name, i))
					if err != nil || receipt.Nodes != test.nodes {
						t.Fatalf("to %s: the receipt is %+v (%v), want %d nodes", test.name, receipt, err, test.nodes)
					}
				}
				heardByAll(t, nodes, "sent to "+test.name)
				for i, after := range received(nodes) {
					want := 0
					if test.wants(i) {
						want = sends
					}
					if i > 0 {
						want++ // heardByAll's
					}
					if got := after - before[i]; got != want {
						t.Errorf("%d sends to %s: node n%d received %d messages, want %d", sends, test.name, i, got, want)
					}
				}
			}
		})
	}
}
