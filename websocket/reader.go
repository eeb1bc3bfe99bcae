package websocket

import (
	"encoding/binary"
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

// frameReader reads frames from a client's byte stream (RFC 6455, section 5):
// it stops at the first bad one, as soon as its header shows that, unmasks
// payloads and puts fragmented messages together. Between messages it holds no
// memory of its own.
type frameReader struct {
	owner       frameOwner
	readLimit   int
	compression bool
	rate        frameRate

	header     [14]byte
	have       int // bytes of header that have arrived
	remaining  int // bytes of the frame's payload to come
	fragmented bool
	closed     bool          // a close frame has arrived whole
	first      byte          // the first header's first byte of the message under way
	key        [4]byte       // the frame's masking key, turned to the next byte to come
	since      time.Duration // when the message under way began; 0 when there is none
	message    []byte        // the payload of the message under way, so far
	control    []byte        // the payload of the control frame under way, so far
}

// frameOwner is the session of a frameReader. It owns the payloads.
type frameOwner interface {
	// receive takes a whole message, decompressed where compressed is set.
	receive(opcode byte, payload []byte, compressed bool)
	// ping takes a ping.
	ping(payload []byte)
	// peerClosed takes the close frame, behind which nothing is read (RFC 6455,
	// section 1.4). Its payload is not a single byte.
	peerClosed(payload []byte)
}

// eagerPayload is how much room is made for a payload before it arrives.
const eagerPayload = 4 << 10

// scan reads the next bytes of the stream, which arrived at now, and tells the
// owner of what is whole with them. It returns what is wrong with the first bad
// frame. Neither it nor the owner keeps p.
func (r *frameReader) scan(p []byte, now time.Duration) *violation {
	for len(p) > 0 && !r.closed {
		if r.remaining > 0 {
			n := min(r.remaining, len(p))
			r.take(p[:n])
			p = p[n:]
			if r.remaining == 0 {
				r.endFrame()
			}
			continue
		}
		if r.have == 0 && r.since == 0 {
			r.since = now
		}
		r.header[r.have] = p[0]
		r.have++
		p = p[1:]
		if bad := r.checkHeader(now); bad != nil {
			return bad
		}
	}
	return nil
}

// checkHeader checks what has arrived of a frame header, as soon as it can be
// checked, and starts the frame when the header is whole.
func (r *frameReader) checkHeader(now time.Duration) *violation {
	switch {
	case r.have < 2:
		return nil
	case r.have == 2:
		if bad := r.checkFlags(); bad != nil {
			return bad
		}
		if !r.rate.allow(now) {
			return &violation{ClosePolicyViolation, "too many frames"}
		}
	}
	length, size := r.length(), 6
	switch length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if r.have < size {
		return nil
	}
	n := uint64(length)
	switch length {
	case 126:
		if n = uint64(binary.BigEndian.Uint16(r.header[2:])); n < 126 {
			return protocolError("frame length is not minimal")
		}
	case 127:
		if n = binary.BigEndian.Uint64(r.header[2:]); n>>63 != 0 {
			return protocolError("frame length is over 2^63-1")
		} else if n <= 0xFFFF {
			return protocolError("frame length is not minimal")
		}
	}
	r.key = [4]byte(r.header[size-4:])
	return r.startFrame(n)
}

// checkFlags checks the first two bytes of a frame header.
func (r *frameReader) checkFlags() *violation {
	first, opcode := r.header[0], r.opcode()
	control := opcode >= opClose
	reserved := first & bitRSV
	if r.compression && (opcode == opText || opcode == opBinary) {
		reserved &^= bitRSV1
	}
	switch {
	case reserved != 0:
		return protocolError("reserved bit is set")
	case opcode > opBinary && opcode < opClose || opcode > opPong:
		return protocolError("reserved opcode")
	case r.header[1]&bitMask == 0:
		return protocolError("frame is not masked")
	case control && first&bitFin == 0:
		return protocolError("control frame is fragmented")
	case control && r.length() > maxControlPayload:
		return protocolError("control frame is over 125 bytes")
	case opcode == opClose && r.length() == 1:
		return protocolError("close frame has half a code")
	case opcode == opContinuation && !r.fragmented:
		return protocolError("continuation of no message")
	case (opcode == opText || opcode == opBinary) && r.fragmented:
		return protocolError("message begins inside another")
	}
	return nil
}

// startFrame notes a whole header with a payload of n bytes.
func (r *frameReader) startFrame(n uint64) *violation {
	r.have = 0
	if opcode := r.opcode(); opcode < opClose {
		if n > uint64(r.readLimit-len(r.message)) {
			return &violation{CloseMessageTooBig, "message is over the read limit"}
		}
		if opcode != opContinuation {
			r.first = r.header[0]
			r.message = make([]byte, 0, min(n, eagerPayload))
		}
		r.fragmented = r.header[0]&bitFin == 0
	}
	r.remaining = int(n)
	if n == 0 {
		r.endFrame()
	}
	return nil
}

// take unmasks the next bytes of the frame's payload.
func (r *frameReader) take(p []byte) {
	payload := &r.message
	if r.opcode() >= opClose {
		payload = &r.control
	}
	n := len(*payload)
	*payload = append(*payload, p...)
	unmask((*payload)[n:], &r.key)
	r.remaining -= len(p)
}

// endFrame hands on what the end of a frame makes whole. Since the read timeout
// is for a whole message, a control frame inside a fragmented one does not
// restart it.
func (r *frameReader) endFrame() {
	if !r.fragmented {
		r.since = 0
	}
	control := r.control
	r.control = nil
	switch opcode := r.opcode(); {
	case opcode == opClose:
		r.closed = true
		r.owner.peerClosed(control)
	case opcode == opPing:
		r.owner.ping(control)
	case opcode < opClose && !r.fragmented:
		message := r.message
		r.message = nil
		r.owner.receive(r.first&0x0F, message, r.first&bitRSV1 != 0)
	}
}

// opcode and length are those of the frame under way, or of the last one
// between frames; length is the header's 7 bits.
func (r *frameReader) opcode() byte { return r.header[0] & 0x0F }
func (r *frameReader) length() byte { return r.header[1] &^ bitMask }

// unmask undoes the masking of p and turns the key to the byte behind it
// (RFC 6455, section 5.3).
func unmask(p []byte, key *[4]byte) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	for k |= k << 32; len(p) >= 8; p = p[8:] {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
	}
	for i := range p {
		p[i] ^= key[i%4]
	}
	if turn := 8 * (len(p) % 4); turn > 0 {
		binary.LittleEndian.PutUint32(key[:], uint32(k>>turn))
	}
}
