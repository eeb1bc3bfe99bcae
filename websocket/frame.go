package websocket

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
)

// The bits and opcodes of a frame header (RFC 6455, section 5.2).
const (
	bitFin  = 0x80
	bitRSV1 = 0x40 // the message is compressed (RFC 7692, section 6)
	bitRSV  = 0x70
	bitMask = 0x80

	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA

	maxControlPayload = 125 // RFC 6455, section 5.5
	maxCloseReason    = maxControlPayload - 2
)

// compressFrom is the payload size in bytes from which compression pays.
const compressFrom = 512

// maxHeader is the length of the longest header of an unmasked frame.
const maxHeader = 10

// appendHeader appends the header of an unmasked frame, as servers send them,
// with n bytes of payload. first is the header's first byte.
func appendHeader(b []byte, first byte, n int) []byte {
	switch {
	case n <= 125:
		return append(b, first, byte(n))
	case n <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(b, first, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(b, first, 127), uint64(n))
}

// newFrame builds an unmasked frame.
func newFrame(first byte, payload []byte) []byte {
	b := make([]byte, 0, maxHeader+len(payload))
	return append(appendHeader(b, first, len(payload)), payload...)
}

// textFrame builds the frame of a text message, compressed where that pays and
// compression was negotiated. The payload is that of b behind maxHeader bytes,
// where the header then goes: what is not compressed is not copied either.
func textFrame(b []byte, compression bool) []byte {
	payload := b[maxHeader:]
	if compression && len(payload) >= compressFrom {
		if compressed := deflate(payload); len(compressed) < len(payload) {
			return newFrame(bitFin|bitRSV1|opText, compressed)
		}
	}
	var room [maxHeader]byte
	header := appendHeader(room[:0], bitFin|opText, len(payload))
	frame := b[maxHeader-len(header):]
	copy(frame, header)
	return frame
}

// closeFrame builds a close frame. The reason is cut to what fits, between
// runes, and to what is UTF-8, as clients would fail on anything else.
func closeFrame(code CloseCode, reason string) []byte {
	if code == CloseNoStatus {
		return newFrame(bitFin|opClose, nil)
	}
	reason = strings.ToValidUTF8(reason[:min(len(reason), maxCloseReason)], "")
	return newFrame(bitFin|opClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // only a level that does not exist
	}
	return w
}}

// deflate compresses one message without context takeover, so that the result
// is the same for every session (RFC 7692, section 7.2.1).
func deflate(payload []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var b bytes.Buffer
	w.Reset(&b)
	// Writing to a bytes.Buffer does not fail.
	_, _ = w.Write(payload)
	_ = w.Flush()
	// The last four bytes, an empty stored block, are implied (section 7.2.1).
	return b.Bytes()[:b.Len()-4]
}
