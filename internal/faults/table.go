package faults

import (
	"errors"
	"strings"

	"github.com/switchboard-go/switchboard/internal/witness"
)

// Table returns a Markdown table of outcomes.
func Table(outcomes []witness.Outcome) string {
	var b strings.Builder
	b.WriteString(witness.Header)
	for _, o := range outcomes {
		b.WriteString(o.Row() + "\n")
	}
	return b.String()
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
