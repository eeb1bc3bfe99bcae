package websocket

import (
	"bytes"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lxzan/gws"
)

// peerConn is the connection as gws sees it: gws shakes hands, reads and
// unmasks; everything that is sent after the handshake is written by the
// session's outbox. gws itself writes under a lock that a stalled peer holds
// for ever, and its close frames quote internal errors, addresses included.
//
// What Read uses is used on the session's read goroutine only. A socket has a
// buffer only while there is something in it: one that sends nothing costs none.
type peerConn struct {
	net.Conn
	session  *Session
	socket   syscall.RawConn       // nil where Read has to wait with a buffer
	receive  func(fd uintptr) bool // the method receiveReady, made once
	buffer   *[readSize]byte       // has unread; nil where nothing is, or net/http had read it
	unread   []byte                // checked, and not handed to gws yet
	guard    frameGuard
	upgraded bool
	// next is the error behind what was read last. Once gws has used that up and
	// asks for more the connection has failed with it, a *violation or the
	// network's: what ends the session before comes first.
	next   error
	failed bool
	// received is when the last byte arrived and since when the message under
	// way is being received, both as Server.now has it; since is 0 between messages.
	received atomic.Int64
	since    atomic.Int64
}

// readSize is how much is read from a socket at once, unless gws wants more.
const readSize = 4 << 10

// readBuffers hold what has been read from sockets until gws has taken it.
var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// begin is called with what net/http had read beyond the request.
func (c *peerConn) begin(early []byte) {
	if c.socket = rawConn(c.Conn); c.socket != nil {
		c.receive = c.receiveReady
	}
	if len(early) > 0 {
		c.unread = c.check(slices.Clone(early), nil)
	}
}

// Read returns what precedes the first bad frame and after that its violation.
func (c *peerConn) Read(p []byte) (n int, err error) {
	switch {
	case len(c.unread) > 0:
	case c.next != nil:
	case c.socket == nil, len(p) >= readSize:
		n, err = c.Conn.Read(p)
		if n = len(c.check(p[:n], err)); n > 0 {
			return n, nil
		}
	default:
		c.arrive(c.socket.Read(c.receive))
	}
	return c.take(p)
}

// arrive checks what receive has read. The error is the socket's that has not
// become ready.
func (c *peerConn) arrive(err error) {
	if err == nil {
		err = c.next
	}
	if c.unread = c.check(c.unread, err); len(c.unread) == 0 {
		c.release()
	}
}

// check returns what gws may see of the bytes that have arrived, and notes the
// error behind them.
func (c *peerConn) check(p []byte, err error) []byte {
	if len(p) > 0 {
		now := c.session.server.now()
		c.received.Store(int64(now))
		valid, bad := c.guard.scan(p, now)
		c.since.Store(int64(c.guard.since))
		if valid < len(p) {
			p, err = p[:valid], io.EOF // behind a close frame
		}
		if bad != nil {
			err = bad
		}
	}
	c.next = err
	return p
}

// take hands out what is unread, and then the error behind it.
func (c *peerConn) take(p []byte) (int, error) {
	if len(c.unread) == 0 {
		c.failed = true
		return 0, c.next
	}
	n := copy(p, c.unread)
	if c.unread = c.unread[n:]; len(c.unread) == 0 {
		c.release()
	}
	return n, nil
}

// release gives the buffer back.
func (c *peerConn) release() {
	if c.buffer != nil {
		readBuffers.Put(c.buffer)
	}
	c.buffer, c.unread = nil, nil
}

// Write passes the handshake on and swallows gws's close frames.
func (c *peerConn) Write(p []byte) (int, error) {
	if c.upgraded {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close closes a failed handshake; after it the session closes the connection.
func (c *peerConn) Close() error {
	if c.upgraded {
		return nil
	}
	return c.Conn.Close()
}

// receivedAgo returns how long nothing has been received.
func (c *peerConn) receivedAgo(now time.Duration) time.Duration {
	return now - time.Duration(c.received.Load())
}

// events hands what gws reads to the session. All of it runs on the session's
// read goroutine.
type events struct{}

func sessionOf(socket *gws.Conn) *Session { return socket.NetConn().(*peerConn).session }

func (events) OnOpen(*gws.Conn)                        {}
func (events) OnPong(*gws.Conn, []byte)                {}
func (events) OnPing(socket *gws.Conn, payload []byte) { sessionOf(socket).outbox.pong(payload) }
func (events) OnClose(socket *gws.Conn, err error)     { sessionOf(socket).readEnded(err) }
func (events) OnMessage(socket *gws.Conn, message *gws.Message) {
	// The conversation owns what it receives; the message's buffer gws uses again.
	sessionOf(socket).receive(message.Opcode, bytes.Clone(message.Bytes()))
	_ = message.Close() // which cannot fail
}

// noStorage stands in for gws's map for each connection, which nothing here uses.
type noStorage struct{}

func (noStorage) Len() int                     { return 0 }
func (noStorage) Load(string) (any, bool)      { return nil, false }
func (noStorage) Delete(string)                {}
func (noStorage) Store(string, any)            {}
func (noStorage) Range(func(string, any) bool) {}
