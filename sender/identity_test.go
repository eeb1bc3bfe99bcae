package sender_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
	"github.com/switchboard-go/switchboard/websocket"
)

// Two processes that are configured with one node name get each other's routed
// messages, which nobody notices otherwise.
func TestNamesakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		join(t, b, "node2", sender.ClusterOptions{}, nil)
		pass(time.Second)
		if got := m.Stats().Namesakes; got != 0 {
			t.Errorf("%d envelopes of a namesake, and there is none", got)
		}
		twin := join(t, b, "node1", sender.ClusterOptions{}, nil)
		pass(10 * probeInterval)
		for _, n := range []*member{m, twin} {
			if got := n.Stats().Namesakes; got < 10 || n.log.count("another process has this node's name") != 1 {
				t.Errorf("%d envelopes of a namesake were counted, and %d lines logged, want one", got, n.log.count("another process"))
			}
			n.ready()
		}
	})
}

// What the life before has left on the broker, or says while it ends, is no namesake.
func TestNewLifeIsNoNamesake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(true, sender.RouteNothing, "")
		listener := spy(t, b)
		before := join(t, b, "node1", sender.ClusterOptions{}, nil)
		before.say(2)
		left := heard(t, listener)
		pass(time.Second)
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		for _, payload := range left {
			m.node.Inject(sender.Event{Payload: payload})
		}
		pass(500 * time.Millisecond)
		if err := before.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		pass(probeInterval)
		if got := m.Stats().Namesakes; got != 0 || m.log.count("another process") != 0 {
			t.Errorf("%d envelopes of the life before were taken for another process's", got)
		}
	})
}

// A routed message, which has no number, can be the first that a node hears of another.
func TestRoutedMessageComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNodes, "")
		from := join(t, b, "node1", sender.ClusterOptions{}, nil)
		from.say(40)
		m := join(t, b, "node2", sender.ClusterOptions{}, nil)
		from.sendTo(websocket.ToSession(sessionOn("node2")))
		from.say(1)
		m.received(2)
		if gaps := m.reported(); len(gaps) > 0 {
			t.Errorf("gaps %v, and nothing is missing since it came", gaps)
		}
		m.node.Cut(errBroken)
		from.say(1)
		m.node.Mend()
		pass(probeInterval)
		if got := m.Stats().Missing; got != 1 {
			t.Errorf("%d are missing, want 1", got)
		}
	})
}

// What a durable broker hands over again does not bring a node back.
func TestOldEnvelopesBringNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(true, sender.RouteNothing, "")
		listener := spy(t, b)
		m, from := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
		from.say(1)
		pass(10 * time.Millisecond)
		if err := from.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, payload := range heard(t, listener) {
			m.node.Inject(sender.Event{Payload: payload}) // the goodbye is among them, as the last
			synctest.Wait()
			if got := m.peers(); len(got) != 0 {
				t.Errorf("an old envelope of kind %d brings back %q", kind(payload), got)
			}
		}
		pass(10 * silence)
		if stats := m.Stats(); stats.Silent != 0 || stats.Gaps != 0 {
			t.Errorf("the counters are %+v", stats)
		}
	})
}

// Gaps of one node must not hide that another has gone silent.
func TestSilenceAmongGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, memory.HidesBreaks)
		m, lossy := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
		killed := join(t, b, "node3", sender.ClusterOptions{}, nil)
		if err := killed.node.Close(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			m.node.Cut(errBroken)
			lossy.say(1)
			m.node.Mend()
			lossy.say(1)
			pass(time.Second)
		}
		if got := m.peers(); !slices.Equal(got, []string{"node2"}) || m.Stats().Silent != 1 || m.Stats().Gaps != 20 {
			t.Errorf("it sees %q, %+v", got, m.Stats())
		}
	})
}

// A LinkUp tells of no break that was not there.
func TestLinkUpWithoutABreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := join(t, bus(false, sender.RouteAddresses, ""), "node1", sender.ClusterOptions{}, nil)
		m.node.Inject(sender.Event{Link: sender.LinkUp})
		synctest.Wait()
		if stats := m.Stats(); stats.Reconnects != 0 || stats.Gaps != 0 {
			t.Errorf("the counters are %+v", stats)
		}
		m.ready()
	})
}
