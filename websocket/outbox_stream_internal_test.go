package websocket

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// The stream must be whole whatever comes together: frames of all sizes from
// several senders, control frames, a reader that takes odd amounts, over TCP
// (writev) and over a connection that has no writev. And never may the outbox
// hold more than its bounds.
func TestOutboxStreamUnderConcurrency(t *testing.T) {
	t.Run("writev", func(t *testing.T) {
		near, far := tcpPair(t)
		checkStream(t, near, far, nil)
	})
	t.Run("writers", func(t *testing.T) {
		near, far := tcpPair(t)
		var running sync.WaitGroup
		checkStream(t, near, far, &writers{running: &running})
		running.Wait()
	})
	t.Run("joined", func(t *testing.T) {
		near, far := net.Pipe()
		checkStream(t, near, far, nil)
	})
}

// tcpPair returns the two ends of a connection. The near one takes little at a time.
func tcpPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if far, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	if err := near.(*net.TCPConn).SetWriteBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	return near, far
}

func checkStream(t *testing.T, near, far net.Conn, w *writers) {
	const senders, each, maxMessages, maxBytes = 8, 200, 40, 400 << 10
	o, probe := newOutbox(maxMessages, maxBytes)
	o.writers = w
	o.start(near)
	var sending, watching sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			random := rand.New(rand.NewPCG(uint64(sender), 1))
			for i := range each {
				size := 10 + random.IntN(300)
				if random.IntN(10) == 0 {
					size = random.IntN(maxBytes / 2)
				}
				frame := textOf(sender*each+i, size)
				for o.push(frame) != nil {
					o.pong([]byte("full"))
					runtime.Gosched()
				}
				if random.IntN(5) == 0 {
					o.ping()
				}
			}
		})
	}
	stop := make(chan struct{})
	watching.Go(func() {
		for partly := 0; ; {
			o.mu.Lock()
			held := 0
			for _, frame := range o.queue.waiting() {
				held += len(frame)
			}
			if o.offset > 0 {
				partly++
			}
			messages, bytes := o.queue.len(), o.bytes
			o.mu.Unlock()
			if messages > maxMessages || held > maxBytes || held != bytes {
				t.Errorf("%d bytes in %d frames are held, and %d counted", held, messages, bytes)
				return
			}
			select {
			case <-stop:
				t.Logf("looked at a frame partly written %d times", partly)
				return
			default:
				runtime.Gosched()
			}
		}
	})
	go func() {
		sending.Wait()
		o.end(closeFrame(CloseNormal, ""), true)
		o.wait()
		near.Close()
	}()
	next := make([]int, senders)
	controls, closed := 0, false
	_ = far.SetReadDeadline(time.Now().Add(patience))
	for {
		f, err := readFrame(far)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if closed {
			t.Fatalf("frame %#v came after the close frame", f)
		}
		switch f.opcode {
		case opText:
			sender, i := f.number()/each, f.number()%each
			if i != next[sender] {
				t.Fatalf("frame %d of sender %d came in place %d", i, sender, next[sender])
			}
			next[sender]++
			if !f.intact() {
				t.Fatalf("frame %d of sender %d is damaged", i, sender)
			}
		case opPing, opPong:
			controls++
		case opClose:
			closed = true
		default:
			t.Fatalf("opcode %d", f.opcode)
		}
	}
	close(stop)
	watching.Wait()
	for sender, n := range next {
		if n != each {
			t.Errorf("%d of %d frames of sender %d arrived", n, each, sender)
		}
	}
	if !closed || controls == 0 {
		t.Errorf("close frame: %t, control frames: %d", closed, controls)
	}
	if got := probe.sent.Load(); got != senders*each {
		t.Errorf("%d frames were counted, want %d", got, senders*each)
	}
	far.Close()
}
