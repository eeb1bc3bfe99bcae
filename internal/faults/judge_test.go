package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

var (
	a1, b1, b2, c1 = place{"A", 1}, place{"B", 1}, place{"B", 2}, place{"C", 1}
	epoch          = time.Unix(1_700_000_000, 0)
	// everybody is what Receipt says when all three took it, and unknown when the broker does not tell.
	everybody = sender.Receipt{Local: 1, Published: true, Nodes: 3}
	unknown   = sender.Receipt{Local: 1, Published: true, Nodes: sender.NodesUnknown}
)

// at is a moment, in seconds.
func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

// script is a journal that is written by hand. A, B and C are there from 0 on.
type script struct{ all []entry }

func (s *script) note(e entry, when float64) {
	e.At = at(when)
	s.all = append(s.all, e)
}

func (s *script) open(p place, when float64) {
	s.note(entry{Kind: opened, Place: p, Text: "session-" + p.String()}, when)
}

// send is one message of A's first voice, for a tenth of a second.
func (s *script) send(number int, to string, when float64, receipt sender.Receipt, failed string) {
	m := message{a1, 0, number}
	s.note(entry{Kind: sending, Place: a1, Message: m, To: to}, when)
	s.note(entry{Kind: sent, Place: a1, Message: m, Receipt: receipt, Text: failed}, when+.1)
}

func (s *script) come(number int, when float64, to ...place) {
	for _, p := range to {
		s.note(entry{Kind: arrived, Place: p, Message: message{a1, 0, number}}, when)
	}
}

func (s *script) gap(p place, g sender.Gap, when float64) {
	s.note(entry{Kind: gapped, Place: p, Gap: g}, when)
}

func TestJudge(t *testing.T) {
	toB := sender.Receipt{Published: true, Nodes: 1}
	tests := []struct {
		name    string
		durable bool
		write   func(s *script)
		want    Outcome
		because string // in the only violation; empty where there is none
	}{
		{"all comes", true, func(s *script) {
			s.send(1, "all", 1, everybody, "")
			s.come(1, 1.2, a1, b1, c1)
		}, Outcome{Sent: 1, Due: 2, Delivered: 2}, ""},
		{"to a user and a session", true, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.send(2, "session/session-B1", 2, toB, "")
			s.come(1, 3, b1)
			s.come(2, 3, b1)
		}, Outcome{Sent: 2, Due: 2, Delivered: 2}, ""},
		{"lost though durable", true, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.gap(b1, sender.Gap{Since: at(.5)}, 2)
		}, Outcome{Sent: 1, Due: 1, Lost: 1}, "never came to B1, where these gaps"},
		{"an error", true, func(s *script) {
			s.send(1, "user/2/B", 1, sender.Receipt{Nodes: sender.NodesUnknown}, "broken")
		}, Outcome{Sent: 1, Failed: 1, Due: 1, Lost: 1, Told: 1}, ""},
		{"neither published nor an error", false, func(s *script) {
			s.send(1, "user/2/B", 1, sender.Receipt{Nodes: 0}, "")
		}, Outcome{Sent: 1, Fewer: 1, Due: 1, Lost: 1}, "never came to B1"},
		{"in a gap of the link", false, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.gap(b1, sender.Gap{Since: at(.5)}, 2)
		}, Outcome{Sent: 1, Due: 1, Lost: 1, InGap: 1}, ""},
		{"before the gap", false, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.gap(b1, sender.Gap{Since: at(2.2)}, 3)
		}, Outcome{Sent: 1, Due: 1, Lost: 1}, "nobody was told"},
		{"after the report", false, func(s *script) {
			s.gap(b1, sender.Gap{Since: at(.2)}, .9)
			s.send(1, "user/2/B", 1, toB, "")
		}, Outcome{Sent: 1, Due: 1, Lost: 1}, "nobody was told"},
		{"in a gap that was found by counting others", false, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.send(2, "all", 1, everybody, "")
			s.come(2, 1.2, a1, c1)
			s.gap(b1, sender.Gap{Origin: "A", Missing: 1, Since: at(.5)}, 2)
		}, Outcome{Sent: 2, Due: 3, Delivered: 1, Lost: 2, InGap: 1}, "user/2/B, sent"},
		{"in another node's gap", false, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.gap(c1, sender.Gap{Since: at(.5)}, 2)
		}, Outcome{Sent: 1, Due: 1, Lost: 1}, "no gap was reported"},
		{"in a gap of another origin", false, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.gap(b1, sender.Gap{Origin: "C", Since: at(.5)}, 2)
		}, Outcome{Sent: 1, Due: 1, Lost: 1}, "nobody was told"},
		{"one node less", false, func(s *script) {
			s.send(1, "all", 1, sender.Receipt{Local: 1, Published: true, Nodes: 2}, "")
			s.come(1, 1.2, a1, c1)
			s.gap(b1, sender.Gap{Origin: "A", Missing: 1, Since: at(3)}, 3)
		}, Outcome{Sent: 1, Fewer: 1, Due: 2, Delivered: 1, Lost: 1, Told: 1}, ""},
		{"one node less, and two did not get it", false, func(s *script) {
			s.send(1, "all", 1, sender.Receipt{Local: 1, Published: true, Nodes: 2}, "")
			s.come(1, 1.2, a1)
			s.gap(b1, sender.Gap{Origin: "A", Missing: 1, Since: at(3)}, 3)
			s.gap(c1, sender.Gap{Origin: "A", Missing: 1, Since: at(3)}, 3)
		}, Outcome{Sent: 1, Fewer: 1, Due: 2, Lost: 2, Told: 1}, "never came to C1 and nobody was told"},
		{"how many nodes is unknown", false, func(s *script) {
			s.send(1, "all", 1, unknown, "")
			s.come(1, 1.2, a1, b1)
			s.gap(c1, sender.Gap{Origin: "A", Missing: 1, Since: at(3)}, 3)
		}, Outcome{Sent: 1, Due: 2, Delivered: 1, Lost: 1}, "never came to C1 and nobody was told"},
		{"fewer counted than are missing", false, func(s *script) {
			s.send(1, "all", 1, unknown, "")
			s.come(1, 1.2, a1, b1)
			s.gap(c1, sender.Gap{Since: at(.5)}, 3)
		}, Outcome{Sent: 1, Due: 2, Delivered: 1, Lost: 1, InGap: 1}, "C1 counts 0 messages from A as missing, where from 1 to 1 are"},
		{"more counted than are missing", false, func(s *script) {
			s.send(1, "all", 1, unknown, "")
			s.come(1, 1.2, a1, b1, c1)
			s.gap(c1, sender.Gap{Origin: "A", Missing: 1, Since: at(.5)}, 3)
		}, Outcome{Sent: 1, Due: 2, Delivered: 2}, "C1 counts 1 messages from A as missing, where from 0 to 0 are"},
		{"a failed one is counted", false, func(s *script) {
			s.send(1, "all", 1, sender.Receipt{Local: 1, Nodes: sender.NodesUnknown}, "broken")
			s.come(1, 1.2, a1, b1)
			s.gap(c1, sender.Gap{Origin: "A", Missing: 1, Since: at(.5)}, 3)
		}, Outcome{Sent: 1, Failed: 1, Due: 2, Delivered: 1, Lost: 1, Told: 1}, ""},
		{"not to the own session", false, func(s *script) {
			s.send(1, "all", 1, everybody, "")
			s.come(1, 1.2, b1, c1)
		}, Outcome{Sent: 1, Due: 2, Delivered: 2}, "never came to A1, its own node"},
		{"twice", true, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.come(1, 1.2, b1)
			s.come(1, 5, b1)
		}, Outcome{Sent: 1, Due: 1, Delivered: 1, Twice: 1}, "came to B1 again"},
		{"out of order", true, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.send(2, "user/2/B", 2, toB, "")
			s.come(2, 3, b1)
			s.come(1, 3, b1)
		}, Outcome{Sent: 2, Due: 2, Delivered: 2, Disordered: 1}, "came to B1"},
		{"at the same time, in whatever order", true, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.send(2, "user/2/B", 1.05, toB, "")
			s.come(2, 3, b1)
			s.come(1, 3, b1)
		}, Outcome{Sent: 2, Due: 2, Delivered: 2}, ""},
		{"to somebody else", true, func(s *script) {
			s.send(1, "user/2/B", 1, toB, "")
			s.come(1, 1.2, b1, c1)
		}, Outcome{Sent: 1, Due: 1, Delivered: 1}, "came to C1"},
		{"never sent", true, func(s *script) {
			s.come(7, 1.2, c1)
		}, Outcome{}, "to which it was not sent"},
		{"a session ends", true, func(s *script) {
			s.note(entry{Kind: closed, Place: c1, Text: "EOF"}, 1)
		}, Outcome{}, "the session of C1 ended"},
		{"a node is killed and comes again", true, func(s *script) {
			s.note(entry{Kind: killed, Place: b1}, 1)
			s.note(entry{Kind: closed, Place: b1, Text: "EOF"}, 1)
			s.send(1, "all", 2, sender.Receipt{Local: 1, Published: true, Nodes: 2}, "")
			s.come(1, 2.2, a1, c1)
			s.open(b2, 3)
			s.send(2, "all", 4, everybody, "")
			s.come(2, 4.2, a1, b2, c1)
		}, Outcome{Sent: 2, Due: 3, Delivered: 3}, ""},
		{"the killed node was sending", true, func(s *script) {
			s.note(entry{Kind: sending, Place: b1, Message: message{b1, 0, 1}, To: "user/2/A"}, 1)
			s.note(entry{Kind: killed, Place: b1}, 1.05)
		}, Outcome{Sent: 1, Due: 1, Lost: 1, Told: 1}, ""},
		{"the killed node had sent", true, func(s *script) {
			s.note(entry{Kind: sending, Place: b1, Message: message{b1, 0, 1}, To: "user/2/A"}, 1)
			s.note(entry{Kind: sent, Place: b1, Message: message{b1, 0, 1}, Receipt: toB}, 1.01)
			s.note(entry{Kind: killed, Place: b1}, 1.05)
		}, Outcome{Sent: 1, Due: 1, Lost: 1}, "never came to A1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &script{}
			for _, p := range []place{a1, b1, c1} {
				s.open(p, 0)
			}
			test.write(s)
			got := judge(s.all, sender.Capabilities{Durable: test.durable, Routing: sender.RouteAddresses})
			if len(got.Violations) > 1 || len(got.Violations) == 1 != (test.because != "") || !strings.Contains(strings.Join(got.Violations, ""), test.because) {
				t.Errorf("found %q, want %q", got.Violations, test.because)
			}
			got.Violations, got.Unready = nil, nil
			if got.row() != test.want.row() || got.Failed != test.want.Failed || got.Disordered != test.want.Disordered {
				t.Errorf("\ngot  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// How long it took is measured to the last time that a node became ready again.
func TestWholeAfter(t *testing.T) {
	s := &script{}
	say := func(p place, text string, when float64) { s.note(entry{Kind: readied, Place: p, Text: text}, when) }
	say(a1, "connecting", 0)
	say(a1, "", 1)
	say(b1, "", 1)
	say(b1, "the link to the broker has been down", 2)
	if got := wholeAfter(s.all, at(1)); got != 0 {
		t.Errorf("nobody is ready again, and it is %s", got)
	}
	say(b1, "", 4)
	say(a1, "nothing has come back", 5)
	say(a1, "", 7)
	say(b1, "other", 7)
	s.note(entry{Kind: killed, Place: b1}, 7)
	say(b2, "", 9)
	if got := wholeAfter(s.all, at(3)); got != 4*time.Second {
		t.Errorf("got %s, want 4s", got)
	}
}

func TestTable(t *testing.T) {
	got := Table([]Outcome{
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
