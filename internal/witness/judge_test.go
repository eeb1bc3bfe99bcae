package witness

import (
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

var (
	a1, b1, b2, c1 = Place{"A", 1}, Place{"B", 1}, Place{"B", 2}, Place{"C", 1}
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
type script struct{ all []Entry }

func (s *script) note(e Entry, when float64) {
	e.At = at(when)
	s.all = append(s.all, e)
}

func (s *script) open(p Place, when float64) {
	s.note(Entry{Kind: Opened, Place: p, Text: "session-" + p.String()}, when)
}

// send is one message of A's first voice, for a tenth of a second.
func (s *script) send(number int, to string, when float64, receipt sender.Receipt, failed string) {
	m := Message{a1, 0, number}
	s.note(Entry{Kind: Sending, Place: a1, Message: m, To: to}, when)
	s.note(Entry{Kind: Sent, Place: a1, Message: m, Receipt: receipt, Text: failed}, when+.1)
}

func (s *script) come(number int, when float64, to ...Place) {
	for _, p := range to {
		s.note(Entry{Kind: Arrived, Place: p, Message: Message{a1, 0, number}}, when)
	}
}

func (s *script) gap(p Place, g sender.Gap, when float64) {
	s.note(Entry{Kind: Gapped, Place: p, Gap: g}, when)
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
			s.note(Entry{Kind: Closed, Place: c1, Text: "EOF"}, 1)
		}, Outcome{}, "the session of C1 ended"},
		{"a node is killed and comes again", true, func(s *script) {
			s.note(Entry{Kind: Killed, Place: b1}, 1)
			s.note(Entry{Kind: Closed, Place: b1, Text: "EOF"}, 1)
			s.send(1, "all", 2, sender.Receipt{Local: 1, Published: true, Nodes: 2}, "")
			s.come(1, 2.2, a1, c1)
			s.open(b2, 3)
			s.send(2, "all", 4, everybody, "")
			s.come(2, 4.2, a1, b2, c1)
		}, Outcome{Sent: 2, Due: 3, Delivered: 3}, ""},
		{"the killed node was sending", true, func(s *script) {
			s.note(Entry{Kind: Sending, Place: b1, Message: Message{b1, 0, 1}, To: "user/2/A"}, 1)
			s.note(Entry{Kind: Killed, Place: b1}, 1.05)
		}, Outcome{Sent: 1, Due: 1, Lost: 1, Told: 1}, ""},
		{"the killed node had sent", true, func(s *script) {
			s.note(Entry{Kind: Sending, Place: b1, Message: Message{b1, 0, 1}, To: "user/2/A"}, 1)
			s.note(Entry{Kind: Sent, Place: b1, Message: Message{b1, 0, 1}, Receipt: toB}, 1.01)
			s.note(Entry{Kind: Killed, Place: b1}, 1.05)
		}, Outcome{Sent: 1, Due: 1, Lost: 1}, "never came to A1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &script{}
			for _, p := range []Place{a1, b1, c1} {
				s.open(p, 0)
			}
			test.write(s)
			got := judge(s.all, sender.Capabilities{Durable: test.durable, Routing: sender.RouteAddresses})
			if len(got.Violations) > 1 || len(got.Violations) == 1 != (test.because != "") || !strings.Contains(strings.Join(got.Violations, ""), test.because) {
				t.Errorf("found %q, want %q", got.Violations, test.because)
			}
			got.Violations, got.Unready = nil, nil
			if got.Row() != test.want.Row() || got.Failed != test.want.Failed || got.Disordered != test.want.Disordered {
				t.Errorf("\ngot  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// How long it took is measured to the last time that a node became ready again.
func TestWholeAfter(t *testing.T) {
	s := &script{}
	say := func(p Place, text string, when float64) { s.note(Entry{Kind: Readied, Place: p, Text: text}, when) }
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
	s.note(Entry{Kind: Killed, Place: b1}, 7)
	say(b2, "", 9)
	if got := wholeAfter(s.all, at(3)); got != 4*time.Second {
		t.Errorf("got %s, want 4s", got)
	}
}
