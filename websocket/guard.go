package websocket

import (
	"encoding/binary"
	"sync/atomic"
	"time"
)

// A violation is why a connection must be closed for what its peer sent.
type violation struct {
	code   CloseCode
	reason string
}

func (v *violation) Error() string { return v.reason }

func protocolError(reason string) *violation {
	return &violation{CloseProtocolError, reason}
}

// frameGuard reads the frame headers in a client's byte stream before gws does
// and stops the stream at the first bad one. gws 1.8.9 panics on a length of
// 2^64-1, accepts lengths that are negative or not minimal, and closes with
// codes and texts of its own; behind the guard it sees none of that.
type frameGuard struct {
	limits      *Limits
	rate        frameRate
	since       atomic.Int64 // when the message under way began, which others read; 0 when there is none
	remaining   int          // bytes of the frame's payload to come
	message     int          // payload bytes of the fragmented message so far
	header      [14]byte
	have        uint8 // bytes of header that have arrived
	compression bool
	fragmented  bool
	closed      bool // a close frame has arrived whole
}

// scan reads the next bytes of the stream, which arrived at now. It returns how
// many of them gws may see: those before the first bad frame, with what is wrong
// with that, or up to the end of a close frame, behind which nothing counts
// (RFC 6455, section 1.4).
func (g *frameGuard) scan(p []byte, now time.Duration) (int, *violation) {
	for i := 0; i < len(p); {
		if g.closed {
			return i, nil
		}
		if g.remaining > 0 {
			n := min(g.remaining, len(p)-i)
			g.remaining -= n
			i += n
			if g.remaining == 0 {
				g.endFrame()
			}
			continue
		}
		begin := max(0, i-int(g.have))
		if g.have == 0 && g.since.Load() == 0 {
			g.since.Store(int64(now))
		}
		g.header[g.have] = p[i]
		g.have++
		i++
		if bad := g.checkHeader(now); bad != nil {
			return begin, bad
		}
	}
	return len(p), nil
}

// checkHeader checks what has arrived of a frame header, as soon as it can be
// checked, and starts the frame when the header is whole.
func (g *frameGuard) checkHeader(now time.Duration) *violation {
	switch {
	case g.have < 2:
		return nil
	case g.have == 2:
		if bad := g.checkFlags(); bad != nil {
			return bad
		}
		if !g.rate.allow(now, g.limits.FrameRate) {
			return &violation{ClosePolicyViolation, "too many frames"}
		}
	}
	length, size := g.length(), uint8(6)
	switch length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if g.have < size {
		return nil
	}
	n := uint64(length)
	switch length {
	case 126:
		if n = uint64(binary.BigEndian.Uint16(g.header[2:])); n < 126 {
			return protocolError("frame length is not minimal")
		}
	case 127:
		if n = binary.BigEndian.Uint64(g.header[2:]); n>>63 != 0 {
			return protocolError("frame length is over 2^63-1")
		} else if n <= 0xFFFF {
			return protocolError("frame length is not minimal")
		}
	}
	return g.startFrame(n)
}

// checkFlags checks the first two bytes of a frame header.
func (g *frameGuard) checkFlags() *violation {
	first, opcode := g.header[0], g.opcode()
	control := opcode >= opClose
	reserved := first & bitRSV
	if g.compression && (opcode == opText || opcode == opBinary) {
		reserved &^= bitRSV1
	}
	switch {
	case reserved != 0:
		return protocolError("reserved bit is set")
	case opcode > opBinary && opcode < opClose || opcode > opPong:
		return protocolError("reserved opcode")
	case g.header[1]&bitMask == 0:
		return protocolError("frame is not masked")
	case control && first&bitFin == 0:
		return protocolError("control frame is fragmented")
	case control && g.length() > maxControlPayload:
		return protocolError("control frame is over 125 bytes")
	case opcode == opClose && g.length() == 1:
		return protocolError("close frame has half a code")
	case opcode == opContinuation && !g.fragmented:
		return protocolError("continuation of no message")
	case (opcode == opText || opcode == opBinary) && g.fragmented:
		return protocolError("message begins inside another")
	}
	return nil
}

// startFrame notes a whole header with a payload of n bytes.
func (g *frameGuard) startFrame(n uint64) *violation {
	g.have = 0
	if g.opcode() < opClose {
		if !g.fragmented {
			g.message = 0
		}
		if n > uint64(g.limits.ReadLimit-g.message) {
			return &violation{CloseMessageTooBig, "message is over the read limit"}
		}
		g.message += int(n)
		g.fragmented = g.header[0]&bitFin == 0
	}
	g.remaining = int(n)
	if n == 0 {
		g.endFrame()
	}
	return nil
}

// endFrame notes the end of a frame. Since the read timeout is for a whole
// message, a control frame inside a fragmented one does not restart it.
func (g *frameGuard) endFrame() {
	if !g.fragmented {
		g.since.Store(0)
	}
	g.closed = g.opcode() == opClose
}

// opcode and length are those of the frame under way, or of the last one
// between frames; length is the header's 7 bits.
func (g *frameGuard) opcode() byte { return g.header[0] & 0x0F }
func (g *frameGuard) length() byte { return g.header[1] &^ bitMask }
