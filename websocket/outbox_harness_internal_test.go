package websocket

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// patience bounds every wait of a test; see the harness.
const patience = 30 * time.Second

// outboxProbe is the owner of an outbox under test.
type outboxProbe struct {
	clock  atomic.Int64
	sent   atomic.Int64
	failed chan error
}

func (p *outboxProbe) now() time.Duration    { return time.Duration(p.clock.Load()) }
func (p *outboxProbe) written(frames int)    { p.sent.Add(int64(frames)) }
func (p *outboxProbe) writeFailed(err error) { p.failed <- err }

// newOutbox returns an outbox that has not started, with room for what the
// limits say.
func newOutbox(messages, bytes int) (*outbox, *outboxProbe) {
	probe := &outboxProbe{failed: make(chan error, 1)}
	probe.clock.Store(1)
	l := &Limits{OutboxMessages: messages, OutboxBytes: bytes}
	return &outbox{owner: probe, limits: l, draining: true}, probe
}

// steppedConn hands each write to the test and returns what the test says.
type steppedConn struct {
	net.Conn
	writes  chan []byte
	results chan error
}

func newSteppedConn() *steppedConn {
	return &steppedConn{writes: make(chan []byte), results: make(chan error)}
}

func (c *steppedConn) Write(p []byte) (int, error) {
	c.writes <- bytes.Clone(p)
	if err := <-c.results; err != nil {
		return 0, err
	}
	return len(p), nil
}

// next returns the next write, which waits for its result.
func (c *steppedConn) next(t testing.TB) []byte {
	t.Helper()
	select {
	case p := <-c.writes:
		return p
	case <-time.After(patience):
		t.Fatal("nothing is written")
		return nil
	}
}

// all lets each write pass until the outbox is idle, and returns what was written.
func (c *steppedConn) all(t testing.TB, o *outbox) (stream []byte) {
	t.Helper()
	idle := make(chan struct{})
	go func() {
		o.wait()
		close(idle)
	}()
	for {
		select {
		case p := <-c.writes:
			stream = append(stream, p...)
			c.results <- nil
		case <-idle:
			return stream
		case <-time.After(patience):
			t.Fatal("the outbox does not get done")
		}
	}
}

// textOf returns a frame of the given size, header included, that begins with
// its number.
func textOf(number, size int) []byte {
	header := 2
	switch {
	case size-10 > 0xFFFF:
		header = 10
	case size-4 > 125:
		header = 4
	}
	return newFrame(bitFin|opText, payloadOf(number, max(size-header, 4)))
}

func payloadOf(number, size int) []byte {
	payload := make([]byte, size)
	binary.BigEndian.PutUint32(payload, uint32(number))
	for i := range payload[4:] {
		payload[4+i] = byte(number + i)
	}
	return payload
}

type parsedFrame struct {
	opcode  byte
	payload []byte
}

// number is the number of a frame made by textOf.
func (f parsedFrame) number() int { return int(binary.BigEndian.Uint32(f.payload)) }

func (f parsedFrame) intact() bool {
	return bytes.Equal(f.payload, payloadOf(f.number(), len(f.payload)))
}

// readFrame reads one unmasked frame.
func readFrame(r io.Reader) (f parsedFrame, err error) {
	var header [8]byte
	if _, err := io.ReadFull(r, header[:2]); err != nil {
		return f, err
	}
	f.opcode = header[0] & 0x0F
	size := uint64(header[1])
	switch size {
	case 126:
		_, err = io.ReadFull(r, header[:2])
		size = uint64(binary.BigEndian.Uint16(header[:]))
	case 127:
		_, err = io.ReadFull(r, header[:])
		size = binary.BigEndian.Uint64(header[:])
	}
	if err != nil {
		return f, err
	}
	f.payload = make([]byte, size)
	_, err = io.ReadFull(r, f.payload)
	return f, err
}

func parse(t testing.TB, stream []byte) (frames []parsedFrame) {
	t.Helper()
	for r := bytes.NewReader(stream); r.Len() > 0; {
		f, err := readFrame(r)
		if err != nil {
			t.Fatalf("frame %d is broken: %v", len(frames), err)
		}
		frames = append(frames, f)
	}
	return frames
}

// kinds describes a stream by its frames: the number of a text, or the opcode's name.
func kinds(t testing.TB, stream []byte) (kinds []any) {
	t.Helper()
	for _, f := range parse(t, stream) {
		switch f.opcode {
		case opText:
			if !f.intact() {
				t.Fatalf("frame %d is damaged", f.number())
			}
			kinds = append(kinds, f.number())
		case opPing:
			kinds = append(kinds, "ping")
		case opPong:
			kinds = append(kinds, "pong "+string(f.payload))
		case opClose:
			kinds = append(kinds, "close")
		}
	}
	return kinds
}

func push(t testing.TB, o *outbox, frames ...[]byte) {
	t.Helper()
	for _, frame := range frames {
		if err := o.push(frame); err != nil {
			t.Fatal(err)
		}
	}
}

func same(t testing.TB, what string, got []any, want ...any) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
