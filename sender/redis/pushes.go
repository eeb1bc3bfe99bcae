package redis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// pushes reads what a server sends on a connection that subscribes, in RESP 2.
// go-redis reads that too, at ten allocations and a deadline for each message;
// here a message costs the allocation of its payload.
type pushes struct {
	conn net.Conn
	in   *bufio.Reader
	// dry is called before the connection is read from, which can take a while.
	dry func()
	// stirred: something has been read since the deadline was set.
	stirred bool
}

func newPushes(conn net.Conn, dry func()) *pushes {
	p := &pushes{conn: conn, dry: dry, stirred: true}
	p.in = bufio.NewReaderSize(p, 64<<10)
	return p
}

// Read implements io.Reader, for in.
func (p *pushes) Read(b []byte) (int, error) {
	p.dry()
	p.stirred = true
	return p.conn.Read(b)
}

// push is what comes at a time.
type push struct {
	kind    pushKind
	channel string // of pushOff
	payload []byte // of pushMessage
}

type pushKind uint8

const (
	pushOther   pushKind = iota // a pong
	pushMessage                 // a packet
	pushOn                      // a channel is subscribed to
	pushOff                     // it is no longer
)

var errNotRESP = errors.New("the server does not speak RESP 2")

// next waits for what comes next. All of it must come within ioTimeout: after a
// timeout within it the rest would be read as the next, so every error is the end.
// What is larger than any packet is read over, and comes as an empty packet.
func (p *pushes) next() (push, error) {
	if p.stirred {
		p.stirred = false
		if err := p.conn.SetReadDeadline(time.Now().Add(ioTimeout)); err != nil {
			return push{}, err
		}
	}
	parts, err := p.number('*')
	if err != nil {
		return push{}, err
	}
	var one push
	for part := range parts {
		switch {
		case part == 0:
			one.kind, err = p.kind()
		case part == 1 && one.kind == pushOff:
			var channel []byte
			channel, err = p.bulk()
			one.channel = string(channel)
		case part == 2 && one.kind == pushMessage:
			one.payload, err = p.bulk()
		default:
			err = p.skip()
		}
		if err != nil {
			return push{}, err
		}
	}
	return one, nil
}

// kind reads a push's first part.
func (p *pushes) kind() (pushKind, error) {
	size, err := p.number('$')
	if err != nil {
		return 0, err
	}
	text, err := p.in.Peek(size + len("\r\n"))
	if err != nil {
		return 0, err
	}
	kind := pushOther
	switch string(text[:size]) {
	case "message", "smessage":
		kind = pushMessage
	case "subscribe", "ssubscribe":
		kind = pushOn
	case "unsubscribe", "sunsubscribe":
		kind = pushOff
	}
	_, err = p.in.Discard(len(text))
	return kind, err
}

// bulk reads a text.
func (p *pushes) bulk() ([]byte, error) {
	size, err := p.number('$')
	if err != nil {
		return nil, err
	}
	if size > maxPayload {
		_, err = p.in.Discard(size + len("\r\n"))
		return []byte{}, err
	}
	b := make([]byte, size)
	if _, err = io.ReadFull(p.in, b); err == nil {
		_, err = p.in.Discard(len("\r\n"))
	}
	return b, err
}

// skip reads over a text or a number.
func (p *pushes) skip() error {
	first, err := p.in.Peek(1)
	if err != nil {
		return err
	}
	if first[0] == ':' {
		_, err = p.number(':')
		return err
	}
	size, err := p.number('$')
	if err == nil {
		_, err = p.in.Discard(size + len("\r\n"))
	}
	return err
}

// number reads a line with a number, which is not negative, after a certain byte.
// The line of an error is returned as one.
func (p *pushes) number(after byte) (int, error) {
	line, err := p.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < len("*1\r\n") || line[len(line)-2] != '\r' {
		return 0, errNotRESP
	}
	text := line[1 : len(line)-2]
	switch {
	case line[0] == '-':
		return 0, fmt.Errorf("redis: %s", text)
	case line[0] != after:
		return 0, errNotRESP
	}
	if string(text) == "-1" { // a text that is none
		return 0, errNotRESP
	}
	n, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil {
		return 0, errNotRESP
	}
	return int(n), nil
}
