package pairs

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// sockets are the connections that the load generator holds, one for each user.
type sockets struct {
	conns  []net.Conn
	closed atomic.Int64 // by the server
}

// dialSockets connects every user to a server. hello, where it is not empty, is
// what a client says first.
func dialSockets(address, path, hello string, a *arrivals) (*sockets, error) {
	s := &sockets{}
	for user := range users {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return nil, err
		}
		s.conns = append(s.conns, conn)
		in := bufio.NewReaderSize(conn, 64<<10)
		_, err = fmt.Fprintf(conn, "GET %s?user=%d HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, user, address)
		if err != nil {
			return nil, err
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusSwitchingProtocols {
			return nil, fmt.Errorf("handshake: %s", response.Status)
		}
		if hello != "" {
			if err := writeFrame(conn, 1, []byte(strings.ReplaceAll(hello, "USER", userName(uint16(user))))); err != nil {
				return nil, err
			}
			if _, answer, _, err := readFrame(in); err != nil || !strings.Contains(string(answer), "connect") {
				return nil, fmt.Errorf("the answer to %s is %q: %w", hello, answer, err)
			}
		}
		go s.read(conn, in, a.stream(user))
	}
	return s, nil
}

func (s *sockets) close() {
	for _, conn := range s.conns {
		_ = conn.Close()
	}
}

// read notes what comes on a socket and answers pings, until its end.
func (s *sockets) read(conn net.Conn, in *bufio.Reader, to *stream) {
	defer s.closed.Add(1)
	var batch [][]byte
	for {
		opcode, payload, _, err := readFrame(in)
		if err != nil {
			return
		}
		switch {
		case opcode == 9:
			err = writeFrame(conn, 10, payload)
		case opcode == 8:
			return
		case string(payload) == "{}": // centrifuge's ping
			err = writeFrame(conn, 1, payload)
		default:
			batch = append(batch, payload)
		}
		if err != nil {
			return
		}
		if len(batch) > 0 && (in.Buffered() == 0 || len(batch) == 64) {
			to.take(batch...)
			batch = batch[:0]
		}
	}
}

func readFrame(in *bufio.Reader) (opcode byte, payload []byte, final bool, err error) {
	var head [8]byte
	if _, err = io.ReadFull(in, head[:2]); err != nil {
		return
	}
	opcode, final = head[0]&15, head[0]&128 != 0
	size := uint64(head[1] & 127)
	switch size {
	case 126:
		if _, err = io.ReadFull(in, head[:2]); err != nil {
			return
		}
		size = uint64(binary.BigEndian.Uint16(head[:]))
	case 127:
		if _, err = io.ReadFull(in, head[:8]); err != nil {
			return
		}
		size = binary.BigEndian.Uint64(head[:])
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(in, payload)
	return
}

// writeFrame writes a client's frame of at most 125 bytes, masked with zeros.
func writeFrame(conn net.Conn, opcode byte, payload []byte) error {
	frame := append([]byte{128 | opcode, 128 | byte(len(payload)), 0, 0, 0, 0}, payload...)
	_, err := conn.Write(frame)
	return err
}
