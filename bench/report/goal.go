package report

import (
	"fmt"
	"strings"

	"github.com/switchboard-go/switchboard/bench/stats"
)

// A Goal is what a ratio, or a figure, is to be at the most.
type Goal struct {
	Name string
	// Workload, Server and Metric are what is judged.
	Workload, Server, Metric string
	// ToWorkload and ToServer are what it is divided by; empty for the figure itself, in the unit of the metric divided by Divisor.
	ToWorkload, ToServer string
	Divisor              float64
	AtMost               float64
	Unit                 string
}

// goals returns the table of those goals that something was measured for.
func (r *Results) goals(goals []Goal) string {
	lines := []string{"| goal | at most | measured | in quiet rounds | |", "|---|---|---|---|---|"}
	for _, g := range goals {
		measured, quiet := r.judged(g, false), r.judged(g, true)
		if measured.N == 0 {
			continue
		}
		column := Column{Digits: 2, Divisor: g.Divisor}
		median := measured.Median
		if g.Divisor > 0 {
			median /= g.Divisor
		}
		verdict := "met"
		if median > g.AtMost {
			verdict = "**not met**"
		}
		told := "none"
		if quiet.N > 0 {
			told = fmt.Sprintf("%s, %d", column.spread(quiet), quiet.N)
		}
		lines = append(lines, row([]string{g.Name, fmt.Sprintf("%v%s", g.AtMost, g.Unit), column.spread(measured), told, verdict}))
	}
	if len(lines) == 2 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func (r *Results) judged(g Goal, quiet bool) stats.Sample {
	if g.ToServer != "" {
		return r.ratio(g.Metric, g.Workload, g.Server, g.ToWorkload, g.ToServer, quiet)
	}
	var list []float64
	for _, v := range r.values(g.Workload, g.Server, g.Metric, quiet) {
		list = append(list, v)
	}
	return stats.Of(list)
}
