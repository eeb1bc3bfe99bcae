package websocket

import (
	"encoding/binary"
	"testing"
	"time"
)

// FuzzFrameGuard compares scanning a stream at once with scanning it in parts,
// whose lengths the second argument has: the verdict is the same, and so is what
// gws may see, but for the part of a bad frame's header that came before.
func FuzzFrameGuard(f *testing.F) {
	const masked = "\x37\xfa\x21\x3d"
	for _, seed := range []string{
		"\x81\x85" + masked + "hello",
		"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" + masked,
		"\x01\x80" + masked + "\x89\x80" + masked + "\x80\x81" + masked + "a",
		"\x81\xfe\x00\x7e" + masked + string(make([]byte, 126)) + "\x88\x82" + masked + "\x00\x00behind",
		"\x88\x81" + masked + "a",
		"\xc1\x80" + masked + "\xc0\x80" + masked,
		"\x01\xfe\x03\xe8" + masked + string(make([]byte, 1000)) + "\x80\x81" + masked,
	} {
		f.Add([]byte(seed), []byte{1}, false)
		f.Add([]byte(seed), []byte{3, 1, 4}, true)
	}
	f.Fuzz(func(t *testing.T, stream, parts []byte, compression bool) {
		limits := Limits{ReadLimit: 1000, FrameRate: 4}
		// The rate of the frames is limited, and their time stands still.
		fresh := func() *frameGuard {
			return &frameGuard{limits: &limits, compression: compression}
		}
		whole := fresh()
		valid, bad := whole.scan(stream, time.Second)
		if valid > len(stream) || bad == nil && !whole.closed && valid != len(stream) {
			t.Fatalf("%d of %d bytes are valid without a verdict", valid, len(stream))
		}
		var (
			partly            = fresh()
			seen, begin, turn int
			verdict           *violation
		)
		for rest := stream; len(rest) > 0 && verdict == nil; {
			size := len(rest)
			if len(parts) > 0 {
				size = min(size, 1+int(parts[turn%len(parts)]))
			}
			turn++
			begin = len(stream) - len(rest)
			var n int
			n, verdict = partly.scan(rest[:size], time.Second)
			seen += n
			if n < size {
				break
			}
			rest = rest[size:]
		}
		if (bad == nil) != (verdict == nil) || bad != nil && *bad != *verdict {
			t.Fatalf("the verdict is %v at once and %v in parts", bad, verdict)
		}
		if bad != nil {
			valid = max(valid, begin)
		}
		if seen != valid {
			t.Errorf("%d bytes are valid in parts, want %d", seen, valid)
		}
		if bad == nil && *partly != *whole {
			t.Errorf("the guard is %+v at once and %+v in parts", whole, partly)
		}
	})
}

// A header is checked as soon as it can be: its bad bytes do not wait for more.
func TestGuardDoesNotWaitForTheRestOfABadHeader(t *testing.T) {
	for _, header := range [][]byte{{0x83, 0x80}, {0x81, 0x00}, {0x89, 0xfe}, {0x80, 0x80}, {0x88, 0x81}} {
		g := frameGuard{limits: &Limits{ReadLimit: 1000}}
		if valid, bad := g.scan(header, 1); valid != 0 || bad == nil {
			t.Errorf("header %x: %d bytes are valid, %v", header, valid, bad)
		}
	}
	// Of a long one, all but the masking key is enough to know, and not needed
	// before gws could use it.
	g := frameGuard{limits: &Limits{ReadLimit: 1000}}
	long := binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, 1<<20)
	if _, bad := g.scan(append(long, 1, 2, 3, 4), 1); bad == nil || bad.code != CloseMessageTooBig {
		t.Errorf("the verdict is %v", bad)
	}
}
