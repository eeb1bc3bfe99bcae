package rocketmq

import (
	"testing"
	"time"
)

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
