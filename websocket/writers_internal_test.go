package websocket

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// More clients that read nothing than there are writers hold up nobody, and what
// they are slow to take is timed.
func TestWritersWaitForNoClient(t *testing.T) {
	var running sync.WaitGroup
	w := &writers{running: &running}
	start := func() (*outbox, *outboxProbe, net.Conn) {
		near, far := tcpPair(t)
		o, probe := newOutbox(100, 100<<20)
		o.writers = w
		o.start(near)
		return o, probe, far
	}
	type client struct {
		outbox *outbox
		probe  *outboxProbe
		far    net.Conn
	}
	var stalled []client
	for range runtime.GOMAXPROCS(0) + 1 {
		o, probe, far := start()
		push(t, o, textOf(1, 50<<20)) // more than any kernel buffers
		stalled = append(stalled, client{o, probe, far})
	}
	o, _, far := start()
	_ = far.SetReadDeadline(time.Now().Add(patience))
	for i := range 100 {
		push(t, o, textOf(i, 200))
		if f, err := readFrame(far); err != nil || f.number() != i {
			t.Fatalf("frame %d came as %v, %v", i, f, err)
		}
	}
	o.wait()
	running.Wait() // nothing waits for its turn any more
	for _, c := range stalled {
		for c.outbox.stalledFor(2*time.Second) == 0 {
			runtime.Gosched() // its goroutine is about to begin
		}
		_ = c.outbox.conn.Close()
		if err := <-c.probe.failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the write failed with %v", err)
		}
		c.outbox.wait()
	}
}

// A client that has gone fails the write of a writer, which goes on with others.
func TestWritersAndAClientThatHasGone(t *testing.T) {
	var running sync.WaitGroup
	w := &writers{running: &running}
	for _, closeNear := range []bool{false, true} {
		near, far := tcpPair(t)
		o, probe := newOutbox(1000, 1<<20)
		o.writers = w
		o.start(near)
		want := error(syscall.EPIPE)
		if closeNear {
			_ = near.Close()
			want = net.ErrClosed
		} else if err := far.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		_ = far.Close()
		var err error
		for err == nil {
			_ = o.push(textOf(1, 10))
			select {
			case err = <-probe.failed:
			default:
				runtime.Gosched()
			}
		}
		if !errors.Is(err, want) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the write failed with %v, want %v", err, want)
		}
		o.wait()
		if err := o.push(textOf(2, 10)); !errors.Is(err, ErrSessionClosed) {
			t.Errorf("a push after that: %v", err)
		}
	}
	running.Wait()
}
