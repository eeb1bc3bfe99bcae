package stamp_test

import (
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/bench/stamp"
)

func TestStampsAreReadBack(t *testing.T) {
	if len(stamp.Blank) != stamp.Size {
		t.Fatalf("Blank has %d bytes, a stamp has %d", len(stamp.Blank), stamp.Size)
	}
	first, second := []byte(`{"a":"`+stamp.Blank+`"}`), []byte(stamp.Blank)
	stamp.Put(first, 1, time.Unix(0, 1700000000123456789))
	stamp.Put(second, 0xFFFFFFFF, time.Unix(0, 5))
	b := append(append(first, '\n'), second...)

	seq, sent, rest, ok := stamp.Next(b)
	if !ok || seq != 1 || sent != 1700000000123456789 {
		t.Fatalf("first stamp: %d %d %v", seq, sent, ok)
	}
	seq, sent, rest, ok = stamp.Next(rest)
	if !ok || seq != 0xFFFFFFFF || sent != 5 || len(rest) != 0 {
		t.Fatalf("second stamp: %d %d %q %v", seq, sent, rest, ok)
	}
	for _, none := range []string{"", "abc", stamp.Blank[:stamp.Size-1]} {
		if _, _, _, ok := stamp.Next([]byte(none)); ok {
			t.Errorf("%q has a stamp", none)
		}
	}
}
