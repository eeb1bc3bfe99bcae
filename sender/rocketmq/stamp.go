package rocketmq

import (
	"encoding/binary"
	"sync"
	"time"
)

// What a message's body begins with. A body of RocketMQ cannot be empty, and a
// packet's payload can.
const (
	kindPacket byte = 0xA1 // a packet: its publisher, its number, its payload
	kindMark   byte = 0xA2 // marks where a node began to receive; nobody receives it
)

// stampSize is how much a body is longer than its payload.
const stampSize = 1 + 8 + 8

// stamp is who published a packet and its number, which rises.
type stamp struct{ publisher, number uint64 }

// body returns the message body of a packet.
func (s stamp) body(payload []byte) []byte {
	body := make([]byte, 0, stampSize+len(payload))
	body = append(body, kindPacket)
	body = binary.BigEndian.AppendUint64(body, s.publisher)
	body = binary.BigEndian.AppendUint64(body, s.number)
	return append(body, payload...)
}

// parseBody takes a packet's body apart; ok is false where it is none.
func parseBody(body []byte) (s stamp, payload []byte, ok bool) {
	if len(body) < stampSize || body[0] != kindPacket {
		return stamp{}, nil, false
	}
	return stamp{binary.BigEndian.Uint64(body[1:]), binary.BigEndian.Uint64(body[9:])}, body[stampSize:], true
}

// maxPublishers bounds those that a node remembers. It is more than a cluster
// has, with those that were there before their restarts.
const maxPublishers = 4096

// publishers is how far a node has heard the others.
type publishers struct {
	mu    sync.Mutex
	heard map[uint64]heard
}

type heard struct {
	number uint64
	at     time.Time
}

// isNew reports whether a packet comes for the first time and after those that
// were published before it. A publish that was given up can reach the broker
// late, behind the next one over another connection.
func (p *publishers) isNew(s stamp, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.heard[s.publisher]
	if known && s.number <= last.number {
		return false
	}
	if !known && len(p.heard) >= maxPublishers {
		p.forget()
	}
	p.heard[s.publisher] = heard{s.number, now}
	return true
}

// forget makes room for a publisher in the place of the one that was heard the
// longest ago.
func (p *publishers) forget() {
	var oldest uint64
	var at time.Time
	for publisher, last := range p.heard {
		if at.IsZero() || last.at.Before(at) {
			oldest, at = publisher, last.at
		}
	}
	delete(p.heard, oldest)
}
