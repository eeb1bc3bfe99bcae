//go:build !unix

package websocket

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

func tryWrite(int, []byte) (int, error) { panic("unreachable") }

func receiveReady(syscall.RawConn, func([]byte) error) error { panic("unreachable") }
