package load

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/frame"
	"github.com/switchboard-go/switchboard/bench/peer"
	"github.com/switchboard-go/switchboard/bench/stamp"
)

const (
	readBuffer = 256 << 10
	// silence is how long nothing may come while something is awaited.
	silence = 10 * time.Second
)

// Crowd does the commands of a load generator. It belongs to one goroutine.
type Crowd struct {
	credits *control.CreditWriter
	epoll   int
	events  [256]unix.EpollEvent
	conns   []*conn
	byFD    map[int32]*conn
	stalled int
	buffer  []byte
	inflate inflater
	tally   *tally
	asking  asking
	secure  *secureCrowd
}

// New returns a Crowd without connections. It locks the goroutine to its thread.
func New(credits *control.CreditWriter) (*Crowd, error) {
	runtime.LockOSThread()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &Crowd{credits: credits, epoll: epoll, byFD: make(map[int32]*conn), buffer: make([]byte, readBuffer)}, nil
}

// Do does one command.
func (c *Crowd) Do(command control.LoadCommand) (control.LoadResult, error) {
	switch command.Do {
	case control.Connect:
		c.stalled = command.Stalled
		if command.TLS {
			var err error
			c.secure, err = connectSecure(command)
			return control.LoadResult{}, err
		}
		return control.LoadResult{}, c.connect(command)
	case control.Receive:
		if c.secure != nil {
			return c.secure.receive(command, c.credits)
		}
		return c.take(command)
	case control.Request:
		return c.take(command)
	}
	return control.LoadResult{}, fmt.Errorf("unknown command %q", command.Do)
}

// take reads until all messages of the command have come.
func (c *Crowd) take(command control.LoadCommand) (control.LoadResult, error) {
	c.tally = newTally(command, c.credits, len(c.conns), len(c.conns)-c.stalled)
	defer func() { c.tally = nil }()
	since := control.Since()
	if command.Do == control.Request {
		c.asking = asking{template: peer.QuestionTemplate(command.Size), left: command.Messages, last: make([]uint32, len(c.conns))}
		for _, conn := range c.conns[c.stalled:] {
			if err := c.ask(conn, command.InFlight); err != nil {
				return control.LoadResult{}, err
			}
		}
	}
	for !c.tally.done() {
		if err := c.poll(); err != nil {
			return control.LoadResult{}, fmt.Errorf("%d of %d messages came: %w", c.tally.got, c.tally.want, err)
		}
	}
	return c.tally.finish(since()), nil
}

// poll waits for input and takes it.
func (c *Crowd) poll() error {
	wait := int(silence.Milliseconds())
	if c.tally != nil && c.tally.impatient() {
		wait = 0
	}
	n, err := unix.EpollWait(c.epoll, c.events[:], wait)
	switch {
	case errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("epoll: %w", err)
	case n == 0 && wait > 0:
		return fmt.Errorf("nothing came for %s", silence)
	case n == 0:
		return c.tally.settle(true)
	}
	for _, event := range c.events[:n] {
		if err := c.read(c.byFD[event.Fd]); err != nil {
			return err
		}
	}
	return nil
}

// read takes what one connection has.
func (c *Crowd) read(conn *conn) error {
	held := copy(c.buffer, conn.rest)
	n, err := unix.Read(conn.fd, c.buffer[held:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case err != nil:
		return fmt.Errorf("connection %d: %w", conn.index, err)
	case n == 0:
		return fmt.Errorf("connection %d: closed by the server", conn.index)
	}
	data := c.buffer[:held+n]
	if conn.state == shaking {
		if data, err = conn.shake(data); err != nil {
			return err
		}
	}
	now := time.Now().UnixNano()
	messages := 0
	for conn.state != shaking {
		f, rest, ok, err := frame.Next(data)
		if err != nil {
			return fmt.Errorf("connection %d: %w", conn.index, err)
		}
		if !ok {
			break
		}
		data = rest
		n, err := c.frame(conn, f, now)
		if err != nil {
			return fmt.Errorf("connection %d: %w", conn.index, err)
		}
		messages += n
	}
	conn.rest = append(conn.rest[:0], data...)
	if c.tally == nil {
		return nil
	}
	c.tally.result.Reads++
	if c.tally.command.Do == control.Request && messages > 0 {
		if err := c.ask(conn, messages); err != nil {
			return err
		}
	}
	return c.tally.settle(false)
}

// frame takes one frame and returns how many messages were in it.
func (c *Crowd) frame(conn *conn, f frame.Frame, now int64) (messages int, err error) {
	switch f.Opcode {
	case frame.Close:
		return 0, fmt.Errorf("closed by the server: % x", f.Payload)
	case frame.Ping:
		return 0, conn.write(frame.AppendMasked(nil, frame.Pong, f.Payload))
	case frame.Pong:
		return 0, nil
	}
	payload := f.Payload
	if !f.Fin || f.Opcode == frame.Continuation { // gorilla/websocket sends what is larger than its buffer in parts
		conn.parts = append(conn.parts, payload...)
		if !f.Fin {
			return 0, nil
		}
		payload, conn.parts = conn.parts, conn.parts[:0]
	}
	if f.Compressed {
		if payload, err = c.inflate.inflate(payload); err != nil {
			return 0, err
		}
	}
	if conn.state == joining {
		conn.state = ready
		return 0, nil
	}
	if c.tally == nil {
		return 0, fmt.Errorf("nobody asked for %q", payload)
	}
	return c.tally.take(conn.index, payload, now), nil
}

// asking is what a Request command has yet to send.
type asking struct {
	template []byte
	frames   []byte
	left     int
	last     []uint32
}

// ask sends n more questions on conn, where as many are left.
func (c *Crowd) ask(conn *conn, n int) error {
	a := &c.asking
	a.frames = a.frames[:0]
	for range min(n, a.left) {
		a.left--
		a.last[conn.index]++
		stamp.Put(a.template, a.last[conn.index], time.Now())
		a.frames = frame.AppendMasked(a.frames, frame.Text, a.template)
	}
	if len(a.frames) == 0 {
		return nil
	}
	return conn.write(a.frames)
}
