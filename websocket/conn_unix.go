//go:build unix

package websocket

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
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

// readBuffers holds what has been read until it is taken.
var readBuffers = sync.Pool{New: func() any { return new([4 << 10]byte) }}

// receiveReady is receive for a socket. It has a buffer only while there is
// something in it: a connection that sends nothing costs none.
func receiveReady(raw syscall.RawConn, take func([]byte) error) error {
	var (
		buffer *[4 << 10]byte
		n      int
		err    error
	)
	// The runtime waits for the socket whenever read reports false.
	read := func(fd uintptr) bool {
		buffer = readBuffers.Get().(*[4 << 10]byte)
		for {
			n, err = syscall.Read(int(fd), buffer[:])
			if !errors.Is(err, syscall.EINTR) {
				break
			}
		}
		if !errors.Is(err, syscall.EAGAIN) {
			return true
		}
		readBuffers.Put(buffer)
		return false
	}
	for {
		if closed := raw.Read(read); closed != nil {
			return closed
		}
		switch {
		case err != nil:
			err = os.NewSyscallError("read", err)
		case n == 0:
			err = io.EOF
		default:
			err = take(buffer[:n])
		}
		readBuffers.Put(buffer)
		if err != nil {
			return err
		}
	}
}
