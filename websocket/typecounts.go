package websocket

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// MaxCountedTypes is how many message types are counted by name; OtherTypes
// stands for all further ones and for those that nobody handles, so that no
// client can make the counters grow.
const (
	MaxCountedTypes = 64
	OtherTypes      = "other"
)

// typeCounts counts messages by type. Counting one is a look-up and an atomic
// add: the map is replaced where a type is new, and never changed.
type typeCounts struct {
	mu     sync.Mutex // held while counts is replaced
	counts atomic.Pointer[map[string]*atomic.Uint64]
}

func newTypeCounts() *typeCounts {
	c := &typeCounts{}
	c.counts.Store(&map[string]*atomic.Uint64{OtherTypes: {}})
	return c
}

// count counts a message. Only one that is genuine, which what a client made up
// is not, gives its type a counter of its own.
func (c *typeCounts) count(messageType string, genuine bool) {
	counts := *c.counts.Load()
	counter, known := counts[messageType]
	switch {
	case known:
	case genuine && len(counts) <= MaxCountedTypes:
		counter = c.admit(messageType)
	default:
		counter = counts[OtherTypes]
	}
	counter.Add(1)
}

// admit returns the counter of a new type, which is that of the others where
// there is no more room and for what cannot be a label.
func (c *typeCounts) admit(messageType string) *atomic.Uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := *c.counts.Load()
	if counter, known := counts[messageType]; known {
		return counter
	}
	if len(counts) > MaxCountedTypes || messageType == "" || len(messageType) > MaxNameLength || !utf8.ValidString(messageType) {
		return counts[OtherTypes]
	}
	counter := new(atomic.Uint64)
	counts = maps.Clone(counts)
	counts[strings.Clone(messageType)] = counter // it may be part of a whole frame
	c.counts.Store(&counts)
	return counter
}

func (c *typeCounts) stats() map[string]uint64 { return loaded(*c.counts.Load()) }
