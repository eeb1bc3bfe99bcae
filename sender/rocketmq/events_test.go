package rocketmq

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
)

func newEvents() *events { return &events{ready: make(chan struct{}, 1)} }

func popAll(e *events) (all []string) {
	for {
		event, ok := e.pop()
		if !ok {
			return all
		}
		all = append(all, drivertest.Text(event))
	}
}

func TestEventsAreFull(t *testing.T) {
	e := newEvents()
	for range maxEvents {
		if e.full() != nil {
			t.Fatal("it is full early")
		}
		e.push([][]byte{[]byte("x")})
	}
	full := e.full()
	if full == nil || e.full() != full {
		t.Fatal("it is not full")
	}
	e.pop()
	select {
	case <-full:
	default:
		t.Error("nobody is told that there is room again")
	}
	if e.full() != nil {
		t.Error("it is full still")
	}
	e = newEvents()
	e.push([][]byte{make([]byte, maxEventBytes)})
	if e.full() == nil {
		t.Error("it is not full of bytes")
	}
	popAll(e)
	if e.full() != nil || e.bytes != 0 {
		t.Errorf("%d bytes are counted in an empty queue", e.bytes)
	}
}

// The link is up when the links to all brokers are.
func TestEventsOfSeveralLinks(t *testing.T) {
	e := newEvents()
	broken := errors.New("broken")
	e.linkDown(broken)
	e.linkDown(broken)
	e.linkUp()
	if got := popAll(e); !slices.Equal(got, []string{"down"}) {
		t.Errorf("with one of two back: %q", got)
	}
	e.linkUp()
	if got := popAll(e); !slices.Equal(got, []string{"up"}) {
		t.Errorf("with both back: %q", got)
	}
}

func TestEventsOfAFlappingLinkAreBounded(t *testing.T) {
	e := newEvents()
	e.push([][]byte{[]byte("a")})
	for range 1000 {
		e.linkDown(errors.New("broken"))
		e.linkUp()
	}
	e.push([][]byte{[]byte("b")})
	if got := popAll(e); !slices.Equal(got, []string{"a", "down", "up", "b"}) {
		t.Errorf("got %q", got)
	}
}

func TestPublishersAreBounded(t *testing.T) {
	p := publishers{heard: make(map[uint64]heard)}
	start := time.Now()
	for i := range uint64(maxPublishers + 100) {
		if !p.isNew(stamp{i, 1}, start.Add(time.Duration(i)*time.Second)) {
			t.Fatalf("publisher %d is not new", i)
		}
	}
	if len(p.heard) != maxPublishers {
		t.Errorf("%d are remembered", len(p.heard))
	}
	if last := uint64(maxPublishers + 99); p.isNew(stamp{last, 1}, start) || !p.isNew(stamp{last, 2}, start) {
		t.Error("the latest is forgotten")
	}
}

func TestBody(t *testing.T) {
	for _, payload := range []string{"", "x", string(rune(kindMark))} {
		s, got, ok := parseBody(stamp{3, 4}.body([]byte(payload)))
		if !ok || s != (stamp{3, 4}) || string(got) != payload {
			t.Errorf("%q became %q of %v", payload, got, s)
		}
	}
	for _, body := range [][]byte{nil, {}, {kindMark}, {kindPacket}, []byte("something of others"), make([]byte, stampSize)} {
		if _, _, ok := parseBody(body); ok {
			t.Errorf("%q is taken for a packet", body)
		}
	}
}
