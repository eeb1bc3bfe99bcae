package witness

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// Kind is what an entry of the journal says.
type Kind string

// The kinds, of which each uses the fields that it names.
const (
	Opened  Kind = "opened"  // the node's client has the session Text
	Closed  Kind = "closed"  // the client's connection has ended, for the reason Text
	Sending Kind = "sending" // Message is about to be sent to To
	Sent    Kind = "sent"    // Send returned Receipt, and an error with Text
	Arrived Kind = "arrived" // Message came to the node's client
	Gapped  Kind = "gapped"  // the node reported Gap
	Readied Kind = "readied" // what Ready says is Text from now on; empty for nil
	Peered  Kind = "peered"  // the node's Peers are these from now on
	Killed  Kind = "killed"  // the node was killed
)

// Entry is a line of the journal. A node in a process of its own writes its entries as JSON.
type Entry struct {
	Kind    Kind           `json:"kind"`
	At      time.Time      `json:"at"`
	Place   Place          `json:"place"`
	Text    string         `json:"text,omitempty"`
	Message Message        `json:"message,omitzero"`
	To      string         `json:"to,omitempty"`
	Receipt sender.Receipt `json:"receipt,omitzero"`
	Gap     sender.Gap     `json:"gap,omitzero"`
	Peers   []string       `json:"peers,omitempty"`
}

// Place is one life of a node, which has one session.
type Place struct {
	Node string `json:"node"`
	Life int    `json:"life"` // 1 at first
}

func (p Place) String() string { return fmt.Sprintf("%s%d", p.Node, p.Life) }

// Message is one that was sent; it is also the content.
type Message struct {
	From   Place `json:"from"`
	Voice  int   `json:"voice"`
	Number int   `json:"number"` // of the voice's messages, from 1
}

func (m Message) String() string {
	return fmt.Sprintf("message %d of voice %d of %s", m.Number, m.Voice, m.From)
}

// Journal is all that happened in a run.
type Journal struct {
	mu      sync.Mutex
	entries []Entry
}

// Add adds an entry.
func (j *Journal) Add(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
}

// All returns the entries so far; the slice is not to be written to.
func (j *Journal) All() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.entries
}

// Patience bounds each wait for something that is to happen. It is not a measure: who meets it has failed.
const Patience = time.Minute

// Await looks every few milliseconds whether something has happened, until happened returns nil for the journal.
func (j *Journal) Await(ctx context.Context, what string, happened func([]Entry) error) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := happened(j.All())
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
