package websocket

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What one write takes from an outbox at the most. The bytes bound what a
// client must take within the write timeout; the frames are a third of what
// writev accepts at once (IOV_MAX, 1024 on Linux), which no client's share reaches.
const (
	batchBytes  = 64 << 10
	batchFrames = 256
)

// outbox holds the frames that wait to be sent to one session, and sends them.
// Frames are shared between sessions and never changed. It is bounded in
// messages and bytes, what is being written included. The writers write what
// goes to a socket; for other connections (TLS), and for a client that is slow,
// a goroutine of its own exists while there is something to write.
type outbox struct {
	conn    net.Conn
	socket  syscall.RawConn // conn's; nil where it has none
	owner   outboxOwner
	limits  *Limits
	writers *writers
	behind  *outbox // the next in the writers' queue, whose lock it is under

	mu       sync.Mutex
	queue    fifo[[]byte]  // frames not written, or not to the end
	bytes    int           // the length of all frames in queue
	taken    int           // frames of queue that the write under way has all or part of
	offset   int           // bytes of the oldest frame that are written
	control  []byte        // a ping or pong to send; a pong replaces either
	last     []byte        // the close frame to send
	closed   bool          // takes no more
	draining bool          // a goroutine writes, or the handshake is not done
	idle     chan struct{} // closed when draining ends; nil when nobody waits

	// writing is since when the write under way runs, as now has it; 0 when none does.
	writing atomic.Int64
}

// outboxOwner is the session of an outbox.
type outboxOwner interface {
	// now is the clock that write times are measured on.
	now() time.Duration
	// written is told how many frames a write completed, under the outbox's lock.
	written(frames int)
	// writeFailed is told of the error that ended the outbox, under no lock.
	writeFailed(err error)
}

// start lets the outbox write to conn. Before it, what is pushed waits.
func (o *outbox) start(conn net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conn = conn
	if o.writers != nil {
		o.socket = rawConn(conn)
	}
	o.draining = false
	o.drain()
}

// push queues a frame, which it keeps. It never blocks; the errors are
// ErrSessionClosed, ErrMessageTooLarge and ErrSlowConsumer.
func (o *outbox) push(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return ErrSessionClosed
	case len(frame) > o.limits.OutboxBytes:
		return ErrMessageTooLarge
	case o.bytes+len(frame) > o.limits.OutboxBytes, o.queue.len() >= o.limits.OutboxMessages:
		return ErrSlowConsumer
	}
	o.queue.push(frame)
	o.bytes += len(frame)
	o.drain()
	return nil
}

// ping queues a ping, unless a control frame waits already: that shows as well
// whether the peer takes anything.
func (o *outbox) ping() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed && o.control == nil {
		o.control = newFrame(bitFin|opPing, nil)
		o.drain()
	}
}

// pong queues the answer to a ping. Only the latest ping is answered where
// several came before the answer could be sent (RFC 6455, section 5.5.3), so
// that a flood of pings holds no memory.
func (o *outbox) pong(payload []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.control = newFrame(bitFin|opPong, payload)
		o.drain()
	}
}

// end queues the close frame as the last one; without flush it drops what
// waits, but for what is being written and the rest of a half written frame. It
// does nothing when called again.
func (o *outbox) end(frame []byte, flush bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	o.last = frame
	o.control = nil
	if !flush {
		keep := o.taken
		if o.offset > 0 {
			keep = max(keep, 1)
		}
		for _, dropped := range o.queue.waiting()[keep:] {
			o.bytes -= len(dropped)
		}
		o.queue.cut(keep)
	}
	o.drain()
}

// wait returns when nothing is being written and nothing waits.
func (o *outbox) wait() {
	o.mu.Lock()
	if !o.draining {
		o.mu.Unlock()
		return
	}
	if o.idle == nil {
		o.idle = make(chan struct{})
	}
	idle := o.idle
	o.mu.Unlock()
	<-idle
}

// depth returns how many frames wait or are being written, and their bytes.
func (o *outbox) depth() (frames, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queue.len(), o.bytes
}

// stalledFor returns how long the write under way has run.
func (o *outbox) stalledFor(now time.Duration) time.Duration {
	if since := o.writing.Load(); since != 0 {
		return now - time.Duration(since)
	}
	return 0
}

// drain has written what waits, unless that is under way. The caller holds mu.
func (o *outbox) drain() {
	switch {
	case o.draining || !o.pending():
		return
	case o.socket != nil:
		o.writers.add(o)
	default:
		go o.begin()
	}
	o.draining = true
}

func (o *outbox) pending() bool {
	return o.queue.len() > 0 || o.control != nil || o.last != nil
}

// batches holds what a write takes, for the moment of the write only.
var batches = sync.Pool{New: func() any {
	b := make(net.Buffers, 0, batchFrames+2)
	return &b
}}

// begin is run from the start.
func (o *outbox) begin() {
	batch := batches.Get().(*net.Buffers)
	buffers, bytes := o.next((*batch)[:0])
	o.run(batch, buffers, bytes)
}

// run writes buffers, which hold that many bytes of the queue, and then all that
// waits, however long the client takes. It gives batch back.
func (o *outbox) run(batch *net.Buffers, buffers net.Buffers, bytes int) {
	defer batches.Put(batch)
	for {
		o.writing.Store(int64(o.owner.now()))
		err := write(o.conn, buffers)
		o.writing.Store(0)
		clear(buffers)
		if !o.finish(bytes, err) {
			return
		}
		buffers, bytes = o.next((*batch)[:0])
	}
}

// next returns what the next write sends, of what waits, and how many bytes of
// the queue are in it.
func (o *outbox) next(buffers net.Buffers) (net.Buffers, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.take(buffers)
}

// finish notes how the write of so many bytes of the queue went, and reports
// whether more waits. Without more it ends the draining.
func (o *outbox) finish(bytes int, failure error) (more bool) {
	if failure != nil {
		o.abandon()
		o.owner.writeFailed(failure)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if failure == nil {
		o.owner.written(o.complete(bytes))
	}
	if o.pending() {
		return true
	}
	o.draining = false
	o.queue.trim()
	if o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
	return false
}

// take appends the next write to buffers: as much of the queue as a batch holds,
// the control frame in the first place where no frame is half written, and the
// close frame once nothing else is left.
func (o *outbox) take(buffers net.Buffers) (net.Buffers, int) {
	room, offset := batchBytes, o.offset
	for _, frame := range o.queue.waiting() {
		if room == 0 || len(buffers) >= batchFrames {
			break
		}
		if offset == 0 {
			buffers = o.takeControl(buffers)
		}
		o.taken++
		rest := frame[offset:]
		if len(rest) > room {
			return append(buffers, rest[:room]), batchBytes
		}
		buffers = append(buffers, rest)
		room -= len(rest)
		offset = 0
	}
	buffers = o.takeControl(buffers)
	if o.taken == o.queue.len() && o.last != nil {
		buffers = append(buffers, o.last)
		o.last = nil
	}
	return buffers, batchBytes - room
}

func (o *outbox) takeControl(buffers net.Buffers) net.Buffers {
	if o.control != nil {
		buffers = append(buffers, o.control)
		o.control = nil
	}
	return buffers
}

// complete notes that the first n bytes of the queue are written, and returns
// how many frames that ended. The caller holds mu.
func (o *outbox) complete(n int) (frames int) {
	o.taken = 0
	for n += o.offset; o.queue.len() > 0 && n >= len(o.queue.waiting()[0]); frames++ {
		size := len(o.queue.pop())
		o.bytes -= size
		n -= size
	}
	o.offset = n
	return frames
}

// abandon drops everything after a failed write, which may have left a frame
// unfinished: nothing more can be sent.
func (o *outbox) abandon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.queue = fifo[[]byte]{}
	o.bytes, o.taken, o.offset = 0, 0, 0
	o.control, o.last = nil, nil
}

// write sends the buffers: in one writev where the connection has that, and
// else (TLS) joined into one write, so that frames share records.
func write(conn net.Conn, buffers net.Buffers) error {
	if len(buffers) == 1 {
		_, err := conn.Write(buffers[0])
		return err
	}
	if _, ok := conn.(*net.TCPConn); ok {
		_, err := buffers.WriteTo(conn)
		return err
	}
	joined := join(buffers)
	defer joins.Put(joined)
	_, err := conn.Write(*joined)
	return err
}

// join returns the buffers as one, to be given back to joins.
func join(buffers net.Buffers) *[]byte {
	joined := joins.Get().(*[]byte)
	*joined = (*joined)[:0]
	for _, buffer := range buffers {
		*joined = append(*joined, buffer...)
	}
	return joined
}

var joins = sync.Pool{New: func() any { return new([]byte) }}
