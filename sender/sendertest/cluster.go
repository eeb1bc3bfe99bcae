package sendertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// town is three sites and the people on them.
type town struct {
	sites []*site
	all   []*person
	// ann is a member on two sites; bob and cid are administrators, cid of
	// another tenant; bob and dan are bound to the key room.
	ann1, ann2, bob, cid, dan *person
}

func (s *suite) town() *town {
	s.Helper()
	t := &town{}
	for i := range 3 {
		t.sites = append(t.sites, s.site(fmt.Sprintf("site%d", i+1), sender.ClusterOptions{}, nil))
	}
	member := func(id string) websocket.LoginUser {
		return websocket.LoginUser{ID: id, Type: websocket.Member, Tenant: "red"}
	}
	admin := func(id, tenant string) websocket.LoginUser {
		return websocket.LoginUser{ID: id, Type: websocket.Admin, Tenant: tenant}
	}
	t.ann1, t.ann2 = t.sites[0].join(member("ann")), t.sites[1].join(member("ann"))
	t.bob, t.cid = t.sites[0].join(admin("bob", "red")), t.sites[1].join(admin("cid", "blue"))
	t.dan = t.sites[2].join(member("dan"))
	t.all = []*person{t.ann1, t.ann2, t.bob, t.cid, t.dan}
	for _, p := range []*person{t.bob, t.dan} {
		if err := p.session.Bind("room"); err != nil {
			s.Fatal(err)
		}
	}
	for _, from := range t.sites {
		from.reach(websocket.ToUser(websocket.Member, "ann"), t.all, t.ann1, t.ann2)
		from.reach(websocket.ToUser(websocket.Admin, "bob"), t.all, t.bob)
		from.reach(websocket.ToKey("room"), t.all, t.bob, t.dan)
	}
	return t
}

// nobodyOn returns the id of a session that the site does not have.
func nobodyOn(site string) string { return site + "-" + strings.Repeat("n", 26) }

// testClusterTargets: it is what the whole is for: a message reaches exactly the
// sessions that it is for, on whichever nodes they are, once, and in order.
func testClusterTargets(s *suite) {
	t := s.town()
	sends := []struct {
		to websocket.Target
		is []*person
	}{
		{websocket.ToAll(), t.all},
		{websocket.ToUser(websocket.Member, "ann"), []*person{t.ann1, t.ann2}},
		{websocket.ToUser(websocket.Admin, "ann"), nil},
		{websocket.ToUserType(websocket.Admin), []*person{t.bob, t.cid}},
		{websocket.ToUserType(websocket.Admin).InTenant("blue"), []*person{t.cid}},
		{websocket.ToAll().InTenant("red"), []*person{t.ann1, t.ann2, t.bob, t.dan}},
		{websocket.ToUser(websocket.Member, "ann").InTenant("blue"), nil},
		{websocket.ToKey("room"), []*person{t.bob, t.dan}},
		{websocket.ToKey("room").Except(t.dan.session.ID()), []*person{t.bob}},
		{websocket.ToKey("rooms"), nil},
		{websocket.ToAll().Except(t.ann2.session.ID()), []*person{t.ann1, t.bob, t.cid, t.dan}},
		{websocket.ToUser(websocket.Member, "ann").Except(t.ann1.session.ID()), []*person{t.ann2}},
		{websocket.ToSession(t.ann1.session.ID()), []*person{t.ann1}},
		{websocket.ToSession(t.dan.session.ID()), []*person{t.dan}},
		{websocket.ToSession(nobodyOn("site2")), nil},
		{websocket.ToSession(nobodyOn("elsewhere")), nil},
		{websocket.ToUser(websocket.Member, "nobody"), nil},
	}
	for _, from := range t.sites {
		expected := make(map[*person][]string)
		for round := range 2 {
			for _, send := range sends {
				text := fmt.Sprintf("%s, round %d: for %s", from.name, round, send.to)
				from.send(send.to, text)
				for _, p := range send.is {
					expected[p] = append(expected[p], text)
				}
			}
		}
		last := "last of " + from.name
		from.send(websocket.ToAll(), last)
		for _, p := range t.all {
			if got := p.until(last); !slices.Equal(got, expected[p]) {
				s.Errorf("%s received %q, want %q", p.name, got, expected[p])
			}
		}
	}
}

// testClusterReceipt: an application decides by the Receipt whether to send a
// push notification, and must be able to trust each part of it.
func testClusterReceipt(s *suite) {
	t := s.town()
	first := t.sites[0]
	check := func(to websocket.Target, local int, published bool, nodes ...int) {
		s.Helper()
		got := first.send(to, "receipt")
		nodes = append(nodes, sender.NodesUnknown)
		if got.Local != local || got.Published != published || !slices.Contains(nodes, got.Nodes) {
			s.Errorf("sending to %s: %+v, want %d local, published %t, nodes one of %d", to, got, local, published, nodes)
		}
	}
	check(websocket.ToAll(), 2, true, 3)
	check(websocket.ToSession(t.bob.session.ID()), 1, false)
	check(websocket.ToSession(nobodyOn("site1")), 0, false)
	check(websocket.ToSession(t.dan.session.ID()), 0, true, 1, 3)
	check(websocket.ToSession(nobodyOn("elsewhere")), 0, true, 0, 3)
	check(websocket.ToUser(websocket.Member, "ann"), 1, true, 2, 3)
	check(websocket.ToUser(websocket.Member, "nobody"), 0, true, 0, 3)
}

// testClusterLocalFirst: a broker that hangs costs remote delivery only. The
// local sessions have the message while Send still waits; and what waits is
// bounded, so that a dead broker does not fill the memory.
func testClusterLocalFirst(s *suite) {
	stuck := &stuckBroker{release: make(chan struct{})}
	s.Cleanup(stuck.free)
	n := s.site("site1", sender.ClusterOptions{BatchMessages: 2, PublishTimeout: time.Hour}, func(b sender.Broker) sender.Broker {
		stuck.Broker = b
		return stuck
	})
	p := n.join(websocket.LoginUser{ID: "ann", Type: websocket.Member})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	results := make(chan error)
	texts := numbered("local", 5)
	for _, text := range texts {
		go func() {
			_, err := n.cluster.Send(ctx, websocket.ToAll(), websocket.Message{Type: "text", Content: []byte(text)})
			results <- err
		}()
		if got := p.next(); got != text {
			s.Fatalf("%s received %q, want %q", p.name, got, text)
		}
	}
	cancel()
	busy := 0
	for range texts {
		s.within("Send with an ended context", func() {
			err := <-results
			if !errors.Is(err, context.Canceled) || !errors.Is(err, sender.ErrBusy) && !errors.Is(err, sender.ErrNotPublished) {
				s.Errorf("Send returned %v", err)
			}
			if errors.Is(err, sender.ErrBusy) {
				busy++
			}
		})
	}
	if busy == 0 {
		s.Error("no Send returned ErrBusy, with a batch of two and five sends")
	}
	stuck.free()
	n.reach(websocket.ToAll(), []*person{p}, p) // the next send works
}

// largestMessage bounds the content that the suite sends to a session, in bytes.
const largestMessage = 8 << 20

// testClusterTooLarge: the sender of a message that no node can get must hear of
// it, and one that fits must arrive, envelope and all.
func testClusterTooLarge(s *suite) {
	from, to := s.site("site1", sender.ClusterOptions{}, nil), s.site("site2", sender.ClusterOptions{}, nil)
	p := to.join(websocket.LoginUser{ID: "ann", Type: websocket.Member})
	target := websocket.ToSession(p.session.ID())
	if s.can.MaxPayload <= largestTested {
		receipt, err := from.trySend(target, strings.Repeat("a", s.can.MaxPayload))
		if !errors.Is(err, sender.ErrTooLarge) || receipt.Published {
			s.Errorf("Send of a message over MaxPayload returned %+v, %v; want ErrTooLarge", receipt, err)
		}
	}
	const envelope = 1024 // more than it takes
	text := strings.Repeat("b", min(s.can.MaxPayload-envelope, largestMessage))
	from.send(target, text)
	if got := p.next(); got != text {
		s.Errorf("%s received %s, want %d bytes", p.name, short([]byte(got)), len(text))
	}
}

// testClusterGap: what is lost on the way is reported at the receiver, counted,
// and makes it unready until its link is proven again.
func testClusterGap(s *suite) {
	from := s.site("site1", sender.ClusterOptions{}, nil)
	lossy := &lossyBroker{}
	to := s.site("site2", sender.ClusterOptions{}, func(b sender.Broker) sender.Broker {
		lossy.Broker = b
		return lossy
	})
	p := to.join(websocket.LoginUser{ID: "ann", Type: websocket.Member})
	from.reach(websocket.ToAll(), []*person{p}, p)
	lossy.lose.Store("lost")
	for _, text := range []string{"lost 1", "lost 2", "not this"} {
		from.send(websocket.ToAll(), text)
	}
	if got := p.next(); got != "not this" {
		s.Errorf("%s received %q", p.name, got)
	}
	if g := to.gap(); g.Origin != from.name || g.Missing != 2 || g.Since.IsZero() {
		s.Errorf("the gap is %+v, want 2 missing from %s", g, from.name)
	}
	from.send(websocket.ToAll(), "lost 3") // the last one: only a probe shows it
	if g := to.gap(); g.Origin != from.name || g.Missing != 1 {
		s.Errorf("the gap is %+v, want 1 missing from %s", g, from.name)
	}
	to.ready()
	if stats := to.cluster.Stats(); stats.Missing != 3 || stats.Gaps != 2 {
		s.Errorf("the counters are %+v, want 3 missing in 2 gaps", stats)
	}
}

// testClusterEmitter: a job sends without sessions of its own.
func testClusterEmitter(s *suite) {
	n := s.site("site1", sender.ClusterOptions{}, nil)
	p := n.join(websocket.LoginUser{ID: "ann", Type: websocket.Member})
	ctx, cancel := s.context()
	defer cancel()
	emitter, err := sender.NewCluster(ctx, s.h.Open(s.TB, s.app, "emitter"), nil, "emitter", sender.ClusterOptions{})
	if err != nil {
		s.Fatal(err)
	}
	outside := &site{s: s, name: "emitter", cluster: emitter}
	s.Cleanup(outside.shutdown)
	outside.reach(websocket.ToUser(websocket.Member, "ann"), []*person{p}, p)
	outside.send(websocket.ToSession(p.session.ID()), "from outside")
	if got := p.next(); got != "from outside" {
		s.Errorf("%s received %q", p.name, got)
	}
}

// testClusterMembers: who is there is shown by the same probes that prove the
// link; a node that leaves says so.
func testClusterMembers(s *suite) {
	sites := []*site{}
	for i := range 3 {
		sites = append(sites, s.site(fmt.Sprintf("site%d", i+1), sender.ClusterOptions{}, nil))
	}
	await := func(n *site, want ...string) {
		s.Helper()
		deadline := time.Now().Add(s.h.Patience)
		for {
			var got []string
			for _, peer := range n.cluster.Peers() {
				got = append(got, peer.Node)
			}
			slices.Sort(got)
			if slices.Equal(got, want) {
				return
			}
			if time.Now().After(deadline) {
				s.Fatalf("%s sees %q, want %q", n.name, got, want)
			}
			pause(10 * time.Millisecond)
		}
	}
	await(sites[0], "site2", "site3")
	await(sites[1], "site1", "site3")
	await(sites[2], "site1", "site2")
	sites[1].shutdown()
	await(sites[0], "site3")
	await(sites[2], "site1")
	if silent := sites[0].cluster.Stats().Silent; silent != 0 {
		s.Errorf("%d nodes have gone silent, and none has", silent)
	}
}

// testClusterRestart: sessions stay connected while the broker starts again, and
// hear all afterwards. What can be missing is reported, and each node says by
// Ready when it is whole.
func testClusterRestart(s *suite) {
	t := s.town()
	s.h.Restart(s.TB)
	if !s.can.Durable || s.can.Routing != sender.RouteNothing {
		for _, n := range t.sites {
			if g := n.gap(); g.Since.IsZero() {
				s.Errorf("the gap is %+v", g)
			}
		}
	}
	for _, from := range t.sites {
		from.ready()
		deadline := time.Now().Add(s.h.Patience)
		for {
			_, err := from.trySend(websocket.ToAll(), "is it back")
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				s.Fatalf("%s cannot send after the restart: %v", from.name, err)
			}
			pause(20 * time.Millisecond)
		}
	}
	for _, from := range t.sites {
		from.reach(websocket.ToUser(websocket.Member, "ann"), t.all, t.ann1, t.ann2)
		from.reach(websocket.ToKey("room"), t.all, t.bob, t.dan)
		from.reach(websocket.ToSession(t.dan.session.ID()), t.all, t.dan)
		from.ready()
	}
}
