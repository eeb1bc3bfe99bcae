package websocket

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// What one write takes from an outbox at the most. The bytes bound what a
// client must take within the write timeout; the frames are a third of what
// writev accepts at once (IOV_MAX, 1024 on Linux), which no client's share reaches.
const (
	batchBytes  = 64 << 10
	batchFrames = 256
)

// keepCapacity is the queue capacity, in frames, that an idle session keeps.
const keepCapacity = 16

var (
	errOutboxFull   = errors.New("outbox is full")
	errOutboxClosed = errors.New("outbox is closed")
)

// outbox holds the frames that wait to be sent to one session, and sends them.
// Frames are shared between sessions and never changed. It is bounded in
// messages and bytes, what is being written included. A goroutine exists only
// while there is something to write.
type outbox struct {
	conn   net.Conn
	owner  outboxOwner
	limits *Limits

	mu       sync.Mutex
	queue    [][]byte // queue[head:] waits
	head     int
	offset   int // bytes of queue[head] that are written
	bytes    int // unwritten, being written included
	control  []byte
	ponging  bool // control holds a pong, which a later one replaces
	last     []byte
	closed   bool          // takes no more
	draining bool          // a goroutine writes, or the handshake is not done
	idle     chan struct{} // closed when draining ends; nil when nobody waits

	// writing is since when the write under way runs, as now has it; 0 when none does.
	writing atomic.Int64
}

// outboxOwner is the session of an outbox. The outbox holds no lock when it calls it.
type outboxOwner interface {
	// now is the clock that write times are measured on.
	now() time.Duration
	// written is told how many frames a write completed.
	written(frames int)
	// writeFailed is told of the error that ended the outbox.
	writeFailed(err error)
}

// start lets the outbox write to conn. Before it, what is pushed waits.
func (o *outbox) start(conn net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conn = conn
	o.draining = false
	o.drain()
}

// push queues a frame. It never blocks and keeps the frame.
func (o *outbox) push(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return errOutboxClosed
	}
	if len(o.queue)-o.head >= o.limits.OutboxMessages || o.bytes+len(frame) > o.limits.OutboxBytes {
		return errOutboxFull
	}
	if o.head > 0 && len(o.queue) == cap(o.queue) {
		n := copy(o.queue, o.queue[o.head:])
		clear(o.queue[n:])
		o.queue, o.head = o.queue[:n], 0
	}
	o.queue = append(o.queue, frame)
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
		o.control = appendFrame(nil, bitFin|opPing, nil)
		o.ponging = false
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
		o.control = appendFrame(nil, bitFin|opPong, payload)
		o.ponging = true
		o.drain()
	}
}

// end queues the close frame as the last one; without flush it drops what
// waits, but for the frame that is half written. It does nothing when called again.
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
		keep := o.head
		if o.offset > 0 {
			keep++
		}
		for _, dropped := range o.queue[keep:] {
			o.bytes -= len(dropped)
		}
		clear(o.queue[keep:])
		o.queue = o.queue[:keep]
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

// stalledFor returns how long the write under way has run.
func (o *outbox) stalledFor(now time.Duration) time.Duration {
	if since := o.writing.Load(); since != 0 {
		return now - time.Duration(since)
	}
	return 0
}

// drain starts the writing goroutine where there is work and none runs. The
// caller holds mu.
func (o *outbox) drain() {
	if !o.draining && o.pending() {
		o.draining = true
		go o.run()
	}
}

func (o *outbox) pending() bool {
	return o.head < len(o.queue) || o.control != nil || o.last != nil
}

// batches holds what a write takes, for the moment of the write only.
var batches = sync.Pool{New: func() any {
	b := make(net.Buffers, 0, batchFrames+2)
	return &b
}}

// run writes until nothing waits.
func (o *outbox) run() {
	batch := batches.Get().(*net.Buffers)
	defer batches.Put(batch)
	for {
		o.mu.Lock()
		if !o.pending() {
			o.draining = false
			if cap(o.queue) > keepCapacity {
				o.queue, o.head = nil, 0
			}
			if o.idle != nil {
				close(o.idle)
				o.idle = nil
			}
			o.mu.Unlock()
			return
		}
		buffers, bytes := o.take((*batch)[:0])
		o.mu.Unlock()

		o.writing.Store(int64(o.owner.now()))
		err := write(o.conn, buffers)
		o.writing.Store(0)
		clear(buffers)

		o.mu.Lock()
		frames := o.complete(bytes)
		if err != nil {
			o.abandon()
		}
		o.mu.Unlock()
		if err != nil {
			o.owner.writeFailed(err)
			continue
		}
		o.owner.written(frames)
	}
}

// take returns what the next write sends and how many bytes of the queue are
// in it: the control frame first, as much of the queue as a batch holds, and
// the close frame once nothing else is left. A frame that is half written goes
// on before anything else.
func (o *outbox) take(buffers net.Buffers) (net.Buffers, int) {
	if o.control != nil && o.offset == 0 {
		buffers = append(buffers, o.control)
		o.control = nil
	}
	bytes, offset, next := 0, o.offset, o.head
	for next < len(o.queue) && bytes < batchBytes && len(buffers) < batchFrames {
		part := o.queue[next][offset:]
		if room := batchBytes - bytes; len(part) > room {
			part = part[:room]
		}
		buffers = append(buffers, part)
		bytes += len(part)
		offset = 0
		next++
	}
	if next == len(o.queue) && o.last != nil && bytes < batchBytes {
		buffers = append(buffers, o.last)
		o.last = nil
	}
	return buffers, bytes
}

// complete removes the first n bytes, which are written, from the queue, and
// returns how many frames that ended.
func (o *outbox) complete(n int) (frames int) {
	o.bytes -= n
	for n > 0 {
		left := len(o.queue[o.head]) - o.offset
		if n < left {
			o.offset += n
			break
		}
		n -= left
		o.queue[o.head] = nil
		o.head++
		o.offset = 0
		frames++
	}
	if o.head == len(o.queue) {
		o.queue, o.head = o.queue[:0], 0
	}
	return frames
}

// abandon drops everything after a failed write, which may have left a frame
// unfinished: nothing more can be sent.
func (o *outbox) abandon() {
	o.closed = true
	o.queue, o.head, o.offset, o.bytes = nil, 0, 0, 0
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
	joined := joins.Get().(*[]byte)
	defer joins.Put(joined)
	*joined = (*joined)[:0]
	for _, buffer := range buffers {
		*joined = append(*joined, buffer...)
	}
	_, err := conn.Write(*joined)
	return err
}

var joins = sync.Pool{New: func() any { return new([]byte) }}
