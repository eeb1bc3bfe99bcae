package sender_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestSendRoutes(t *testing.T) {
	elsewhere := sessionOn("node2")
	tests := []struct {
		to            websocket.Target
		node, address string
		stays         bool
	}{
		{to: websocket.ToAll()},
		{to: websocket.ToAll().InTenant("red")},
		{to: websocket.ToUserType(2)},
		{to: websocket.ToSession(elsewhere), node: "node2"},
		{to: websocket.ToSession(sessionOn("node1")), stays: true},
		{to: websocket.ToSession("no node in it").Except("x"), stays: true},
		{to: websocket.ToSession("node2-made-up"), stays: true},
		{to: websocket.ToSession(sessionOn("a-name-with")), node: "a-name-with"},
		{to: websocket.ToUser(2, "a/b").InTenant("red").Except(elsewhere), address: "user/2/a%2Fb"},
		{to: websocket.ToKey("room").InTenant("red"), address: "key/room"},
	}
	for routing := sender.RouteNothing; routing <= sender.RouteAddresses; routing++ {
		t.Run(fmt.Sprint("routing ", routing), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gated{}
				m := join(t, bus(false, routing, ""), "node1", sender.ClusterOptions{}, func(b sender.Broker) sender.Broker { g.Broker = b; return g })
				for _, test := range tests {
					before := len(g.packets)
					receipt := m.sendTo(test.to)
					if receipt.Published == test.stays || receipt.Local != 0 {
						t.Errorf("%s: %+v", test.to, receipt)
					}
					if test.stays {
						if len(g.packets) != before || receipt.Nodes != sender.NodesUnknown {
							t.Errorf("%s was published: %+v", test.to, receipt)
						}
						continue
					}
					want := sender.Packet{}
					if routing >= sender.RouteNodes {
						want.Node = test.node
					}
					if routing >= sender.RouteAddresses {
						want.Address = test.address
					}
					got := g.last()
					if got.Node != want.Node || got.Address != want.Address {
						t.Errorf("%s went to node %q address %q, want %q %q", test.to, got.Node, got.Address, want.Node, want.Address)
					}
					if takers := 1; got.Node == "" && got.Address == "" && receipt.Nodes != takers {
						t.Errorf("%s: %+v, want %d node", test.to, receipt, takers)
					}
				}
				for _, p := range g.packets { // the probe too, with which a message can share a packet
					if p.Nodes != sender.NodesUnknown {
						t.Errorf("a packet began with %d nodes: %q", p.Nodes, p.Payload)
					}
				}
			})
		})
	}
}

// Only what all nodes get has a number: the others would miss it.
func TestRoutedMessagesLeaveNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteAddresses, "")
		m, other := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
		third := join(t, b, "node3", sender.ClusterOptions{}, nil)
		for range 3 {
			m.say(1)
			m.sendTo(websocket.ToSession(sessionOn("node3")))
			m.sendTo(websocket.ToUser(websocket.Member, "1024"))
			m.sendTo(websocket.ToKey("room"))
		}
		pass(probeInterval)
		other.received(3)
		third.received(6)
		for _, n := range []*member{other, third} {
			if stats := n.Stats(); stats.Gaps != 0 || stats.Duplicates != 0 {
				t.Errorf("the counters are %+v", stats)
			}
		}
	})
}

func TestSendRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		g := &gated{}
		m := join(t, b, "node1", sender.ClusterOptions{}, func(b sender.Broker) sender.Broker { g.Broker = b; return g })
		other := join(t, b, "node2", sender.ClusterOptions{}, nil)
		hi := websocket.Message{Type: "text", Content: []byte(`"hi"`)}

		if _, err := m.Send(t.Context(), websocket.Target{}, hi); !errors.Is(err, websocket.ErrInvalidTarget) {
			t.Errorf("to nobody: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if receipt, err := m.Send(ended, websocket.ToAll(), hi); !errors.Is(err, context.Canceled) || receipt.Published {
			t.Errorf("with an ended context: %+v, %v", receipt, err)
		}
		large := hi
		large.Content = make([]byte, 1<<16)
		if receipt, err := m.Send(t.Context(), websocket.ToAll(), large); !errors.Is(err, sender.ErrTooLarge) || receipt.Published || receipt.Nodes != sender.NodesUnknown {
			t.Errorf("a message too large: %+v, %v", receipt, err)
		}
		large.Content = large.Content[:1<<16-200]
		if _, err := m.Send(t.Context(), websocket.ToAll(), large); err != nil {
			t.Errorf("a message that fits: %v", err)
		}
		synctest.Wait()
		other.received(1)

		g.failing(errBroken)
		receipt, err := m.Send(t.Context(), websocket.ToAll(), hi)
		if !errors.Is(err, sender.ErrNotPublished) || !errors.Is(err, errBroken) || receipt.Published || receipt.Nodes != sender.NodesUnknown {
			t.Errorf("with a broken broker: %+v, %v", receipt, err)
		}
		if stats := m.Stats(); stats.PublishErrors != 1 || stats.Published != 2 { // the probe and one message
			t.Errorf("the counters are %+v", stats)
		}
		g.failing(nil)
		// The failed message had a number. Who did not get it is told so.
		m.say(1)
		other.received(2)
		if gaps := other.reported(); len(gaps) != 1 || gaps[0].Missing != 1 {
			t.Errorf("gaps %v, want one message missing", gaps)
		}
	})
}

func TestSendIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gated{let: make(chan struct{})}
		m := join(t, bus(false, sender.RouteNothing, ""), "node1", sender.ClusterOptions{BatchMessages: 3, PublishTimeout: time.Hour},
			func(b sender.Broker) sender.Broker { g.Broker = b; return g })
		results := make(chan error, 10)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 10 {
			go func() {
				_, err := m.Send(ctx, websocket.ToAll(), websocket.Message{Type: "text"})
				results <- err
			}()
		}
		busy := 0
		for range 10 {
			if errors.Is(<-results, sender.ErrBusy) {
				busy++
			}
		}
		if busy != 7 { // the probe is being published, three wait behind it
			t.Errorf("%d of 10 sends found it busy, want 7", busy)
		}
		close(g.let)
		m.say(1)
	})
}

func TestNewClusterRefuses(t *testing.T) {
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx     context.Context
		manager *websocket.SessionManager
		node    string
		saying  string
	}{
		"an emitter without a name":    {t.Context(), nil, "", "name"},
		"an emitter with a long name":  {t.Context(), nil, strings.Repeat("n", 65), "name"},
		"a node with a second name":    {t.Context(), manager, "node2", "node2"},
		"a broker that does not begin": {ended, manager, "", "connect to the broker: context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			node := bus(false, sender.RouteNothing, "").Open("app", "node1")
			c, err := sender.NewCluster(test.ctx, node, test.manager, test.node, sender.ClusterOptions{})
			if c != nil || err == nil || !strings.Contains(err.Error(), test.saying) {
				t.Errorf("NewCluster returned %v", err)
			}
			if err := node.Publish(t.Context(), nil); !errors.Is(err, sender.ErrClosed) {
				t.Error("the broker, which it owns, is open still")
			}
		})
	}
}

func TestEmitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteAddresses, "")
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		node := b.Open("app", "job")
		e, err := sender.NewCluster(t.Context(), node, nil, "job", sender.ClusterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := e.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text"})
		if err != nil || receipt != (sender.Receipt{Published: true, Nodes: 1}) {
			t.Errorf("%+v, %v", receipt, err)
		}
		synctest.Wait()
		m.received(1)
		if got := m.peers(); !slices.Equal(got, []string{"job"}) {
			t.Errorf("the node sees %q", got)
		}
		pass(10 * silence)
		if node.Waiting() > 0 {
			t.Error("an emitter is sent what it does not read")
		}
		if err := e.Ready(); err != nil {
			t.Errorf("Ready returns %v", err)
		}
		b.Stop()
		pass(silence + probeInterval)
		if err := e.Ready(); err == nil {
			t.Error("Ready returns nil while nothing can be published")
		}
		b.Start()
		pass(probeInterval)
		if err := e.Ready(); err != nil {
			t.Errorf("Ready returns %v", err)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := m.peers(); len(got) != 0 {
			t.Errorf("the node sees %q", got)
		}
	})
}
