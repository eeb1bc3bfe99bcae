package faults

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// kind is what an entry of the journal says.
type kind string

const (
	serving  kind = "serving"  // a child's server is at Text
	opened   kind = "opened"   // the node's client has the session Text
	closed   kind = "closed"   // the client's connection has ended, for the reason Text
	sending  kind = "sending"  // Message is about to be sent to To
	sent     kind = "sent"     // Send returned Receipt, and an error with Text
	arrived  kind = "arrived"  // Message came to the node's client
	gapped   kind = "gapped"   // the node reported Gap
	readied  kind = "readied"  // what Ready says is Text from now on; empty for nil
	peered   kind = "peered"   // the node's Peers are these from now on
	killed   kind = "killed"   // the node was killed
	done     kind = "done"     // a child has done what it was told
	withdrew kind = "withdrew" // a child could not do it, because of Text
)

// entry is a line of the journal. A child writes its own as JSON.
type entry struct {
	Kind    kind           `json:"kind"`
	At      time.Time      `json:"at"`
	Place   place          `json:"place"`
	Text    string         `json:"text,omitempty"`
	Message message        `json:"message,omitzero"`
	To      string         `json:"to,omitempty"`
	Receipt sender.Receipt `json:"receipt,omitzero"`
	Gap     sender.Gap     `json:"gap,omitzero"`
	Peers   []string       `json:"peers,omitempty"`
}

// place is one life of a node, which has one session.
type place struct {
	Node string `json:"node"`
	Life int    `json:"life"` // 1 at first
}

func (p place) String() string { return fmt.Sprintf("%s%d", p.Node, p.Life) }

// message is one that was sent; it is also the content.
type message struct {
	From   place `json:"from"`
	Voice  int   `json:"voice"`
	Number int   `json:"number"` // of the voice's messages, from 1
}

func (m message) String() string {
	return fmt.Sprintf("message %d of voice %d of %s", m.Number, m.Voice, m.From)
}

// journal is all that happened in a run.
type journal struct {
	mu      sync.Mutex
	entries []entry
}

func (j *journal) add(e entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
}

// all returns the entries so far; the slice is not to be written to.
func (j *journal) all() []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.entries
}

// patience bounds each wait for something that is to happen. It is not a measure: who meets it has failed.
const patience = time.Minute

// await looks every few milliseconds whether something has happened, until happened returns nil for the journal.
func (j *journal) await(ctx context.Context, what string, happened func([]entry) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := happened(j.all())
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w", what, err)
		}
	}
}
