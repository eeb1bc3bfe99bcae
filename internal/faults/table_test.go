package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/witness"
)

func TestTable(t *testing.T) {
	got := Table([]witness.Outcome{
		{
			Driver: "redis", Fault: "link cut", Sent: 9, Due: 12, Delivered: 6, Lost: 6, Told: 2, InGap: 3, Failed: 1, Fewer: 4,
			Whole: 1240 * time.Millisecond, Unready: map[string][]string{"B": {"link down", "gap"}, "A": {"gap"}},
		},
		{Driver: "kafka", Fault: "latency", Sent: 1, Due: 1, Delivered: 1},
	})
	for _, row := range []string{
		"\n| redis | link cut | 9 | 6 of 12 | 6: 2, 3, **1 unnoticed** | 0 | 1.2 s | 1 errors; 4 × fewer nodes; A: gap; B: link down, gap |\n",
		"\n| kafka | latency | 1 | 1 of 1 | 0: 0, 0 | 0 | at once | nothing |\n",
	} {
		if !strings.Contains(got, row) {
			t.Errorf("no row %s in:\n%s", row, got)
		}
	}
}

func TestInsert(t *testing.T) {
	got, err := Insert("before\n"+begin+"old\n"+end+"\nafter\n", "new\n")
	if want := "before\n" + begin + "new\n" + end + "\nafter\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, text := range []string{"", begin, end, end + begin} {
		if _, err := Insert(text, "new\n"); err == nil {
			t.Errorf("%q has both markers", text)
		}
	}
}
