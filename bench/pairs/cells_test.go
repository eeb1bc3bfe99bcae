package pairs

import (
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/bench/report"
	"github.com/switchboard-go/switchboard/bench/suite"
)

// Each goal is of pairs that there are, and is judged once they are measured.
func TestGoalsAreMeasured(t *testing.T) {
	var rounds []Round
	for name := range pairs {
		rounds = append(rounds, Round{Pair: name, Round: 1, Rate: 1000, A: 1000, B: 2000, P50: 1000})
	}
	results := &report.Results{Rounds: 1, Cells: Cells(rounds)}
	markdown := results.Markdown(Sections(), Goals())
	for _, goal := range Goals() {
		if !strings.Contains(markdown, "| "+goal.Name+" | ") {
			t.Errorf("nothing is measured for %q", goal.Name)
		}
	}
	for _, cell := range results.Cells {
		if cell.Server == clientAndLocal && cell.Values[suite.P50] != 2 {
			t.Errorf("the client and a local delivery take %v µs, want 2", cell.Values[suite.P50])
		}
	}
}
