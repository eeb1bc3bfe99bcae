package pairs

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/switchboard-go/switchboard/bench/frame"
)

// sockets are the connections that the load generator holds, one for each user.
type sockets struct {
	conns  []net.Conn
	closed atomic.Int64 // by the server
}

// dialSockets connects every user to a server. hello, where it is not empty, is
// what a client says first, with its user for USER.
func dialSockets(ctx context.Context, address, path, hello string, a *arrivals) (*sockets, error) {
	s := &sockets{}
	for user := range users {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		s.conns = append(s.conns, conn)
		in := bufio.NewReader(conn)
		_, err = fmt.Fprintf(conn, "GET %s?user=%d HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, user, address)
		if err != nil {
			return nil, err
		}
		response, err := http.ReadResponse(in, nil) //nolint:bodyclose // it has none
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusSwitchingProtocols {
			return nil, fmt.Errorf("handshake: %s", response.Status)
		}
		if hello != "" {
			hello := strings.ReplaceAll(hello, "USER", userName(uint16(user)))
			if _, err := conn.Write(frame.AppendMasked(nil, frame.Text, []byte(hello))); err != nil {
				return nil, err
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
	buffer := make([]byte, 64<<10)
	end := 0
	var messages [][]byte
	for {
		n, err := in.Read(buffer[end:])
		if err != nil {
			return
		}
		end += n
		rest := buffer[:end]
		for ok := true; ok && err == nil; {
			var f frame.Frame
			if f, rest, ok, err = frame.Next(rest); !ok || err != nil {
				break
			}
			switch {
			case f.Opcode == frame.Close:
				return
			case f.Opcode == frame.Ping:
				_, err = conn.Write(frame.AppendMasked(nil, frame.Pong, f.Payload))
			case string(f.Payload) == "{}": // centrifuge's ping
				_, err = conn.Write(frame.AppendMasked(nil, frame.Text, f.Payload))
			default:
				messages = append(messages, f.Payload)
			}
		}
		if err != nil {
			return
		}
		to.take(messages...)
		messages = messages[:0]
		end = copy(buffer, rest)
	}
}
