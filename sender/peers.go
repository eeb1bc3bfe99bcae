package sender

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// maxPeers bounds the origins that a node remembers, those that have gone
// included. A cluster is smaller; what comes past it is somebody else's writing
// on our topic, and is dropped.
const maxPeers = 4096

// Gap is a loss, or the possibility of one, that a node has noticed in what it
// receives from others.
type Gap struct {
	// Origin is the name of the node whose messages are missing; empty where
	// those of any node can be, because this node's own link was broken.
	Origin string
	// Missing is how many messages to all nodes are known to be missing; zero
	// where only the time is known.
	Missing uint64
	// Since is when the last numbered message before the gap came, or when the link
	// last was known to work.
	Since time.Time
	// Reason says what was noticed, for people.
	Reason string
}

// String returns the gap in one line.
func (g Gap) String() string {
	from := g.Origin
	if from == "" {
		from = "any node"
	}
	return fmt.Sprintf("%s: from %s, %d known to be missing, since %s", g.Reason, from, g.Missing, g.Since.Format(time.RFC3339))
}

// Peer is a node of the cluster, as its messages and probes show it.
type Peer struct {
	// Node is its name.
	Node string
	// Started is when it says it started, by its own clock.
	Started time.Time
	// Seen is when something last came from it.
	Seen time.Time
}

// peers follows the numbers of every origin. It remembers those that have gone
// for as long as there is room: after a long break a durable broker hands over
// what a node has sent before it left, maybe for the second time.
type peers struct {
	silence time.Duration // after which a node is taken to be gone

	mu   sync.Mutex
	last map[origin]*peer
}

type peer struct {
	number   uint64
	numbered bool      // its number is known: not all that it sent was to some nodes only
	counted  time.Time // when the last one with a number came
	sent     time.Time // when it sent what came last, by its clock, which does not go back
	seen     time.Time
	gone     bool
}

// verdict is what the number of an envelope shows.
type verdict struct {
	duplicate bool
	missing   uint64
	since     time.Time
	overflow  bool
}

// note takes note of an envelope from another node.
func (p *peers) note(e *envelope, now time.Time) (v verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.last[e.origin]
	if !ok {
		if len(p.last) >= maxPeers && !p.evict() {
			return verdict{overflow: true}
		}
		known = &peer{}
		p.last[origin{strings.Clone(e.origin.node), e.origin.start}] = known // it is part of a whole envelope
	}
	v.since = known.counted
	switch {
	case e.kind == kindMessage && e.number == 0:
		// To some nodes only, and so without a number.
	case !known.numbered:
		// What came before a node was first heard of, it has told us nothing of.
		known.number, known.numbered = e.number, true
	case e.kind == kindMessage && e.number <= known.number:
		v.duplicate = true
	case e.kind == kindMessage:
		v.missing = e.number - known.number - 1
		known.number = e.number
	case e.number > known.number:
		v.missing = e.number - known.number
		known.number = e.number
	}
	if !v.duplicate && !e.time.Before(known.sent) { // an old one says nothing of today
		known.sent, known.seen, known.gone = e.time, now, e.kind == kindLeave
	}
	if !v.duplicate && (e.kind != kindMessage || e.number != 0) {
		known.counted = now
	}
	return v
}

// evict makes room: it forgets the origin that has been gone for longest. It
// reports false where none has gone.
func (p *peers) evict() bool {
	var (
		oldest origin
		found  *peer
	)
	for o, known := range p.last {
		if known.gone && (found == nil || known.seen.Before(found.seen)) {
			oldest, found = o, known
		}
	}
	delete(p.last, oldest)
	return found != nil
}

// expire returns the origins that have gone silent. heard is since when this
// node hears what is sent: before, their silence tells nothing.
func (p *peers) expire(now, heard time.Time) (silent []Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for o, known := range p.last {
		if !known.gone && now.Sub(known.seen) > p.silence && now.Sub(heard) > p.silence {
			silent = append(silent, Peer{o.node, time.Unix(0, o.start), known.seen})
			known.gone = true
		}
	}
	return silent
}

// list returns the nodes that have been heard of lately.
func (p *peers) list() []Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Peer, 0, len(p.last))
	for o, known := range p.last {
		if !known.gone {
			list = append(list, Peer{o.node, time.Unix(0, o.start), known.seen})
		}
	}
	return list
}
