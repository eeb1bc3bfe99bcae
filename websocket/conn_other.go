//go:build !unix

package websocket

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

func receiveReady(syscall.RawConn, func([]byte) error) error { panic("unreachable") }
