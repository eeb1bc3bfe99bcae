package rabbitmq

import (
	"fmt"
	"testing"
)

// What a stamp says of the packet before: one that is under way counts, and one
// that was given up counts no more, in whichever order that becomes known.
func TestRoutes(t *testing.T) {
	const (
		write = iota
		confirmed
		lost
	)
	type step struct {
		what     int
		number   uint64
		previous uint64 // of what is written
	}
	for name, steps := range map[string][]step{
		"one after the other": {{write, 1, 0}, {confirmed, 1, 0}, {write, 4, 1}, {confirmed, 4, 0}, {write, 5, 4}},
		"several under way":   {{write, 1, 0}, {write, 2, 1}, {write, 7, 2}, {confirmed, 1, 0}, {write, 8, 7}},
		"confirmed backwards": {{write, 1, 0}, {write, 2, 1}, {confirmed, 2, 0}, {confirmed, 1, 0}, {write, 3, 2}},
		"all lost":            {{write, 1, 0}, {confirmed, 1, 0}, {write, 2, 1}, {write, 3, 2}, {lost, 2, 0}, {lost, 3, 0}, {write, 4, 1}},
		"all lost, backwards": {{write, 1, 0}, {confirmed, 1, 0}, {write, 2, 1}, {write, 3, 2}, {lost, 3, 0}, {lost, 2, 0}, {write, 4, 1}},
		"the first lost":      {{write, 1, 0}, {write, 2, 1}, {lost, 1, 0}, {write, 3, 2}, {confirmed, 2, 0}, {lost, 3, 0}, {write, 4, 2}},
		"the last lost":       {{write, 1, 0}, {write, 2, 1}, {lost, 2, 0}, {confirmed, 1, 0}, {write, 3, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var r routes
			_, _ = r.add("another", 99)
			written := make(map[uint64]*route)
			for i, s := range steps {
				if s.what != write {
					r.settle(written[s.number], s.number, s.what == confirmed)
					continue
				}
				to, previous := r.add("n", s.number)
				written[s.number] = to
				if previous != s.previous {
					t.Errorf("step %d: before packet %d is %d, want %d", i, s.number, previous, s.previous)
				}
			}
		})
	}
}

func TestRoutesAreBounded(t *testing.T) {
	var r routes
	first, _ := r.add("first", 1)
	for i := range uint64(maxRoutes + 100) {
		r.add(fmt.Sprint("comes and goes ", i), i+2)
	}
	if len(r.of) > maxRoutes {
		t.Errorf("%d nodes are remembered", len(r.of))
	}
	r.settle(first, 1, true) // of a node that is forgotten
	r.settle(nil, 1, true)   // to all
	if _, previous := r.add("first", 9999); previous != 0 {
		t.Errorf("before the packet to a node that was forgotten is %d", previous)
	}
}
