package stamp

import (
	"bytes"
	"time"
)

// Size is the length of a stamp in bytes.
const Size = 1 + seqDigits + timeDigits

const (
	mark       = '@'
	seqDigits  = 8
	timeDigits = 16
)

// Blank is the stamp that templates hold, for Put to fill in.
const Blank = "@000000000000000000000000"

// Put writes seq and the time into the first stamp of b, which must have one.
func Put(b []byte, seq uint32, at time.Time) {
	digits := b[bytes.IndexByte(b, mark)+1:]
	put(digits[:seqDigits], uint64(seq))
	put(digits[seqDigits:seqDigits+timeDigits], uint64(at.UnixNano()))
}

// Next returns the first stamp of b and what follows it. It reports false where b has no whole stamp.
func Next(b []byte) (seq uint32, sentNanos int64, rest []byte, ok bool) {
	i := bytes.IndexByte(b, mark)
	if i < 0 || len(b)-i < Size {
		return 0, 0, nil, false
	}
	b = b[i+1:]
	return uint32(get(b[:seqDigits])), int64(get(b[seqDigits : seqDigits+timeDigits])), b[seqDigits+timeDigits:], true
}

const digits = "0123456789abcdef"

func put(b []byte, v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = digits[v&0xF]
		v >>= 4
	}
}

func get(b []byte) (v uint64) {
	for _, c := range b {
		v <<= 4
		if c <= '9' {
			v |= uint64(c - '0')
		} else {
			v |= uint64(c - 'a' + 10)
		}
	}
	return v
}
