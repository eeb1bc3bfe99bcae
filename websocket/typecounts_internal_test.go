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

func TestTypeCountsLoseNothing(t *testing.T) {
	const each = 1000
	c := newTypeCounts()
	var counting sync.WaitGroup
	for range 4 {
		counting.Go(func() {
			for i := range each * 10 {
				c.count(fmt.Sprint(i%10), true)
			}
		})
	}
	counting.Wait()
	for name, n := range c.stats() {
		if n != 4*each {
			t.Errorf("type %s was counted %d times, want %d", name, n, 4*each)
		}
	}
}
