package report

import (
	"fmt"
	"strings"

	"github.com/switchboard-go/switchboard/bench/stats"
)

// A Section is a table of one workload.
type Section struct {
	Workload, Title string
	// Main are the columns with spread and ratio; Others have their median alone.
	Main, Others []Column
	// Base is the server that the ratios are to.
	Base string
	// Plotted says that the first column of Main is in the plot.
	Plotted bool
}

// A Column is a metric as it is shown.
type Column struct {
	Metric, Title string
	Divisor       float64 // from the metric's unit to that of the title; 0 for 1
	Digits        int
}

func (c Column) text(v float64) string {
	if c.Divisor > 0 {
		v /= c.Divisor
	}
	return fmt.Sprintf("%.*f", c.Digits, v)
}

func (c Column) spread(s stats.Sample) string {
	if s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%s to %s)", c.text(s.Median), c.text(s.Min), c.text(s.Max))
}

// Markdown returns all tables.
func (r *Results) Markdown(sections []Section, goals []Goal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured on %s\n\n%s\n%d rounds in %s. Ratios are medians of the rounds' own ratios, with their least and greatest. A round is quiet "+
		"where others used less than %.0f %% of the machine, in both measurements of a ratio.\n", r.Started.Format("2006-01-02 at 15:04 MST"), r.Machine.markdown(), r.Rounds, r.Took, quietBelow*100)
	for _, failure := range r.Failures {
		fmt.Fprintf(&b, "\n**Failed**: %s\n", failure)
	}
	if goals := r.goals(goals); goals != "" {
		b.WriteString("\n## Goals\n\n" + goals)
	}
	for _, section := range sections {
		if servers := r.servers(section.Workload); len(servers) > 0 {
			fmt.Fprintf(&b, "\n## %s\n\n%s", section.Title, r.table(section, servers))
		}
	}
	return b.String()
}

func (r *Results) table(section Section, servers []string) string {
	header := []string{"server"}
	for _, column := range section.Main {
		header = append(header, column.Title, "of "+section.Base, "in quiet rounds")
	}
	for _, column := range section.Others {
		header = append(header, column.Title)
	}
	lines := []string{row(header), strings.Repeat("|---", len(header)) + "|"}
	ratio := Column{Digits: 2}
	for _, server := range servers {
		cells := []string{server}
		for _, column := range section.Main {
			quiet := r.ratio(column.Metric, section.Workload, server, section.Workload, section.Base, true)
			told := "none"
			if quiet.N > 0 {
				told = fmt.Sprintf("%s, %d", ratio.spread(quiet), quiet.N)
			}
			cells = append(cells,
				column.spread(r.sample(section.Workload, server, column.Metric)),
				ratio.spread(r.ratio(column.Metric, section.Workload, server, section.Workload, section.Base, false)),
				told)
		}
		for _, column := range section.Others {
			text := ""
			if s := r.sample(section.Workload, server, column.Metric); s.N > 0 {
				text = column.text(s.Median)
			}
			cells = append(cells, text)
		}
		lines = append(lines, row(cells))
	}
	return strings.Join(lines, "\n") + "\n"
}

func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }
