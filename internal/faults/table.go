package faults

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Table returns a Markdown table of outcomes.
func Table(outcomes []Outcome) string {
	var b strings.Builder
	b.WriteString("| driver | fault | sent | delivered | lost: sender told, in a reported gap | twice | whole again after | `Send` and `Ready` said |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, o := range outcomes {
		b.WriteString(o.row() + "\n")
	}
	return b.String()
}

func (o Outcome) row() string {
	lost := fmt.Sprintf("%d: %d, %d", o.Lost, o.Told, o.InGap)
	if n := o.Lost - o.Told - o.InGap; n > 0 {
		lost += fmt.Sprintf(", **%d unnoticed**", n)
	}
	var said []string
	if o.Failed > 0 {
		said = append(said, fmt.Sprintf("%d errors", o.Failed))
	}
	if o.Fewer > 0 {
		said = append(said, fmt.Sprintf("%d × fewer nodes", o.Fewer))
	}
	for _, node := range slices.Sorted(maps.Keys(o.Unready)) {
		said = append(said, node+": "+strings.Join(o.Unready[node], ", "))
	}
	return fmt.Sprintf("| %s | %s | %d | %d of %d | %s | %d | %s | %s |", o.Driver, o.Fault, o.Sent, o.Delivered, o.Due, lost, o.Twice,
		seconds(o.Whole), cmp.Or(strings.Join(said, "; "), "nothing"))
}

func seconds(d time.Duration) string {
	if d == 0 {
		return "at once"
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

const (
	begin = "<!-- faults:begin -->\n"
	end   = "<!-- faults:end -->"
)

// Insert returns a text with a table in the place of what is between its markers.
func Insert(text, table string) (string, error) {
	before, rest, hasBegin := strings.Cut(text, begin)
	_, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		return "", errors.New("needs the lines " + strings.TrimSpace(begin) + " and " + end)
	}
	return before + begin + table + end + after, nil
}
