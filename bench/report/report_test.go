package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/bench/report"
	"github.com/switchboard-go/switchboard/bench/suite"
)

func cell(server string, round int, cpu, noise float64) suite.Cell {
	return suite.Cell{Workload: "send", Server: server, Round: round, Values: map[string]float64{suite.CPU: cpu, suite.Noise: noise}}
}

var (
	column   = report.Column{Metric: suite.CPU, Title: "µs", Digits: 1}
	sections = []report.Section{
		{Workload: "send", Title: "sends <1>", Main: []report.Column{column}, Others: []report.Column{{Metric: suite.Noise, Title: "noise", Digits: 2}}, Base: "gws", Plotted: true},
		{Workload: "unmeasured", Title: "none", Main: []report.Column{column}, Base: "gws", Plotted: true},
	}
	results = report.Results{
		Failures: []string{"round 3: broken"},
		Started:  time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC), Rounds: 3,
		Cells: []suite.Cell{
			cell("gws", 0, 4, 0), cell("switchboard", 0, 2, 0),
			cell("gws", 1, 8, 0), cell("switchboard", 1, 2, 0.5), // disturbed
			cell("gws", 2, 1, 0), cell("switchboard", 2, 3, 0),
		},
	}
)

func goal(atMost float64, to string) report.Goal {
	return report.Goal{Name: "goal", Workload: "send", Server: "switchboard", Metric: suite.CPU, ToWorkload: "send", ToServer: to, AtMost: atMost}
}

func TestMarkdown(t *testing.T) {
	text := results.Markdown(sections, []report.Goal{goal(0.5, "gws"), goal(0.4, "gws"), goal(2, ""), goal(1, "melody")})
	for _, line := range []string{
		"**Failed**: round 3: broken",
		"| switchboard | 2.0 (2.0 to 3.0) | 0.50 (0.25 to 3.00) | 1.75 (0.50 to 3.00), 2 | 0.00 |",
		"| gws | 4.0 (1.0 to 8.0) | 1.00 (1.00 to 1.00) | 1.00 (1.00 to 1.00), 3 | 0.00 |",
		"| goal | 0.5 | 0.50 (0.25 to 3.00) | 1.75 (0.50 to 3.00), 2 | met |",
		"| goal | 0.4 | 0.50 (0.25 to 3.00) | 1.75 (0.50 to 3.00), 2 | **not met** |",
		"| goal | 2 | 2.00 (2.00 to 3.00) | 2.50 (2.00 to 3.00), 2 | met |",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if n := strings.Count(text, "| goal |"); n != 4 { // the header, and not the one against melody
		t.Errorf("%d lines of goals", n)
	}
	if strings.Contains(text, "## none") {
		t.Error("a section without figures")
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestPlotIsXML(t *testing.T) {
	plot := results.Plot(sections)
	decoder := xml.NewDecoder(strings.NewReader(plot))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(plot, "<rect"); n != 3 { // the background and two bars
		t.Errorf("%d rectangles:\n%s", n, plot)
	}
}

func TestWrittenResultsAreJoined(t *testing.T) {
	folder := t.TempDir()
	markdown, err := results.Write(folder, sections, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(folder, "2026-01-02-0304.md"); markdown != want {
		t.Errorf("written to %s, want %s", markdown, want)
	}
	if _, err := os.Stat(filepath.Join(folder, "2026-01-02-0304.svg")); err != nil {
		t.Error(err)
	}
	file := filepath.Join(folder, "2026-01-02-0304.json")
	joined, err := report.Read([]string{file, file})
	if err != nil {
		t.Fatal(err)
	}
	if len(joined.Failures) != 2 || joined.Rounds != 6 || len(joined.Cells) != 12 || joined.Cells[6].Round != 3 {
		t.Errorf("%d rounds, %d cells, the seventh of round %d", joined.Rounds, len(joined.Cells), joined.Cells[6].Round)
	}
}
