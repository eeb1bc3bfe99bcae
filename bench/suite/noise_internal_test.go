package suite

import "testing"

func TestProcessTicks(t *testing.T) {
	for _, test := range []struct {
		stat string
		want int64
	}{
		{"12 (a) b) (c) S 1 12 12 0 -1 4194560 9 8 7 6 100 20 3 4 20 0 1 0 5 6 7", 127},
		{"12 (cut", 0},
		{"12 (short) S 1 2", 0},
	} {
		if got := processTicks([]byte(test.stat)); got != test.want {
			t.Errorf("%q: %d, want %d", test.stat, got, test.want)
		}
	}
}
