package websocket

import (
	"net"
	"runtime"
	"sync"
	"syscall"
)

// writers are the goroutines that write what waits in the outboxes of sockets:
// no more than there are processors, and none while nothing waits. They take
// turns: an outbox that gets one writes a batch and, where more waits, queues
// again. They wait for no client. What a socket does not take at once, a
// goroutine of its session's goes on with, so that it holds up no other session.
type writers struct {
	running *sync.WaitGroup // the server's

	mu          sync.Mutex
	first, last *outbox // the queue, linked by outbox.behind
	count       int     // goroutines
}

// add queues an outbox, which must not be queued.
func (w *writers) add(o *outbox) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.first = o
	} else {
		w.last.behind = o
	}
	w.last = o
	if w.count < runtime.GOMAXPROCS(0) {
		w.count++
		w.running.Add(1) // a session with something to write is not done
		go w.run()
	}
}

// next takes the oldest outbox. Without any it ends the goroutine.
func (w *writers) next() *outbox {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.first
	if o == nil {
		w.count--
		return nil
	}
	if w.first = o.behind; w.first == nil {
		w.last = nil
	}
	o.behind = nil
	return o
}

// run gives the outboxes their turns until none is queued.
func (w *writers) run() {
	defer w.running.Done()
	a := attempts.Get().(*attempt)
	defer attempts.Put(a)
	batch := batches.Get().(*net.Buffers)
	for o := w.next(); o != nil; o = w.next() {
		buffers, bytes := o.next((*batch)[:0])
		rest, err := a.write(o.socket, buffers)
		if len(rest) > 0 && err == nil {
			go o.run(batch, rest, bytes)
			batch = batches.Get().(*net.Buffers)
			continue
		}
		clear(buffers)
		if o.finish(bytes, err) {
			w.add(o)
		}
	}
	batches.Put(batch)
}

// attempt is a write that does not wait.
type attempt struct {
	bytes []byte
	n     int
	err   error
	once  func(fd uintptr)
}

var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.once = func(fd uintptr) { a.n, a.err = tryWrite(int(fd), a.bytes) }
	return a
}}

// write returns what the socket did not take. Several buffers are joined, which
// costs less than to have the kernel gather them where they are small.
func (a *attempt) write(socket syscall.RawConn, buffers net.Buffers) (net.Buffers, error) {
	a.bytes = buffers[0]
	if len(buffers) > 1 {
		joined := join(buffers)
		defer joins.Put(joined)
		a.bytes = *joined
	}
	err := socket.Control(a.once)
	a.bytes = nil
	if err != nil {
		return nil, err
	}
	n := a.n
	for len(buffers) > 0 && n >= len(buffers[0]) {
		n -= len(buffers[0])
		buffers[0] = nil
		buffers = buffers[1:]
	}
	if len(buffers) > 0 {
		buffers[0] = buffers[0][n:]
	}
	return buffers, a.err
}
