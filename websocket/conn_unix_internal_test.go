//go:build unix

package websocket

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// newPipedConn returns the connection of a session without a client, which reads
// what the test writes as from a socket.
func newPipedConn(t *testing.T, limits Limits) (*peerConn, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	c := &peerConn{session: &Session{server: &Server{}}}
	c.guard.limits = &limits
	if c.socket, err = r.SyscallConn(); err != nil {
		t.Fatal(err)
	}
	c.receive = receiver(c)
	return c, w
}

// What has arrived is read at once, however little of it is asked for, and the
// buffer is there no longer than that takes.
func TestBurstIsReadOnce(t *testing.T) {
	c, w := newPipedConn(t, Limits{ReadLimit: 1 << 16})
	reads := 0
	receive := c.receive
	c.receive = func(fd uintptr) bool {
		arrived := receive(fd)
		if arrived {
			reads++
		}
		return arrived
	}
	for range 2 {
		frames := bytes.Repeat(maskedText(200), 10)
		if _, err := w.Write(frames); err != nil {
			t.Fatal(err)
		}
		reads = 0
		part := make([]byte, 16)
		for rest := frames; len(rest) > 0; {
			n, err := c.Read(part)
			if n == 0 || err != nil || !bytes.HasPrefix(rest, part[:n]) {
				t.Fatalf("read %x, %v", part[:n], err)
			}
			rest = rest[n:]
		}
		if reads != 1 {
			t.Errorf("%d reads for one burst", reads)
		}
		if c.burst != nil {
			t.Error("the buffer is kept while nothing is unread")
		}
	}
}

// FuzzBursts reads a stream in parts of the lengths that the second argument
// has: gws sees the stream up to the first bad frame, and then its violation.
func FuzzBursts(f *testing.F) {
	bad := []byte{bitFin | opText, 0} // not masked
	text := maskedText(200)
	closing := []byte{bitFin | opClose, bitMask, 1, 2, 3, 4}
	large := maskedText(3 * readSize)
	f.Add(text, []byte{0})
	f.Add(append(bytes.Clone(text), bad...), []byte{15, 0, 255})
	f.Add(append(append(bytes.Clone(text), closing...), text...), []byte{15})
	f.Add(append(append(bytes.Clone(large), text...), bad...), []byte{15, 255})
	f.Add(bad, []byte{})
	f.Fuzz(func(t *testing.T, stream, parts []byte) {
		stream = stream[:min(len(stream), 1<<15)] // a pipe takes more
		limits := Limits{ReadLimit: 1 << 14}
		guard := frameGuard{limits: &limits}
		valid, bad := guard.scan(stream, 1)
		c, w := newPipedConn(t, limits)
		if _, err := w.Write(stream); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var (
			seen []byte
			err  error
		)
		for turn := 0; err == nil; turn++ {
			size := 16
			if len(parts) > 0 {
				size = 1 + int(parts[turn%len(parts)])
			}
			part := make([]byte, size)
			var n int
			n, err = c.Read(part)
			if n == 0 && err == nil {
				t.Fatal("nothing is read, without an error")
			}
			seen = append(seen, part[:n]...)
		}
		// Of a bad frame's header, what came in the read before may be seen.
		if !bytes.HasPrefix(stream, seen) || len(seen) < valid || len(seen) >= valid+len(guard.header) {
			t.Errorf("%d bytes are seen, want %d", len(seen), valid)
		}
		verdict, violated := errors.AsType[*violation](err)
		if violated != (bad != nil) || violated && *verdict != *bad || !violated && !errors.Is(err, io.EOF) {
			t.Errorf("the error is %v, want %v", err, bad)
		}
		if !c.failed {
			t.Error("gws has the error, and the connection does not know")
		}
	})
}
