package websocket

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestTypeCountsAreBounded(t *testing.T) {
	c := newTypeCounts()
	for i := range 1000 {
		c.count(fmt.Sprint("made up ", i), false)
	}
	if got := c.stats(); len(got) != 1 || got[OtherTypes] != 1000 {
		t.Errorf("what clients made up is counted as %v", got)
	}
	for range 2 {
		for i := range MaxCountedTypes + 10 {
			c.count(fmt.Sprint("real ", i), true)
		}
	}
	c.count("real 0", false) // is known by now
	got := c.stats()
	if len(got) != MaxCountedTypes+1 || got["real 0"] != 3 || got[fmt.Sprint("real ", MaxCountedTypes-1)] != 2 || got[OtherTypes] != 1020 {
		t.Errorf("%d types, of them: %v", len(got), got)
	}
}

func TestTypeCountsHoldOnlyWhatCanBeALabel(t *testing.T) {
	c := newTypeCounts()
	for _, name := range []string{"", "\xff", strings.Repeat("t", MaxNameLength+1), OtherTypes} {
		c.count(name, true)
	}
	c.count(strings.Repeat("t", MaxNameLength), true)
	if got := c.stats(); len(got) != 2 || got[OtherTypes] != 4 {
		t.Errorf("the counts are %v", got)
	}
}

// Several sessions may be the first to use a type, and the last room for one is
// there once.
func TestTypeCountsLoseNothing(t *testing.T) {
	const goroutines, rounds = 4, 500
	for range rounds {
		c := newTypeCounts()
		for i := range MaxCountedTypes - 2 {
			c.count(fmt.Sprint("early ", i), true)
		}
		var counting sync.WaitGroup
		start := make(chan struct{})
		for i := range goroutines {
			counting.Go(func() {
				<-start
				c.count("shared", true)
				c.count(fmt.Sprint("own ", i), true)
			})
		}
		close(start)
		counting.Wait()
		got, sum := c.stats(), uint64(0)
		for _, n := range got {
			sum += n
		}
		if len(got) != MaxCountedTypes+1 || got["shared"] != goroutines || sum != MaxCountedTypes-2+2*goroutines {
			t.Fatalf("%d types and %d messages, %d of them shared: %v", len(got), sum, got["shared"], got)
		}
	}
}
