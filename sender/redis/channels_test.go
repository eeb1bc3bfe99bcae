package redis

import (
	"fmt"
	"slices"
	"testing"
)

// told is what a server knows that has been told all of next.
func told(c *channels, limit int) (on, off []string) {
	for {
		moreOn, moreOff := c.next(limit)
		if len(moreOn)+len(moreOff) == 0 {
			return on, off
		}
		on, off = append(on, moreOn...), append(off, moreOff...)
	}
}

func TestChannelsTellTheLastWish(t *testing.T) {
	var c channels
	c.init("all", "node")
	c.take("before", true)
	c.take("given up before", true)
	c.take("given up before", false)
	if got, want := c.link(), []string{"all", "node", "before"}; !slices.Equal(got, want) {
		t.Fatalf("a new connection is told %q, want %q", got, want)
	}
	c.take("before", true) // again
	c.take("a", true)
	c.take("b", true)
	c.take("b", false)
	c.take("c", true)
	c.take("c", false)
	c.take("c", true)
	if on, off := told(&c, 1); !slices.Equal(on, []string{"a", "c"}) || off != nil {
		t.Fatalf("told %q and %q, want a and c, and nothing given up", on, off)
	}
	c.take("a", false)
	c.take("a", true)
	c.take("c", false)
	if on, off := told(&c, 500); on != nil || !slices.Equal(off, []string{"c"}) {
		t.Fatalf("told %q and %q, want nothing, and c given up", on, off)
	}
	c.take("d", true)
	c.take("a", false)
	c.unlink()
	c.take("e", true)
	got := c.link()
	slices.Sort(got)
	if want := []string{"all", "before", "d", "e", "node"}; !slices.Equal(got, want) {
		t.Fatalf("the next connection is told %q, want %q", got, want)
	}
	if on, off := told(&c, 500); on != nil || off != nil {
		t.Fatalf("and then %q and %q", on, off)
	}
}

// Users come and go all the time, also while nobody can be told of it.
func TestChannelsHoldOnlyWhatIsWanted(t *testing.T) {
	var c channels
	c.init("all")
	churn := func() {
		for i := range 10_000 {
			name := fmt.Sprint(i)
			c.take(name, true)
			c.take(name, false)
			c.take(name, true)
			c.take(name, false)
		}
	}
	churn()
	if len(c.taken)+len(c.queue) != 0 {
		t.Errorf("%d channels and a queue of %d are left without a connection", len(c.taken), len(c.queue))
	}
	c.link()
	churn()
	churn()
	if len(c.queue) > 10_000 {
		t.Errorf("the queue has grown to %d", len(c.queue))
	}
	if on, off := told(&c, 500); on != nil || off != nil {
		t.Errorf("told %d and %d channels, all of them given up already", len(on), len(off))
	}
	if len(c.taken)+len(c.queue) != 0 {
		t.Errorf("%d channels and a queue of %d are left", len(c.taken), len(c.queue))
	}
}
