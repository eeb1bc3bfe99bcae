package websocket

import "testing"

// Every step says whether it was the first or the last of its set, also where
// the session was in it already or never.
func TestSet(t *testing.T) {
	sets := make(map[string]set)
	a, b, c := &Session{id: "a"}, &Session{id: "b"}, &Session{id: "c"}
	for i, step := range []struct {
		change func(map[string]set, string, *Session) bool
		s      *Session
		edge   bool // the first or the last
		left   int
	}{
		{erase[string], a, false, 0},
		{insert[string], a, true, 1},
		{insert[string], a, false, 1},
		{erase[string], b, false, 1},
		{insert[string], b, false, 2},
		{insert[string], b, false, 2},
		{erase[string], c, false, 2},
		{insert[string], c, false, 3},
		{erase[string], a, false, 2},
		{erase[string], a, false, 2},
		{erase[string], b, false, 1},
		{erase[string], a, false, 1},
		{insert[string], c, false, 1},
		{insert[string], a, false, 2},
		{erase[string], c, false, 1},
		{erase[string], a, true, 0},
		{erase[string], a, false, 0},
	} {
		if edge := step.change(sets, "key", step.s); edge != step.edge || sets["key"].len() != step.left {
			t.Fatalf("step %d, with %s: the first or last is %t and %d are left, want %t and %d", i, step.s.id, edge, sets["key"].len(), step.edge, step.left)
		}
	}
	if len(sets) != 0 {
		t.Error("an empty set is kept")
	}
}
