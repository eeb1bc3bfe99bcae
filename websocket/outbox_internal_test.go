package websocket

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestOutboxWritesWhatWaitsAtOnce(t *testing.T) {
	o, probe := newOutbox(1000, 1<<20)
	conn := newSteppedConn()
	push(t, o, textOf(0, 50))
	o.start(conn)
	first := conn.next(t)
	for i := 1; i <= 500; i++ {
		push(t, o, textOf(i, 50))
	}
	conn.results <- nil
	second := conn.next(t)
	if got := len(parse(t, second)); got != batchFrames {
		t.Errorf("one write has %d frames, want %d", got, batchFrames)
	}
	conn.results <- nil
	stream := slices.Concat(first, second, conn.all(t, o))
	for i, f := range parse(t, stream) {
		if f.number() != i {
			t.Fatalf("frame %d came in place %d", f.number(), i)
		}
	}
	if got := probe.sent.Load(); got != 501 {
		t.Errorf("%d frames were counted, want 501", got)
	}
}

func TestOutboxWritesLargeFramesInPieces(t *testing.T) {
	o, probe := newOutbox(10, 1<<20)
	conn := newSteppedConn()
	large := textOf(1, 3*batchBytes+100)
	push(t, o, large, textOf(2, 100))
	o.start(conn)
	var stream []byte
	for i, want := range []int{batchBytes, batchBytes, batchBytes, 200} {
		p := conn.next(t)
		if len(p) != want {
			t.Fatalf("write %d has %d bytes, want %d", i, len(p), want)
		}
		stream = append(stream, p...)
		// All of the frame is held to its end, so all of it counts.
		if o.mu.Lock(); o.bytes != len(large)+100 || o.queue.len() != 2 {
			t.Errorf("during write %d the outbox counts %d bytes in %d frames", i, o.bytes, o.queue.len())
		}
		o.mu.Unlock()
		conn.results <- nil
	}
	stream = append(stream, conn.all(t, o)...)
	same(t, "the stream", kinds(t, stream), 1, 2)
	if got := probe.sent.Load(); got != 2 {
		t.Errorf("%d frames were counted, want 2", got)
	}
}

// A control frame may stand between any two frames and inside none. It must not
// wait until no large frame is left either: they can keep coming.
func TestOutboxPutsControlFramesBetweenFrames(t *testing.T) {
	o, _ := newOutbox(10, 1<<20)
	conn := newSteppedConn()
	push(t, o, textOf(1, batchBytes+1), textOf(2, batchBytes), textOf(3, batchBytes))
	o.start(conn)
	stream := conn.next(t)
	o.pong([]byte("a"))
	conn.results <- nil
	stream = append(stream, conn.all(t, o)...)
	o.ping()
	stream = append(stream, conn.next(t)...)
	push(t, o, textOf(4, 10))
	o.pong([]byte("b"))
	conn.results <- nil
	stream = append(stream, conn.all(t, o)...)
	same(t, "the stream", kinds(t, stream), 1, "pong a", 2, 3, "ping", "pong b", 4)
}

func TestOutboxHoldsOneControlFrame(t *testing.T) {
	o, _ := newOutbox(10, 1<<20)
	conn := newSteppedConn()
	push(t, o, textOf(1, 10))
	o.start(conn)
	stream := conn.next(t)
	o.ping()
	o.pong([]byte("first"))
	o.pong([]byte("second"))
	o.ping()
	conn.results <- nil
	stream = append(stream, conn.all(t, o)...)
	same(t, "the stream", kinds(t, stream), 1, "pong second")
}

// numbers returns 1 to n.
func numbers(n int) (all []any) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

func TestOutboxEndsWithTheCloseFrame(t *testing.T) {
	last := closeFrame(CloseNormal, "")
	large := batchBytes + 50
	for _, test := range []struct {
		name  string
		sizes []int // of the frames that wait at the end; the first is being written
		steps int   // writes that have passed by then
		flush bool
		want  []any
	}{
		{"flushed", []int{10, 10, 10}, 0, true, []any{1, 2, 3, "close"}},
		{"flushed in batches", slices.Repeat([]int{10}, 2*batchFrames+1), 0, true, append(numbers(2*batchFrames+1), "close")},
		{"flushed in pieces", []int{large, large, large}, 1, true, []any{1, 2, 3, "close"}},
		{"dropped while written", []int{10, 10, 10}, 0, false, []any{1, "close"}},
		{"dropped in the first piece", []int{large, 10, 10}, 0, false, []any{1, "close"}},
		{"dropped with the next begun", []int{large, large, large}, 1, false, []any{1, 2, "close"}},
		{"dropped with others whole", []int{large, 10, 10, large, 10}, 1, false, []any{1, 2, 3, 4, "close"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, _ := newOutbox(1000, 1<<20)
			conn := newSteppedConn()
			push(t, o, textOf(1, test.sizes[0]))
			o.start(conn)
			stream := conn.next(t) // which has no more than the first frame
			for i, size := range test.sizes[1:] {
				push(t, o, textOf(2+i, size))
			}
			for range test.steps {
				conn.results <- nil
				stream = append(stream, conn.next(t)...)
			}
			o.ping()
			o.end(last, test.flush)
			o.end(closeFrame(CloseKicked, ""), false)
			o.pong(nil)
			o.ping()
			if err := o.push(textOf(99, 10)); !errors.Is(err, ErrSessionClosed) {
				t.Errorf("a push after the end returned %v", err)
			}
			conn.results <- nil
			stream = append(stream, conn.all(t, o)...)
			same(t, "the stream", kinds(t, stream), test.want...)
			if !bytes.HasSuffix(stream, last) {
				t.Error("the stream does not end with the first close frame")
			}
			if o.bytes != 0 || o.queue.len() != 0 {
				t.Errorf("%d bytes in %d frames are left", o.bytes, o.queue.len())
			}
		})
	}
}

// The end may come between two writes of one frame, when none is under way.
func TestOutboxEndsBetweenTwoPieces(t *testing.T) {
	o, _ := newOutbox(10, 1<<20) // which does not write by itself yet
	push(t, o, textOf(1, batchBytes+50), textOf(2, 10))
	buffers, n := o.next(nil)
	stream := slices.Concat(buffers...)
	o.complete(n)
	o.end(closeFrame(CloseSlowConsumer, ""), false)
	buffers, _ = o.next(nil)
	same(t, "the stream", kinds(t, append(stream, slices.Concat(buffers...)...)), 1, "close")
}

func TestOutboxIsDoneAfterAFailedWrite(t *testing.T) {
	broken := errors.New("broken")
	for _, dropping := range []bool{false, true} {
		o, probe := newOutbox(10, 1<<20)
		conn := newSteppedConn()
		push(t, o, textOf(1, 10), textOf(2, 10))
		o.start(conn)
		conn.next(t)
		push(t, o, textOf(3, 10))
		o.ping()
		if dropping {
			o.end(closeFrame(CloseSlowConsumer, ""), false)
		}
		conn.results <- broken
		if stream := conn.all(t, o); len(stream) > 0 {
			t.Errorf("%q was written after a failed write", stream)
		}
		if err := <-probe.failed; !errors.Is(err, broken) {
			t.Errorf("the owner was told %v", err)
		}
		if probe.sent.Load() != 0 {
			t.Error("frames of the failed write were counted")
		}
		if err := o.push(textOf(4, 10)); !errors.Is(err, ErrSessionClosed) {
			t.Errorf("a push after a failed write returned %v", err)
		}
		o.end(closeFrame(CloseNormal, ""), true)
		o.wait()
	}
}

func TestOutboxBounds(t *testing.T) {
	for _, test := range []struct {
		name            string
		messages, bytes int
		sizes           []int
		want            []error
	}{
		{"messages", 2, 1000, []int{10, 10, 10}, []error{nil, nil, ErrSlowConsumer}},
		{"bytes", 10, 100, []int{60, 40, 6}, []error{nil, nil, ErrSlowConsumer}},
		{"room for a smaller one", 10, 100, []int{60, 41, 40}, []error{nil, ErrSlowConsumer, nil}},
		{"exactly full", 1, 100, []int{100}, []error{nil}},
		{"never fits", 10, 100, []int{101, 100}, []error{ErrMessageTooLarge, nil}},
		{"never fits a full one", 1, 100, []int{100, 101}, []error{nil, ErrMessageTooLarge}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, _ := newOutbox(test.messages, test.bytes)
			for i, size := range test.sizes {
				if err := o.push(textOf(i, size)); !errors.Is(err, test.want[i]) {
					t.Errorf("push %d returned %v, want %v", i, err, test.want[i])
				}
			}
		})
	}
}

func TestOutboxKnowsHowLongAWriteTakes(t *testing.T) {
	o, probe := newOutbox(10, 1<<20)
	conn := newSteppedConn()
	probe.clock.Store(int64(time.Hour))
	push(t, o, textOf(1, 10))
	o.start(conn)
	conn.next(t)
	if got := o.stalledFor(time.Hour + time.Second); got != time.Second {
		t.Errorf("the write has run for %s, want 1s", got)
	}
	conn.results <- nil
	o.wait()
	if got := o.stalledFor(2 * time.Hour); got != 0 {
		t.Errorf("no write runs, and it has for %s", got)
	}
}

func TestIdleOutboxKeepsNoRoom(t *testing.T) {
	o, _ := newOutbox(1000, 1<<20)
	conn := newSteppedConn()
	for i := range 1000 {
		push(t, o, textOf(i, 10))
	}
	o.start(conn)
	conn.all(t, o)
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := cap(o.queue.items); c > keepCapacity || o.draining || o.bytes != 0 {
		t.Errorf("the idle outbox has room for %d frames, counts %d bytes, draining is %t", c, o.bytes, o.draining)
	}
}
