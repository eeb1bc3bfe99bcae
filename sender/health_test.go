package sender_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
)

func TestGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, memory.HidesBreaks)
		listener := spy(t, b)
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		own := heard(t, listener)[0]
		from := join(t, b, "node2", sender.ClusterOptions{}, nil)
		from.say(3)
		m.received(3)
		m.ready()
		seen := time.Now()
		pass(100 * time.Millisecond)
		m.node.Cut(errBroken)
		from.say(2)
		m.node.Mend()
		m.ready() // nothing shows it yet
		from.say(1)
		m.received(4)
		gaps := m.reported()
		if len(gaps) != 1 || gaps[0].Origin != "node2" || gaps[0].Missing != 2 || !gaps[0].Since.Equal(seen) || gaps[0].Reason == "" {
			t.Fatalf("gaps %v, want 2 missing from node2 since %s", gaps, seen)
		}
		m.unready("not proven again")
		pass(time.Millisecond)
		m.node.Inject(sender.Event{Payload: own}) // sent before the gap, it proves nothing
		synctest.Wait()
		m.unready("not proven again")
		pass(probeInterval)
		m.ready()
		if stats := m.Stats(); stats.Gaps != 1 || stats.Missing != 2 || stats.Received != 4 || stats.Duplicates != 0 || stats.Silent != 0 {
			t.Errorf("the counters are %+v", stats)
		}
		if m.log.count("messages of other nodes may be missing") != 1 {
			t.Error("the log does not tell of the gap, or more than once")
		}
	})
}

// Nobody sends after what was lost: only the probe knows of it.
func TestGapAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, memory.HidesBreaks)
		m, from := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
		from.say(1)
		m.node.Cut(errBroken)
		from.say(5)
		m.node.Mend()
		if gaps := m.reported(); len(gaps) != 0 {
			t.Errorf("gaps %v, before a probe", gaps)
		}
		pass(probeInterval)
		if gaps := m.reported(); len(gaps) != 1 || gaps[0].Missing != 5 {
			t.Errorf("gaps %v, want 5 missing", gaps)
		}
		pass(10 * silence)
		if gaps := m.reported(); len(gaps) != 0 {
			t.Errorf("gaps %v, again", gaps)
		}
		m.ready()
	})
}

func TestGapsAreLoggedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, memory.HidesBreaks)
		m, from := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
		from.say(1)
		lose := func() {
			m.node.Cut(errBroken)
			from.say(1)
			m.node.Mend()
			from.say(1)
		}
		for range 10 {
			lose()
		}
		if gaps, lines := len(m.reported()), m.log.count("may be missing"); gaps != 10 || lines != 1 {
			t.Errorf("10 gaps at once: %d reports, %d lines", gaps, lines)
		}
		pass(1100 * time.Millisecond)
		lose()
		if lines := m.log.count("may be missing"); lines != 2 {
			t.Errorf("%d lines after a second", lines)
		}
	})
}

func TestDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		listener := spy(t, b)
		m, from := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
		from.say(3)
		again := heard(t, listener)
		for _, payload := range again {
			m.node.Inject(sender.Event{Payload: payload})
		}
		synctest.Wait()
		m.received(3)
		if stats := m.Stats(); stats.Duplicates != 3 || stats.Gaps != 0 {
			t.Errorf("the counters are %+v, want 3 duplicates", stats)
		}
		if err := from.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, payload := range again {
			m.node.Inject(sender.Event{Payload: payload}) // read on from too early a position
		}
		synctest.Wait()
		m.received(3)
		m.ready()
	})
}

func TestNodeStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		for range 3 {
			from := join(t, b, "node2", sender.ClusterOptions{}, nil)
			from.say(5)
			if got := m.peers(); !slices.Equal(got, []string{"node2"}) {
				t.Errorf("it sees %q", got)
			}
			if err := from.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		m.received(15)
		if stats := m.Stats(); stats.Gaps != 0 || stats.Duplicates != 0 || stats.Silent != 0 {
			t.Errorf("the counters are %+v", stats)
		}
	})
}

// A node that is killed says no goodbye.
func TestSilentNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		m, killed := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
		stays := join(t, b, "node3", sender.ClusterOptions{}, nil)
		if got := m.peers(); !slices.Equal(got, []string{"node2", "node3"}) {
			t.Errorf("it sees %q", got)
		}
		pass(time.Second)
		killed.say(1)
		seen := time.Now()
		if err := killed.node.Close(); err != nil {
			t.Fatal(err)
		}
		pass(silence - time.Second)
		if got := m.peers(); len(got) != 2 {
			t.Errorf("it sees %q before the silence is long enough", got)
		}
		pass(probeInterval + time.Second)
		for _, n := range []*member{m, stays} {
			if got := n.peers(); len(got) != 1 || n.Stats().Silent != 1 || n.log.count("gone silent") != 1 {
				t.Errorf("it sees %q, %+v", got, n.Stats())
			}
			gaps := n.reported()
			if len(gaps) != 1 || gaps[0].Origin != "node2" || !gaps[0].Since.Equal(seen) {
				t.Errorf("reported %v, want that node2 is silent since %s", gaps, seen)
			}
			if n.Stats().Gaps != 0 {
				t.Error("silence was counted as a gap")
			}
			n.ready() // it is not this node's link that has ended
		}
		pass(10 * silence)
		if n := m.Stats().Silent; n != 1 {
			t.Errorf("%d silent nodes were counted, there was one", n)
		}
	})
}

func TestLinkDown(t *testing.T) {
	tests := map[string]struct {
		durable  bool
		routing  sender.Routing
		gap      bool
		received uint64
	}{
		"neither":            {false, sender.RouteNothing, true, 2},
		"routed":             {false, sender.RouteAddresses, true, 2},
		"durable":            {true, sender.RouteNothing, false, 5},
		"durable and routed": {true, sender.RouteNodes, true, 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus(test.durable, test.routing, "")
				m, from := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
				from.say(1)
				proven := time.Now() // the link is down for the driver later than it broke
				pass(500 * time.Millisecond)
				m.node.Cut(errBroken)
				synctest.Wait()
				m.unready("down since")
				m.unready(errBroken.Error())
				from.say(3)
				pass(time.Second)
				m.node.Inject(sender.Event{Link: sender.LinkDown}) // again, of another connection, and without a reason
				synctest.Wait()
				m.unready("no reason")
				m.node.Mend()
				synctest.Wait()
				gaps := m.reported()
				if !test.gap && len(gaps) > 0 || test.gap && (len(gaps) != 1 || gaps[0].Origin != "" || gaps[0].Missing != 0 || !gaps[0].Since.Equal(proven)) {
					t.Errorf("gaps %v, want one from any node since %s: %t", gaps, proven, test.gap)
				}
				if test.gap {
					m.unready("not proven again")
				}
				from.say(1)
				m.received(test.received)
				pass(probeInterval)
				m.ready()
				if stats := m.Stats(); stats.Reconnects != 1 {
					t.Errorf("%d reconnects, want 1", stats.Reconnects)
				}
				pass(probeInterval) // the log looks with each probe
				if m.log.count(`msg="link to the broker is not proven"`) != 1 || m.log.count(`msg="link to the broker is proven again"`) != 1 {
					t.Error("the log does not tell of the link, or more than once")
				}
				// A break that is longer than any patience is one gap, too.
				m.reported()
				m.node.Cut(errBroken)
				pass(3*silence + time.Second)
				m.node.Mend()
				pass(3 * probeInterval)
				if gaps := m.reported(); test.gap != (len(gaps) == 1) || len(gaps) > 1 {
					t.Errorf("gaps %v after a long break, want one: %t", gaps, test.gap)
				}
				m.ready()
			})
		})
	}
}

// After a break that is longer than any silence, what is missing and what comes
// twice is known still.
func TestLongBreak(t *testing.T) {
	for _, fault := range []memory.Fault{"", memory.LosesDurable} {
		t.Run(string(fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus(true, sender.RouteNothing, fault)
				listener := spy(t, b)
				m, from := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
				from.say(2)
				before := heard(t, listener)
				m.node.Cut(errBroken)
				from.say(3)
				pass(10 * silence)
				if m.Stats().Silent != 0 || m.log.count("gone silent") != 0 {
					t.Error("a node is said to be silent by one that hears nothing")
				}
				m.node.Mend()
				for _, payload := range before {
					m.node.Inject(sender.Event{Payload: payload})
				}
				from.say(1)
				gaps := m.reported()
				if fault == "" {
					m.received(6)
					if len(gaps) != 0 {
						t.Errorf("gaps %v, and nothing is missing", gaps)
					}
				} else {
					m.received(3)
					if len(gaps) != 1 || gaps[0].Missing != 3 {
						t.Errorf("gaps %v, want 3 missing", gaps)
					}
				}
				pass(probeInterval)
				m.ready()
				if stats := m.Stats(); stats.Duplicates != 2 || stats.Silent != 0 {
					t.Errorf("the counters are %+v, want 2 duplicates", stats)
				}
			})
		})
	}
}

// The link is half open, and the driver notices late: what it reports then
// covers the time before that too.
func TestLinkDownIsNoticedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNodes, memory.HidesBreaks)
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		pass(probeInterval)
		proven := time.Now()
		m.node.Cut(errBroken)
		pass(silence + 2*probeInterval)
		if gaps := m.reported(); len(gaps) != 1 || !gaps[0].Since.Equal(proven) {
			t.Errorf("gaps %v, want one since %s", gaps, proven)
		}
		m.node.Inject(sender.Event{Link: sender.LinkDown, Err: errBroken})
		pass(time.Second)
		m.node.Inject(sender.Event{Link: sender.LinkUp})
		m.node.Mend()
		pass(3 * probeInterval)
		if gaps := m.reported(); len(gaps) != 1 || gaps[0].Origin != "" || !gaps[0].Since.Equal(proven) {
			t.Errorf("gaps %v when the link is up, want one since %s", gaps, proven)
		}
		m.ready()
	})
}

// A driver that has subscribed again can hand on what comes before it says that
// the link is up: an own envelope proves nothing of the break before.
func TestOwnEnvelopeComesBeforeLinkUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNodes, "")
		listener := spy(t, b)
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		heard(t, listener)
		pass(probeInterval)
		own := heard(t, listener)
		proven := time.Now()
		pass(100 * time.Millisecond)
		m.node.Inject(sender.Event{Link: sender.LinkDown, Err: errBroken})
		pass(time.Second)
		m.node.Inject(sender.Event{Payload: own[len(own)-1]})
		pass(10 * time.Millisecond)
		m.node.Inject(sender.Event{Link: sender.LinkUp})
		synctest.Wait()
		if gaps := m.reported(); len(gaps) != 1 || !gaps[0].Since.Equal(proven) {
			t.Errorf("gaps %v, want one since %s", gaps, proven)
		}
	})
}

// The link is half open: the driver notices nothing.
func TestOwnProbesMissing(t *testing.T) {
	for name, durable := range map[string]bool{"durable": true, "not durable": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus(durable, sender.RouteNothing, memory.HidesBreaks)
				m, other := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
				pass(time.Second)
				proven := time.Now().Add(-time.Second)
				m.node.Cut(errBroken)
				pass(silence - 2*time.Second)
				m.ready()
				pass(probeInterval + 2*time.Second)
				m.unready("nothing has come back through the broker")
				if m.log.count(`msg="link to the broker is not proven"`) != 1 {
					t.Error("the log does not say it")
				}
				gaps := m.reported()
				if durable && len(gaps) > 0 || !durable && (len(gaps) != 1 || gaps[0].Origin != "" || !gaps[0].Since.Equal(proven)) {
					t.Errorf("gaps %v, want one since %s where messages are lost", gaps, proven)
				}
				pass(10 * silence)
				if gaps := m.reported(); len(gaps) != 0 {
					t.Errorf("gaps %v, again", gaps)
				}
				if m.Stats().Silent != 0 {
					t.Error("the other node is said to be silent")
				}
				m.node.Mend()
				pass(probeInterval)
				// Until now what is not numbered can have been lost, since then.
				gaps = m.reported()
				if durable && len(gaps) > 0 || !durable && (len(gaps) != 1 || gaps[0].Origin != "" || !gaps[0].Since.Equal(proven)) {
					t.Errorf("gaps %v when it is over, want one since %s where messages are lost", gaps, proven)
				}
				if !durable {
					m.unready("not proven again")
				}
				pass(probeInterval)
				m.ready()
				other.ready()
				if got := m.peers(); !slices.Equal(got, []string{"node2"}) {
					t.Errorf("it sees %q", got)
				}
				m.node.Cut(errBroken)
				pass(silence + 2*probeInterval)
				if gaps := m.reported(); durable != (len(gaps) == 0) {
					t.Errorf("gaps %v, the second time", gaps)
				}
			})
		})
	}
}
