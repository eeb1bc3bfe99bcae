package websocket

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"
)

// readFrames is the owner of a frameReader under test.
type readFrames []string

func (r *readFrames) receive(opcode byte, payload []byte, compressed bool) {
	*r = append(*r, fmt.Sprint("message ", opcode, compressed, string(payload)))
}
func (r *readFrames) ping(payload []byte)       { *r = append(*r, "ping "+string(payload)) }
func (r *readFrames) peerClosed(payload []byte) { *r = append(*r, "close "+string(payload)) }

// FuzzFrameReader compares reading a stream at once with reading it in parts,
// whose lengths the second argument has: the verdict is the same, and so is what
// came before it.
func FuzzFrameReader(f *testing.F) {
	const masked = "\x37\xfa\x21\x3d"
	for _, seed := range []string{
		"\x81\x85" + masked + "hello",
		"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" + masked,
		"\x01\x80" + masked + "\x89\x80" + masked + "\x80\x81" + masked + "a",
		"\x01\x83" + masked + "abc\x89\x85" + masked + "hello\x80\x81" + masked + "d",
		"\x81\xfe\x00\x7e" + masked + string(make([]byte, 126)) + "\x88\x82" + masked + "\x00\x00behind",
		"\x88\x81" + masked + "a",
		"\xc1\x80" + masked + "\xc0\x80" + masked,
		"\x01\xfe\x03\xe8" + masked + string(make([]byte, 1000)) + "\x80\x81" + masked,
	} {
		f.Add([]byte(seed), []byte{1}, false)
		f.Add([]byte(seed), []byte{3, 1, 4}, true)
	}
	f.Fuzz(func(t *testing.T, stream, parts []byte, compression bool) {
		// The rate of the frames is limited, and their time stands still.
		fresh := func(owner frameOwner) *frameReader {
			return &frameReader{owner: owner, readLimit: 1000, compression: compression, rate: newFrameRate(4)}
		}
		var atOnce, inParts readFrames
		whole, partly := fresh(&atOnce), fresh(&inParts)
		bad := whole.scan(stream, time.Second)
		var verdict *violation
		for turn, rest := 0, stream; len(rest) > 0 && verdict == nil; turn++ {
			size := len(rest)
			if len(parts) > 0 {
				size = min(size, 1+int(parts[turn%len(parts)]))
			}
			verdict = partly.scan(rest[:size], time.Second)
			rest = rest[size:]
		}
		if (bad == nil) != (verdict == nil) || bad != nil && *bad != *verdict {
			t.Fatalf("the verdict is %v at once and %v in parts", bad, verdict)
		}
		if !slices.Equal(atOnce, inParts) {
			t.Errorf("read %q at once and %q in parts", atOnce, inParts)
		}
		if whole.since != partly.since || whole.closed != partly.closed {
			t.Errorf("the reader is %+v at once and %+v in parts", whole, partly)
		}
	})
}

// Unmasking in any parts is unmasking byte by byte (RFC 6455, section 5.3).
func TestUnmask(t *testing.T) {
	const size = 40
	for cut := range size + 1 {
		for end := cut; end <= size; end++ {
			var masked, want [size]byte
			key := [4]byte{1, 20, 150, 255}
			for i := range masked {
				masked[i] = byte(7 * i)
				want[i] = masked[i] ^ key[i%4]
			}
			unmask(masked[:cut], &key)
			unmask(masked[cut:end], &key)
			unmask(masked[end:], &key)
			if masked != want {
				t.Fatalf("cut at %d and %d: unmasked %x, want %x", cut, end, masked, want)
			}
		}
	}
}

// A header is checked as soon as it can be: its bad bytes do not wait for more.
func TestReaderDoesNotWaitForTheRestOfABadHeader(t *testing.T) {
	for _, header := range [][]byte{{0x83, 0x80}, {0x81, 0x00}, {0x89, 0xfe}, {0x80, 0x80}, {0x88, 0x81}} {
		r := frameReader{readLimit: 1000}
		if bad := r.scan(header, 1); bad == nil {
			t.Errorf("header %x is taken", header)
		}
	}
	// Of a long one, all but the masking key is enough to know, and not needed
	// before the payload.
	r := frameReader{readLimit: 1000}
	long := binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, 1<<20)
	if bad := r.scan(append(long, 1, 2, 3, 4), 1); bad == nil || bad.code != CloseMessageTooBig {
		t.Errorf("the verdict is %v", bad)
	}
}
