//go:build unix

package websocket

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// rawConn returns the socket of a TCP connection; nil where conn is none.
func rawConn(conn net.Conn) syscall.RawConn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// tryWrite writes as much of p to a socket as that takes without waiting.
func tryWrite(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, p)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		case err != nil:
			return 0, os.NewSyscallError("write", err)
		}
		return n, nil
	}
}

// receiver returns what reads the burst of c from its socket. It reports false
// where there is nothing to read, and the runtime then waits for the socket. It
// is called with little of the stack left; errors.Is would make that grow.
func receiver(c *peerConn) func(fd uintptr) bool {
	return func(fd uintptr) bool {
		b := bursts.Get().(*burst)
		for {
			n, err := syscall.Read(int(fd), b.bytes[:])
			switch err {
			case nil:
				if n == 0 {
					b.err = io.EOF
				}
			case syscall.EINTR:
				continue
			case syscall.EAGAIN:
				bursts.Put(b)
				return false
			default:
				n, b.err = 0, os.NewSyscallError("read", err)
			}
			b.unread = b.bytes[:n]
			c.burst = b
			return true
		}
	}
}
