package rabbitmq

import (
	"fmt"
	"math"
	"testing"
)

func TestStampText(t *testing.T) {
	for _, s := range []stamp{
		{origin: "a", number: 1},
		{origin: "abc", number: math.MaxUint64},
		{origin: "abc", number: 36, routed: true},
		{origin: "abc", number: 36, previous: 35, routed: true},
	} {
		if got, ok := parseStamp(s.String()); !ok || got != s {
			t.Errorf("%s was read as %+v, %t; want %+v", s, got, ok, s)
		}
	}
	for _, text := range []string{"", ".", "a", "a.", ".1", "a.0", "a.-1", "a.1.", "a.1.2.3", "a.1.-", "ID:broker-1", "550e8400-e29b-41d4-a716-446655440000", "a.zzzzzzzzzzzzzzzz"} {
		if s, ok := parseStamp(text); ok {
			t.Errorf("%q was read as %+v", text, s)
		}
	}
}

func FuzzParseStamp(f *testing.F) {
	f.Add("abc.12.7")
	f.Add("abc.zz")
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := parseStamp(text)
		if !ok {
			return
		}
		if again, ok := parseStamp(s.String()); !ok || again != s {
			t.Errorf("%q was read as %+v, whose text was read as %+v, %t", text, s, again, ok)
		}
	})
}

func TestMarks(t *testing.T) {
	var m marks
	for i, test := range []struct {
		s             stamp
		fresh, missed bool
	}{
		{stamp{"a", 5, 3, true}, true, false}, // whatever came before this node
		{stamp{"a", 5, 3, true}, false, false},
		{stamp{"a", 4, 0, false}, false, false},
		{stamp{"a", 6, 0, false}, true, false},
		{stamp{"a", 7, 5, true}, true, false},
		{stamp{"b", 1, 0, false}, true, false},
		{stamp{"a", 9, 8, true}, true, true}, // 8 was lost
		{stamp{"a", 10, 9, true}, true, false},
		{stamp{"b", 2, 0, true}, true, false},
		{stamp{"b", 4, 3, true}, true, true},
		{stamp{"c", 20, 0, false}, true, false},
		{stamp{"c", 21, 12, true}, true, false}, // 12 was before this node
		{stamp{"d", 20, 0, false}, true, false},
		{stamp{"d", 25, 22, true}, true, true},
	} {
		if fresh, missed := m.note(test.s); fresh != test.fresh || missed != test.missed {
			t.Errorf("%d, %s: got fresh %t, missed %t", i, test.s, fresh, missed)
		}
	}
}

func TestMarksAreBounded(t *testing.T) {
	var m marks
	for i := range uint64(maxMarks + 100) {
		m.note(stamp{origin: "stays", number: i + 1})
		m.note(stamp{origin: fmt.Sprint("comes and goes ", i), number: 1})
	}
	if len(m.of) > maxMarks {
		t.Errorf("%d origins are remembered", len(m.of))
	}
	if fresh, _ := m.note(stamp{origin: "stays", number: 1}); fresh {
		t.Error("an origin that is always there was forgotten")
	}
}
