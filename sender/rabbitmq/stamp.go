package rabbitmq

import (
	"strconv"
	"strings"
)

// stamp is what a packet's message id says, so that receivers can drop what
// comes twice and notice what is missing:
//
//	ORIGIN.NUMBER             to all
//	ORIGIN.NUMBER.PREVIOUS    to one node
//
// ORIGIN is the publishing broker's random id. NUMBER rises by one with each
// packet that it publishes. PREVIOUS is the number of the packet that it last
// published to the same node alone, or 0. The numbers are written in base 36.
type stamp struct {
	origin   string
	number   uint64
	previous uint64
	routed   bool
}

func (s stamp) String() string {
	text := make([]byte, 0, 64)
	text = append(append(text, s.origin...), '.')
	text = strconv.AppendUint(text, s.number, 36)
	if s.routed {
		text = strconv.AppendUint(append(text, '.'), s.previous, 36)
	}
	return string(text)
}

// parseStamp reads what String returns; ok is false for other message ids.
func parseStamp(text string) (s stamp, ok bool) {
	var number, previous string
	s.origin, number, ok = strings.Cut(text, ".")
	if !ok || s.origin == "" {
		return stamp{}, false
	}
	number, previous, s.routed = strings.Cut(number, ".")
	var err error
	if s.number, err = strconv.ParseUint(number, 36, 64); err != nil || s.number == 0 {
		return stamp{}, false
	}
	if s.routed {
		if s.previous, err = strconv.ParseUint(previous, 36, 64); err != nil {
			return stamp{}, false
		}
	}
	return s, true
}

// maxMarks bounds the origins that a receiver remembers. A cluster has fewer.
const maxMarks = 4096

// marks is what a receiver remembers of each origin.
type marks struct {
	of   map[string]*mark
	time uint64 // rises with each packet
}

type mark struct {
	// last is the number of the last packet.
	last uint64
	// routed is that of the last one to this node alone, or of the first packet
	// of all: what came before that, this node was not there for.
	routed uint64
	time   uint64
}

// note takes note of a packet. It is not fresh where it came before, or has been
// overtaken by a later one of its origin; missed says that one to this node
// alone is missing before it.
func (m *marks) note(s stamp) (fresh, missed bool) {
	if m.of == nil {
		m.of = make(map[string]*mark)
	}
	m.time++
	known := m.of[s.origin]
	if known == nil {
		if len(m.of) >= maxMarks {
			m.forgetOldest()
		}
		m.of[strings.Clone(s.origin)] = &mark{s.number, s.number, m.time}
		return true, false
	}
	known.time = m.time
	if s.number <= known.last {
		return false, false
	}
	known.last = s.number
	if s.routed {
		missed = s.previous > known.routed
		known.routed = s.number
	}
	return true, missed
}

func (m *marks) forgetOldest() {
	oldest := ""
	for origin, known := range m.of {
		if oldest == "" || known.time < m.of[oldest].time {
			oldest = origin
		}
	}
	delete(m.of, oldest)
}
