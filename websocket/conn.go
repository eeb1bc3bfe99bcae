package websocket

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// incoming is what a session's client sends.
type incoming struct {
	frames frameReader
	// received is when the last byte arrived and since when the message under
	// way is being received, both as Server.now has it; since is 0 between messages.
	received atomic.Int64
	since    atomic.Int64
}

// take reads the frames in what arrived at now. The error is io.EOF behind a
// close frame, or the violation of a bad frame.
func (in *incoming) take(p []byte, now time.Duration) error {
	in.received.Store(int64(now))
	bad := in.frames.scan(p, now)
	in.since.Store(int64(in.frames.since))
	switch {
	case bad != nil:
		return bad
	case in.frames.closed:
		return io.EOF
	}
	return nil
}

// silentFor returns how long nothing has been received.
func (in *incoming) silentFor(now time.Duration) time.Duration {
	return now - time.Duration(in.received.Load())
}

// receive hands what arrives on conn to take, until that or reading fails, and
// returns the error.
func receive(conn net.Conn, take func([]byte) error) error {
	if raw := rawConn(conn); raw != nil {
		return receiveReady(raw, take)
	}
	buffer := make([]byte, 1<<10) // the connection has it for life
	for {
		n, err := conn.Read(buffer)
		if n > 0 {
			if err := take(buffer[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}
