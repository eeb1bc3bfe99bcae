//go:build !unix

package websocket

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

func tryWrite(int, []byte) (int, error) { panic("unreachable") }

func receiver(*peerConn) func(uintptr) bool { panic("unreachable") }
