package frame

import (
	"encoding/binary"
	"errors"
)

// The bits of a frame's first byte.
const (
	Fin        = 0x80
	Compressed = 0x40
	opcodes    = 0x0F
)

// The opcodes.
const (
	Continuation = 0x0
	Text         = 0x1
	Close        = 0x8
	Ping         = 0x9
	Pong         = 0xA
)

// ErrMasked is what a server's masked frame gives.
var ErrMasked = errors.New("the server's frame is masked")

// A Frame is one frame of a server. Its payload is part of what was parsed.
type Frame struct {
	Opcode     byte
	Fin        bool // the last one of its message
	Compressed bool
	Payload    []byte
}

// Next returns the first frame of b and what follows it. It reports false, and b as the rest, where the frame is not whole.
func Next(b []byte) (f Frame, rest []byte, ok bool, err error) {
	if len(b) < 2 {
		return f, b, false, nil
	}
	first, size, header := b[0], int(b[1]), 2
	switch {
	case size&0x80 != 0:
		return f, b, false, ErrMasked
	case size == 126:
		if header = 4; len(b) < header {
			return f, b, false, nil
		}
		size = int(binary.BigEndian.Uint16(b[2:]))
	case size == 127:
		if header = 10; len(b) < header {
			return f, b, false, nil
		}
		size = int(binary.BigEndian.Uint64(b[2:]))
	}
	if size < 0 || len(b)-header < size {
		return f, b, false, nil
	}
	f = Frame{Opcode: first & opcodes, Fin: first&Fin != 0, Compressed: first&Compressed != 0, Payload: b[header : header+size]}
	return f, b[header+size:], true, nil
}

// AppendMasked appends a client's frame of at most 64 KiB. The masking key is fixed: nothing between the two processes could be
// misled by it.
func AppendMasked(b []byte, opcode byte, payload []byte) []byte {
	if n := len(payload); n <= 125 {
		b = append(b, Fin|opcode, 0x80|byte(n))
	} else {
		b = append(b, Fin|opcode, 0x80|126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	key := [4]byte{0x5A, 0xC3, 0x96, 0x0F}
	b = append(b, key[:]...)
	start := len(b)
	b = append(b, payload...)
	masked := b[start:]
	word := binary.LittleEndian.Uint64([]byte{key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]})
	for len(masked) >= 8 {
		binary.LittleEndian.PutUint64(masked, binary.LittleEndian.Uint64(masked)^word)
		masked = masked[8:]
	}
	for i := range masked {
		masked[i] ^= key[i%4]
	}
	return b
}

// AppendServer appends an unmasked frame of at most 64 KiB, as servers send them.
func AppendServer(b []byte, opcode byte, payload []byte) []byte {
	if n := len(payload); n <= 125 {
		b = append(b, Fin|opcode, byte(n))
	} else {
		b = append(b, Fin|opcode, 126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	return append(b, payload...)
}
