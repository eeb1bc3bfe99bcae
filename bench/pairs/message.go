package pairs

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// messageSize is the size of a message's content in bytes.
const messageSize = 128

// A stamp is what the receiver knows a message by. A lane is what keeps an order:
// one sending goroutine.
type stamp struct {
	lane, user uint16
	seq        uint32
	sent       int64 // unix nanoseconds
}

var (
	stampMark  = []byte("#@")
	stampBytes = 2 + 2 + 4 + 8
	stampText  = len(stampMark) + hex.EncodedLen(stampBytes)
)

var (
	messageHead = []byte(`{"id":"`)
	messageTail = func() []byte {
		tail := []byte(`","text":"`)
		padding := messageSize - len(messageHead) - stampText - len(tail) - len(`"}`)
		return append(append(tail, bytes.Repeat([]byte("x"), padding)...), `"}`...)
	}()
)

// message returns a message: JSON of messageSize bytes.
func (s stamp) message() []byte {
	var raw [16]byte
	binary.BigEndian.PutUint16(raw[0:], s.lane)
	binary.BigEndian.PutUint16(raw[2:], s.user)
	binary.BigEndian.PutUint32(raw[4:], s.seq)
	binary.BigEndian.PutUint64(raw[8:], uint64(s.sent))
	m := make([]byte, 0, messageSize)
	m = append(append(m, messageHead...), stampMark...)
	m = hex.AppendEncode(m, raw[:])
	return append(m, messageTail...)
}

// nextStamp returns the first stamp in b and what comes after it.
func nextStamp(b []byte) (s stamp, rest []byte, ok bool) {
	at := bytes.Index(b, stampMark)
	if at < 0 || len(b) < at+stampText {
		return stamp{}, nil, false
	}
	var raw [16]byte
	if _, err := hex.Decode(raw[:], b[at+len(stampMark):at+stampText]); err != nil {
		return stamp{}, nil, false
	}
	return stamp{
		lane: binary.BigEndian.Uint16(raw[0:]),
		user: binary.BigEndian.Uint16(raw[2:]),
		seq:  binary.BigEndian.Uint32(raw[4:]),
		sent: int64(binary.BigEndian.Uint64(raw[8:])),
	}, b[at+stampText:], true
}

// now is the clock that all processes of the machine share.
func now() int64 { return time.Now().UnixNano() }
