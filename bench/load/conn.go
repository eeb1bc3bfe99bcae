package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/frame"
)

// shakingAtOnce is how many handshakes are under way at a time, well below the listener's backlog.
const shakingAtOnce = 128

// A stalled client's window and segments: so small that the server's socket buffer does not hide that it reads nothing.
const (
	stalledWindow  = 4096
	stalledSegment = 512
)

type state byte

const (
	shaking state = iota // the answer to the handshake is awaited
	joining              // centrifuge's answer to connect is awaited
	ready
)

type conn struct {
	index      int
	fd         int
	state      state
	centrifuge bool
	rest       []byte // of a frame that is not whole
	parts      []byte // of a message that is not whole
}

// connect opens the connections and waits until all are ready.
func (c *Crowd) connect(command control.LoadCommand) error {
	address, err := netip.ParseAddrPort(command.Address)
	if err != nil {
		return err
	}
	first := len(c.conns) // connections before it are ready
	for i, end := first, first+command.Connections; i < end; i++ {
		for i-first >= shakingAtOnce {
			if err := c.poll(); err != nil {
				return fmt.Errorf("%d connections: %w", i, err)
			}
			first = c.firstUnready(first)
		}
		fd, err := dial(address, i < command.Stalled)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		conn := &conn{index: i, fd: fd, centrifuge: command.Centrifuge}
		c.conns = append(c.conns, conn)
		c.byFD[int32(fd)] = conn
		if err := conn.write(request(command, i)); err != nil {
			return err
		}
		if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
	}
	for first = c.firstUnready(first); first < len(c.conns); first = c.firstUnready(first) {
		if err := c.poll(); err != nil {
			return err
		}
	}
	for _, conn := range c.conns[:command.Stalled] {
		if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_DEL, conn.fd, nil); err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
	}
	return nil
}

func (c *Crowd) firstUnready(from int) int {
	for from < len(c.conns) && c.conns[from].state == ready {
		from++
	}
	return from
}

func dial(address netip.AddrPort, stalled bool) (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	set := func(level, option, value int) {
		err = errors.Join(err, unix.SetsockoptInt(fd, level, option, value))
	}
	set(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if stalled {
		set(unix.SOL_SOCKET, unix.SO_RCVBUF, stalledWindow)
		set(unix.IPPROTO_TCP, unix.TCP_MAXSEG, stalledSegment)
	}
	// The end of the process resets its connections: thousands of sockets in TIME_WAIT would slow the next measurement.
	err = errors.Join(err, unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()})
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	return fd, err
}

// request is a handshake. Its key is fixed, as nobody checks what it is for.
func request(command control.LoadCommand, user int) []byte {
	b := fmt.Appendf(nil, "GET /?user=%d HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", user, command.Address)
	if command.Compress {
		b = append(b, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"...)
	}
	return append(b, "\r\n"...)
}

// shake takes the answer to the handshake and returns what follows it.
func (c *conn) shake(data []byte) ([]byte, error) {
	head, rest, whole := bytes.Cut(data, []byte("\r\n\r\n"))
	if !whole {
		return data, nil
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		return nil, fmt.Errorf("connection %d: handshake refused: %q", c.index, data)
	}
	if !c.centrifuge {
		c.state = ready
		return rest, nil
	}
	c.state = joining
	return rest, c.write(frame.AppendMasked(nil, frame.Text, []byte(`{"id":1,"connect":{}}`)))
}

// write writes all of b. No more is ever in flight than a socket holds, so one that takes less is a defect.
func (c *conn) write(b []byte) error {
	n, err := unix.Write(c.fd, b)
	if err != nil {
		return fmt.Errorf("connection %d: write: %w", c.index, err)
	}
	if n != len(b) {
		return fmt.Errorf("connection %d: write took %d of %d bytes", c.index, n, len(b))
	}
	return nil
}
