package websocket

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
)

// peerConn is the connection as gws sees it: gws shakes hands, reads and
// unmasks; everything that is sent after the handshake is written by the
// session's outbox. gws itself writes under a lock that a stalled peer holds
// for ever, and its close frames quote internal errors, addresses included.
type peerConn struct {
	net.Conn
	session *Session
	// early is what net/http had read beyond the request.
	early    []byte
	guard    frameGuard
	upgraded bool
	// next is the error behind the bytes that were read last. It becomes the
	// failure, a *violation or the network's, once gws has used them up and asks
	// for more: what ends the session before comes first. Both are used on the
	// session's read goroutine only.
	next, failure error
	// received is when the last byte arrived and since when the message under
	// way is being received, both as Server.now has it; since is 0 between messages.
	received atomic.Int64
	since    atomic.Int64
}

// Read returns what precedes the first bad frame and after that its violation.
func (c *peerConn) Read(p []byte) (n int, err error) {
	if c.next != nil {
		c.failure = c.next
		return 0, c.failure
	}
	if len(c.early) > 0 {
		n = copy(p, c.early)
		c.early = c.early[n:]
	} else {
		n, err = c.Conn.Read(p)
	}
	now := c.session.server.now()
	if n > 0 {
		c.received.Store(int64(now))
		valid, bad := c.guard.scan(p[:n], now)
		c.since.Store(int64(c.guard.since))
		if valid < n {
			n, err = valid, io.EOF // behind a close frame
		}
		if bad != nil {
			err = bad
		}
	}
	c.next = err
	if n > 0 {
		return n, nil
	}
	c.failure = err
	return 0, err
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
	sessionOf(socket).receive(message.Opcode, message.Bytes())
}

// noStorage stands in for gws's map for each connection, which nothing here uses.
type noStorage struct{}

func (noStorage) Len() int                     { return 0 }
func (noStorage) Load(string) (any, bool)      { return nil, false }
func (noStorage) Delete(string)                {}
func (noStorage) Store(string, any)            {}
func (noStorage) Range(func(string, any) bool) {}
