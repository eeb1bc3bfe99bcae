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
// What Read uses is used on the session's read goroutine only.
type peerConn struct {
	net.Conn
	session  *Session
	socket   syscall.RawConn       // nil where Conn has none
	receive  func(fd uintptr) bool // socket's, see receiver
	burst    *burst                // nil while nothing is unread
	guard    frameGuard
	upgraded bool
	failed   bool         // gws has been told of the burst's error
	received atomic.Int64 // when the last byte arrived, as Server.now has it
}

// burst is what was read at once and gws has not taken yet. The error behind it,
// a *violation or the network's, comes last: what ends the session before counts.
type burst struct {
	unread []byte
	err    error
	bytes  [readSize]byte
}

// readSize is how much is read from a socket at once; a burst is 4 KB with it.
const readSize = 4<<10 - 40

var bursts = sync.Pool{New: func() any { return new(burst) }}

// begin is called with what net/http had read beyond the request.
func (c *peerConn) begin(early []byte) {
	if c.socket = rawConn(c.Conn); c.socket != nil {
		c.receive = receiver(c)
	}
	if len(early) > 0 {
		c.hold(c.check(slices.Clone(early), nil))
	}
}

// Read returns what precedes the first bad frame and after that its violation.
// For a socket it waits without a buffer, so that a client that sends nothing
// costs none. Every idle session's stack holds its frame.
func (c *peerConn) Read(p []byte) (int, error) {
	if c.burst == nil {
		if c.socket == nil || len(p) >= readSize {
			return c.readInto(p)
		}
		c.arrived(c.socket.Read(c.receive))
	}
	return c.take(p)
}

// readInto is Read without a burst: there is no socket to wait for, or gws wants
// more than a burst holds.
func (c *peerConn) readInto(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	valid, err := c.check(p[:n], err)
	if err != nil {
		c.hold(nil, err)
		if len(valid) == 0 {
			return c.take(p)
		}
	}
	return len(valid), nil
}

// arrived checks the burst that receive has made, if the socket was ready for it.
func (c *peerConn) arrived(notReady error) {
	if notReady != nil {
		c.hold(nil, notReady)
		return
	}
	b := c.burst
	b.unread, b.err = c.check(b.unread, b.err)
}

// check returns what gws may see of the bytes that have arrived, and the error
// behind that.
func (c *peerConn) check(p []byte, err error) ([]byte, error) {
	if len(p) == 0 {
		return nil, err
	}
	now := c.session.server.now()
	c.received.Store(int64(now))
	valid, bad := c.guard.scan(p, now)
	switch {
	case bad != nil:
		err = bad
	case valid < len(p):
		err = io.EOF // behind a close frame
	}
	return p[:valid], err
}

// hold makes a burst of bytes that are not in one.
func (c *peerConn) hold(unread []byte, err error) {
	c.burst = bursts.Get().(*burst)
	c.burst.unread, c.burst.err = unread, err
}

// take hands out what is unread, and then the error behind it.
func (c *peerConn) take(p []byte) (int, error) {
	b := c.burst
	if len(b.unread) == 0 {
		c.failed = true
		return 0, b.err
	}
	n := copy(p, b.unread)
	if b.unread = b.unread[n:]; len(b.unread) == 0 && b.err == nil {
		c.release()
	}
	return n, nil
}

// release gives the burst back.
func (c *peerConn) release() {
	if b := c.burst; b != nil {
		b.unread, b.err = nil, nil
		bursts.Put(b)
		c.burst = nil
	}
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
