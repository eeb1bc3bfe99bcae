package redis

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/internal/drivertest"
)

func newEvents() *events {
	e := new(events)
	e.init()
	return e
}

// popAll returns what waits, news of the link as "down" and "up".
func popAll(e *events) (all []string) {
	for {
		event, ok := e.pop()
		if !ok {
			return all
		}
		all = append(all, drivertest.Text(event))
	}
}

func TestEventsOverflowIsAGap(t *testing.T) {
	e := newEvents()
	for i := range maxEvents + 10 {
		e.push([]byte(strconv.Itoa(i)))
	}
	got := popAll(e)
	if len(got) != maxEvents+2 || got[0] != "0" || got[maxEvents-1] != strconv.Itoa(maxEvents-1) || !slices.Equal(got[maxEvents:], []string{"down", "up"}) {
		t.Fatalf("got %d events, the last %q", len(got), got[max(0, len(got)-3):])
	}
	e.push([]byte("after"))
	if got := popAll(e); !slices.Equal(got, []string{"after"}) {
		t.Fatalf("got %q, want after", got)
	}
}

// Once something is lost, what comes is lost until the receiver has been told:
// otherwise the gap would be reported behind what came after it.
func TestEventsLoseNoneAfterTheReport(t *testing.T) {
	e := newEvents()
	large := []byte(strings.Repeat("x", maxEventBytes/2))
	for range 2 {
		e.push(large)
	}
	e.push([]byte("lost"))
	e.pop()
	e.push([]byte("lost too"))
	if got := popAll(e); !slices.Equal(got, []string{string(large), "down", "up"}) {
		t.Fatalf("got %d events, want the second payload, down and up", len(got))
	}
	if e.bytes != 0 {
		t.Errorf("%d bytes are counted in an empty queue", e.bytes)
	}
}

func TestEventsOverflowWhileTheLinkBreaks(t *testing.T) {
	broken := errors.New("broken")
	fill := func(e *events) {
		for range maxEvents + 1 {
			e.push([]byte("x"))
		}
	}
	t.Run("down before it is read", func(t *testing.T) {
		e := newEvents()
		fill(e)
		e.linkDown(broken)
		if got := popAll(e); !slices.Equal(got[maxEvents:], []string{"down"}) {
			t.Fatalf("got %q, want down", got[maxEvents:])
		}
		e.linkUp()
		e.push([]byte("after"))
		if got := popAll(e); !slices.Equal(got, []string{"up", "after"}) {
			t.Fatalf("got %q, want up and after", got)
		}
	})
	t.Run("down and up before it is read", func(t *testing.T) {
		e := newEvents()
		fill(e)
		e.linkDown(broken)
		e.linkUp()
		if got := popAll(e); !slices.Equal(got[maxEvents:], []string{"down", "up"}) {
			t.Fatalf("got %q, want down and up", got[maxEvents:])
		}
	})
	t.Run("down before it overflows", func(t *testing.T) {
		e := newEvents()
		e.linkDown(broken)
		fill(e)
		e.linkUp()
		if got := popAll(e); got[0] != "down" || !slices.Equal(got[1+maxEvents-1:], []string{"down", "up"}) {
			t.Fatalf("got %q first and %q last", got[0], got[maxEvents:])
		}
	})
}

func TestEventsOfAFlappingLinkAreBounded(t *testing.T) {
	e := newEvents()
	e.push([]byte("a"))
	for range 1000 {
		e.linkDown(errors.New("broken"))
		e.linkDown(errors.New("still broken"))
		e.linkUp()
		e.linkUp()
	}
	e.push([]byte("b"))
	if got := popAll(e); !slices.Equal(got, []string{"a", "down", "up", "b"}) {
		t.Fatalf("got %q", got)
	}
}
