package sender

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

var (
	epoch = time.Unix(1_700_000_000, 0)
	node1 = origin{"node1", 1}
)

func after(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func newPeers() *peers { return &peers{silence: 6 * time.Second, last: make(map[origin]*peer)} }

func TestPeersNote(t *testing.T) {
	type step struct {
		kind    envelopeKind
		number  uint64
		missing uint64
		dup     bool
	}
	const m, p, l = kindMessage, kindProbe, kindLeave
	tests := map[string][]step{
		"in order":               {{p, 0, 0, false}, {m, 1, 0, false}, {m, 2, 0, false}, {p, 2, 0, false}},
		"joined in the middle":   {{m, 41, 0, false}, {m, 42, 0, false}},
		"one missing":            {{m, 1, 0, false}, {m, 3, 1, false}, {m, 4, 0, false}},
		"many missing":           {{m, 1, 0, false}, {m, 1000, 998, false}},
		"the end is missing":     {{m, 1, 0, false}, {p, 4, 3, false}, {p, 4, 0, false}, {m, 5, 0, false}},
		"missing at the goodbye": {{m, 1, 0, false}, {l, 3, 2, false}},
		"again":                  {{m, 5, 0, false}, {m, 5, 0, true}, {m, 4, 0, true}, {m, 6, 0, false}},
		"probe late":             {{m, 5, 0, false}, {p, 4, 0, false}, {m, 6, 0, false}},
		"again after a probe":    {{p, 5, 0, false}, {m, 5, 0, true}},
		"again after a gap":      {{m, 1, 0, false}, {m, 3, 1, false}, {m, 2, 0, true}},
		"again after a goodbye":  {{m, 5, 0, false}, {l, 5, 0, false}, {m, 4, 0, true}, {m, 5, 0, true}},
		"routed":                 {{m, 5, 0, false}, {m, 0, 0, false}, {m, 0, 0, false}, {m, 6, 0, false}},
		"routed first":           {{m, 0, 0, false}, {p, 0, 0, false}, {m, 1, 0, false}},
		"all numbers":            {{p, 0, 0, false}, {m, 1<<64 - 1, 1<<64 - 2, false}, {m, 0, 0, false}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			peers := newPeers()
			for i, step := range steps {
				v := peers.note(&envelope{kind: step.kind, origin: node1, number: step.number}, after(i))
				if v.missing != step.missing || v.duplicate != step.dup || v.overflow {
					t.Errorf("step %d: %+v, want %d missing, duplicate %t", i, v, step.missing, step.dup)
				}
				if v.missing > 0 && !v.since.Equal(after(i-1)) {
					t.Errorf("step %d: missing since %s, want %s", i, v.since, after(i-1))
				}
			}
		})
	}
}

func names(peers []Peer) (list []string) {
	for _, peer := range peers {
		list = append(list, fmt.Sprintf("%s/%d", peer.Node, peer.Started.UnixNano()))
	}
	slices.Sort(list)
	return list
}

func TestPeersComeAndGo(t *testing.T) {
	peers := newPeers()
	hear := func(seconds int, kind envelopeKind, o origin, number uint64) verdict {
		return peers.note(&envelope{kind: kind, origin: o, number: number}, after(seconds))
	}
	listed := func(want ...string) {
		t.Helper()
		if got := names(peers.list()); !slices.Equal(got, want) {
			t.Errorf("members are %q, want %q", got, want)
		}
	}
	node2, node1Again := origin{"node2", 1}, origin{"node1", 2}
	hear(0, kindMessage, node1, 7)
	hear(0, kindProbe, node2, 0)
	listed("node1/1", "node2/1")

	// A node that starts again counts from one, and is another.
	if v := hear(1, kindMessage, node1Again, 1); v.duplicate || v.missing > 0 {
		t.Errorf("the first message after a new start: %+v", v)
	}
	listed("node1/1", "node1/2", "node2/1")

	hear(2, kindLeave, node2, 5)
	listed("node1/1", "node1/2")
	if v := hear(3, kindLeave, origin{"node3", 1}, 4); v.missing > 0 {
		t.Errorf("the goodbye of one that was never heard of: %+v", v)
	}
	if v := hear(3, kindMessage, node2, 4); !v.duplicate {
		t.Errorf("an old message of one that has left, with room for all: %+v", v)
	}
	listed("node1/1", "node1/2")
	if v := hear(3, kindMessage, origin{"node3", 1}, 4); !v.duplicate {
		t.Errorf("what one that has left had sent before, after another has come: %+v", v)
	}
	listed("node1/1", "node1/2")

	if silent := peers.expire(after(6), after(0)); len(silent) != 0 {
		t.Errorf("%q are silent after exactly as long as is allowed", names(silent))
	}
	// This node was cut off until second 4 and has heard nobody.
	if silent := peers.expire(after(9), after(4)); len(silent) != 0 {
		t.Errorf("%q are silent, but this node was cut off", names(silent))
	}
	silent := peers.expire(after(8), after(0))
	slices.SortFunc(silent, func(a, b Peer) int { return a.Seen.Compare(b.Seen) })
	if got := names(silent); !slices.Equal(got, []string{"node1/1", "node1/2"}) || !silent[0].Seen.Equal(after(0)) || !silent[1].Seen.Equal(after(1)) {
		t.Errorf("silent are %q %v", got, silent)
	}
	if again := peers.expire(after(100), after(0)); len(again) != 0 {
		t.Errorf("%q are reported as silent again", names(again))
	}
	listed()

	// One that was only cut off for long goes on where it was: what it has sent
	// meanwhile is missing, and what comes twice is known.
	if v := hear(101, kindMessage, node1, 7); !v.duplicate {
		t.Errorf("an old message of a silent node: %+v", v)
	}
	listed()
	if v := hear(102, kindMessage, node1, 9); v.missing != 1 || !v.since.Equal(after(0)) {
		t.Errorf("a new message of a silent node: %+v", v)
	}
	listed("node1/1")
}

// Whoever can write to the topic can invent nodes.
func TestPeersBound(t *testing.T) {
	peers := newPeers()
	for i := range maxPeers {
		if v := peers.note(&envelope{kind: kindMessage, origin: origin{"n", int64(i)}, number: 5}, after(i)); v.overflow {
			t.Fatalf("origin %d of %d is one too many", i+1, maxPeers)
		}
	}
	stranger := envelope{kind: kindMessage, origin: origin{"stranger", 1}, number: 1}
	if v := peers.note(&stranger, after(maxPeers)); !v.overflow || len(peers.last) != maxPeers {
		t.Errorf("past the bound: %+v with %d origins", v, len(peers.last))
	}
	// Those that have gone make room, the longest gone first.
	for _, start := range []int64{70, 30, 50} {
		peers.note(&envelope{kind: kindLeave, origin: origin{"n", start}, number: 5}, after(int(10_000+start)))
	}
	if v := peers.note(&stranger, after(20_000)); v.overflow || len(peers.last) != maxPeers {
		t.Errorf("with three gone: %+v with %d origins", v, len(peers.last))
	}
	for start, want := range map[int64]bool{30: false, 50: true, 70: true} {
		if _, ok := peers.last[origin{"n", start}]; ok != want {
			t.Errorf("origin %d is remembered: %t, want %t", start, ok, want)
		}
	}
	// And those who are there are heard as before.
	if v := peers.note(&envelope{kind: kindMessage, origin: origin{"n", 1}, number: 7}, after(20_001)); v.missing != 1 {
		t.Errorf("a known origin among too many: %+v", v)
	}
}

func TestGapString(t *testing.T) {
	g := Gap{Origin: "node1", Missing: 3, Since: epoch.UTC(), Reason: "messages are missing"}
	if got, want := g.String(), "messages are missing: from node1, 3 known to be missing, since 2023-11-14T22:13:20Z"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	g.Origin = ""
	if got, want := g.String(), "messages are missing: from any node, 3 known to be missing, since 2023-11-14T22:13:20Z"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The hook is told by two goroutines and need not be made for that.
func TestTellsOneAtATime(t *testing.T) {
	var inside, overlaps, calls int // the race detector watches them
	c := &Cluster{log: slog.New(slog.DiscardHandler), options: ClusterOptions{OnGap: func(Gap) {
		calls++
		if inside++; inside > 1 {
			overlaps++
		}
		runtime.Gosched()
		inside--
	}}}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range 1000 {
				c.tell(Gap{})
			}
		})
	}
	running.Wait()
	if overlaps > 0 || calls != 4000 {
		t.Errorf("%d of %d calls overlapped another", overlaps, calls)
	}
}
