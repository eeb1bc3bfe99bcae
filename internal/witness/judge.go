package witness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// transit is how long a message that has been published is on its way at the most, and so how much earlier than a gap's Since
// a message of the gap can have been sent: Since is when the last one before it came.
const transit = time.Second

// sentMessage is what is known of a message.
type sentMessage struct {
	Message
	to      websocket.Target
	began   time.Time
	ended   time.Time // zero where Send did not return, because its node was killed
	failed  string
	receipt sender.Receipt
}

func (m *sentMessage) String() string {
	said := fmt.Sprintf("Send returned %+v", m.receipt)
	switch {
	case m.ended.IsZero():
		said = "Send did not return"
	case m.failed != "":
		said = "Send failed: " + m.failed
	}
	return fmt.Sprintf("%s to %s, sent from %s to %s (%s)", m.Message, m.to, clock(m.began), clock(m.ended), said)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("15:04:05.000")
}

// hearer is a session and what is known of what it got.
type hearer struct {
	Place
	id     string
	opened time.Time
	killed time.Time // zero where it lives
	got    map[Message]int
	gaps   []Entry
	// latest is the message from each place that was begun last, of those that came.
	latest map[Place]*sentMessage
}

// verdict is a judgement while it is found.
type verdict struct {
	Outcome
	can      sender.Capabilities
	messages map[Message]*sentMessage
	order    []*sentMessage
	hearers  []*hearer
	at       map[Place]*hearer
	origins  map[string]bool // the nodes' names
}

// judge compares a journal with the promises of who can do what can says. It has an end at which all has come that will come.
func judge(all []Entry, can sender.Capabilities) Outcome {
	v := &verdict{can: can, messages: map[Message]*sentMessage{}, at: map[Place]*hearer{}, origins: map[string]bool{}}
	v.Unready = map[string][]string{}
	v.index(all)
	for _, e := range all {
		if e.Kind == Arrived {
			v.arrival(e)
		}
	}
	for _, m := range v.order {
		v.losses(m)
	}
	v.numbers()
	return v.Outcome
}

func (v *verdict) violated(format string, values ...any) {
	v.Violations = append(v.Violations, fmt.Sprintf(format, values...))
}

// index reads all but what arrived.
func (v *verdict) index(all []Entry) {
	for _, e := range all {
		switch e.Kind {
		case Opened:
			h := &hearer{Place: e.Place, id: e.Text, opened: e.At, got: map[Message]int{}, latest: map[Place]*sentMessage{}}
			v.hearers, v.at[e.Place], v.origins[e.Place.Node] = append(v.hearers, h), h, true
		case Killed:
			v.at[e.Place].killed = e.At
		case Gapped:
			if h := v.at[e.Place]; h != nil {
				h.gaps = append(h.gaps, e)
			}
		case Closed:
			if h := v.at[e.Place]; h.killed.IsZero() {
				v.violated("the session of %s ended at %s: %s", e.Place, clock(e.At), e.Text)
			}
		case Sending:
			to, err := websocket.ParseTarget(e.To)
			if err != nil {
				v.violated("%s: %v", e.Message, err)
			}
			m := &sentMessage{Message: e.Message, to: to, began: e.At}
			v.messages[e.Message], v.order = m, append(v.order, m)
		case Sent:
			m := v.messages[e.Message]
			m.ended, m.receipt, m.failed = e.At, e.Receipt, e.Text
		case Readied:
			v.unready(e)
		}
	}
}

// unready notes that a node said that it is not ready.
func (v *verdict) unready(e Entry) {
	words := e.Text
	for text, short := range map[string]string{"link to the broker has been down": "link down", "nothing has come back": "no answer", "were missed": "gap", "connecting": "connecting"} {
		if strings.Contains(e.Text, text) {
			words = short
		}
	}
	if words != "" && !slices.Contains(v.Unready[e.Place.Node], words) {
		v.Unready[e.Place.Node] = append(v.Unready[e.Place.Node], words)
	}
}

// arrival judges what came: it was sent, and to this session, it comes for the first time, and nothing has come that was sent
// after it.
func (v *verdict) arrival(e Entry) {
	h, m := v.at[e.Place], v.messages[e.Message]
	if m == nil || !addressed(m, h) {
		v.violated("%s came to %s at %s, to which it was not sent", e.Message, h, clock(e.At))
		return
	}
	h.got[m.Message]++
	if h.got[m.Message] > 1 {
		v.Twice++
		v.violated("%s came to %s again at %s", m, h, clock(e.At))
		return
	}
	latest := h.latest[m.From]
	switch {
	case latest == nil || m.began.After(latest.began):
		h.latest[m.From] = m
	case !m.ended.IsZero() && m.ended.Before(latest.began):
		v.Disordered++
		v.violated("%s came to %s at %s, after %s", m, h, clock(e.At), latest)
	}
}

func addressed(m *sentMessage, h *hearer) bool {
	if id, ok := m.to.SessionID(); ok {
		return id == h.id
	}
	if address, ok := m.to.Address(); ok {
		return address == websocket.ToUser(websocket.Admin, h.Node)
	}
	return true
}

// losses judges who did not get a message.
func (v *verdict) losses(m *sentMessage) {
	v.Sent++
	shortfall := 0
	if !m.ended.IsZero() && m.failed == "" && m.receipt.Nodes != sender.NodesUnknown {
		shortfall = max(0, v.takers(m)-m.receipt.Nodes)
	}
	if m.failed != "" {
		v.Failed++
	}
	if shortfall > 0 {
		v.Fewer++
	}
	for _, h := range v.hearers {
		if !addressed(m, h) || !h.killed.IsZero() || !h.opened.Before(m.began) {
			continue
		}
		came := h.got[m.Message] > 0
		if h.Place == m.From {
			if !came && m.receipt.Local > 0 {
				v.violated("%s never came to %s, its own node", m, h)
			}
			continue
		}
		v.Due++
		if came {
			v.Delivered++
			continue
		}
		v.Lost++
		switch {
		case m.failed != "" || m.ended.IsZero():
			v.Told++
		case v.can.Durable || !m.receipt.Published:
			v.violated("%s never came to %s, where %s", m, h, h.reported())
		case v.covers(h, m):
			v.InGap++
		case shortfall > 0:
			shortfall--
			v.Told++
		default:
			v.violated("%s never came to %s and nobody was told, where %s", m, h, h.reported())
		}
	}
}

// takers returns how many nodes were there to take a message: for all, every one; else the one that holds the session.
func (v *verdict) takers(m *sentMessage) int {
	if m.to != websocket.ToAll() {
		return 1
	}
	n := 0
	for _, h := range v.hearers {
		if h.opened.Before(m.began) && (h.killed.IsZero() || h.killed.After(m.began)) {
			n++
		}
	}
	return n
}

// covers reports whether a message lies in a gap that the node reported. One with a number of missing messages is found by
// counting those that go to all nodes, and says nothing of others.
func (v *verdict) covers(h *hearer, m *sentMessage) bool {
	for _, e := range h.gaps {
		if e.Gap.Missing > 0 && !v.toAllNodes(m) {
			continue
		}
		if (e.Gap.Origin == "" || e.Gap.Origin == m.From.Node) && !e.Gap.Since.After(m.ended.Add(transit)) && !e.At.Before(m.began) {
			return true
		}
	}
	return false
}

// reported says what gaps the node reported.
func (h *hearer) reported() string {
	if len(h.gaps) == 0 {
		return "no gap was reported"
	}
	texts := []string{"these gaps were reported:"}
	for _, e := range h.gaps {
		texts = append(texts, fmt.Sprintf("at %s, since %s, origin %q, %d missing, %s;", clock(e.At), clock(e.Gap.Since), e.Gap.Origin, e.Gap.Missing, e.Gap.Reason))
	}
	return strings.Join(texts, " ")
}

// numbers compares how many messages a node says are missing with how many did not come. It counts those that go to all nodes,
// whomever they are for. It may count those too that Send returned an error for, but must count the others, and none that came
// or were sent before it was there.
func (v *verdict) numbers() {
	for _, h := range v.hearers {
		if !h.killed.IsZero() {
			continue
		}
		counted, least, most := map[string]uint64{}, map[string]uint64{}, map[string]uint64{}
		for _, e := range h.gaps {
			counted[e.Gap.Origin] += e.Gap.Missing
		}
		for _, m := range v.order {
			if !v.toAllNodes(m) || m.From == h.Place || !h.opened.Before(m.began) || h.got[m.Message] > 0 {
				continue
			}
			switch {
			case m.failed != "" || m.ended.IsZero():
				most[m.From.Node]++
			case addressed(m, h):
				most[m.From.Node]++
				// What was lost last shows in what its node sends next, which a killed one does not.
				if v.at[m.From].killed.IsZero() {
					least[m.From.Node]++
				}
			case !v.can.Durable && v.covers(h, m):
				most[m.From.Node]++ // it was for another node's session, so that nobody knows whether it came to this node
			}
		}
		for node := range v.origins {
			if n := counted[node]; n < least[node] || n > most[node] {
				v.violated("%s counts %d messages from %s as missing, where from %d to %d are: %s", h, n, node, least[node], most[node], h.reported())
			}
		}
	}
}

// toAllNodes reports whether a message goes to all nodes, because it is for all or its driver cannot route it.
func (v *verdict) toAllNodes(m *sentMessage) bool {
	if _, ok := m.to.SessionID(); ok {
		return v.can.Routing < sender.RouteNodes
	}
	if _, ok := m.to.Address(); ok {
		return v.can.Routing < sender.RouteAddresses
	}
	return true
}
