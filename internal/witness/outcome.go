package witness

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Outcome is what came of a run.
type Outcome struct {
	// Driver and Fault are the names.
	Driver, Fault string
	// Sent counts the messages that Send was called with, Failed those for which it returned an error, and Fewer those
	// that fewer nodes took than there were, as their Receipt says.
	Sent, Failed, Fewer int
	// Due counts the copies of messages that sessions on other nodes should have got; the sessions of a node that was
	// killed do not count. Delivered are those that came, Lost those that did not.
	Due, Delivered, Lost int
	// Told counts the lost ones that the sender knows of, InGap those that the receiver knows of.
	Told, InGap int
	// Twice counts what came again, and Disordered what came after something that was sent later.
	Twice, Disordered int
	// Unready says for each node that was not ready for a while how it put that, in few words.
	Unready map[string][]string
	// Whole is how long after the fault's end all nodes were ready, for good.
	Whole time.Duration
	// Violations are the promises that were not kept, each with its evidence.
	Violations []string
}

// Header is the head of a Markdown table of outcomes.
const Header = "| driver | fault | sent | delivered | lost: sender told, in a reported gap | twice | whole again after | `Send` and `Ready` said |\n" +
	"|---|---|---|---|---|---|---|---|\n"

// Row is a row of a Markdown table.
func (o Outcome) Row() string {
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
