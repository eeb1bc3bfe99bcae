package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The plot's measures in pixels.
const (
	plotLabels = 130
	plotBars   = 520
	plotWidth  = plotLabels + plotBars + 70
	barHeight  = 18
	titleSpace = 34
	plotMost   = 2.0 // where bars are cut, times the base
)

// Plot returns an SVG with a bar for each server of each plotted section: its ratio to the base, with its spread.
func (r *Results) Plot(sections []Section) string {
	var b strings.Builder
	y := 24
	for _, section := range sections {
		servers := r.servers(section.Workload)
		if !section.Plotted || len(servers) == 0 {
			continue
		}
		y += titleSpace
		fmt.Fprintf(&b, `<text x="8" y="%d" class="t">%s</text>`+"\n", y-8, html.EscapeString(section.Title))
		top := y
		for _, server := range servers {
			s := r.ratio(section.Main[0].Metric, section.Workload, server, section.Workload, section.Base, false)
			if s.N == 0 {
				continue
			}
			class := "peer"
			if server == "switchboard" {
				class = "own"
			}
			middle := y + barHeight/2
			fmt.Fprintf(&b, `<text x="%d" y="%d" class="r">%s</text>`, plotLabels-8, middle+4, html.EscapeString(server))
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" class="%s"/>`, plotLabels, y+2, across(s.Median), barHeight-4, class)
			fmt.Fprintf(&b, `<path d="M%.1f %dH%.1f" class="s"/>`, plotLabels+across(s.Min), middle, plotLabels+across(s.Max))
			fmt.Fprintf(&b, `<text x="%.1f" y="%d">%.2f</text>`+"\n", plotLabels+6+across(math.Max(s.Median, s.Max)), middle+4, s.Median)
			y += barHeight
		}
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" class="b"/>`+"\n", plotLabels+across(1), top, y)
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<style>text{fill:#333}.t{font-weight:bold}.r{text-anchor:end}.own{fill:#2b7a4b}.peer{fill:#9db4c8}.s{stroke:#333;stroke-width:1.5}.b{stroke:#b33;stroke-dasharray:3 3;fill:none}</style>
<rect width="100%%" height="100%%" fill="#fff"/>
<text x="8" y="20" font-size="14">CPU time of the server for a message, raw gws = 1 (less is better; line: least to greatest round)</text>
%s</svg>
`, plotWidth, y+16, b.String())
}

func across(ratio float64) float64 { return math.Min(ratio, plotMost) / plotMost * plotBars }
