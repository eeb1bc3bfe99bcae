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

// receiveReady reads what a socket has, and reports false where that is nothing:
// the runtime then waits for it.
func (c *peerConn) receiveReady(fd uintptr) bool {
	buffer := readBuffers.Get().(*[readSize]byte)
	for {
		n, err := syscall.Read(int(fd), buffer[:])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			readBuffers.Put(buffer)
			return false
		case err != nil:
			c.next = os.NewSyscallError("read", err)
		case n == 0:
			c.next = io.EOF
		}
		c.buffer, c.unread = buffer, buffer[:max(n, 0)]
		return true
	}
}
