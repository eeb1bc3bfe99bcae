package pairs

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/pprof"
	"syscall"
	"time"
)

// order is what the runner has a process do. The process answers with one line.
type order struct {
	Do       string // begin, await, flood, pace, usage, connect, profile
	Sampling bool
	Count    int64
	Senders  int
	Batch    int
	Window   int
	Rate     int
	For      time.Duration
	Address  string // of B
	Path     string
	Hello    string
	File     string
}

// reply is the answer to an order, or the first line of a process.
type reply struct {
	Error   string
	Address string // of B, where it serves sockets
	Path    string
	Hello   string
	Sent    Sent
	Arrived Arrived
	Closed  int64 // sockets that the server has closed
	CPU     time.Duration
	Calls   int64 // context switches that the process asked for
}

// Role is what a process does in a pair.
type Role struct {
	Side    string // a, b or load
	Pair    string // of pairNames
	Address string // of the message broker
	Name    string // sets what this run uses apart from what others do
	Board   string // the file of the board
}

// Serve does what a role does until its input ends.
func Serve(ctx context.Context, r Role, in io.Reader, out io.Writer) error {
	shared, err := openBoard(r.Board)
	if err != nil {
		return err
	}
	p := &process{board: shared, arrivals: &arrivals{board: shared}}
	answers := json.NewEncoder(out)
	first := reply{}
	if r.Side != "load" {
		made, ok := pairs[r.Pair]
		if !ok {
			return fmt.Errorf("unknown pair %q", r.Pair)
		}
		switch r.Side {
		case "a":
			p.link, err = made.send(ctx, r)
		case "b":
			first, p.link, err = made.receive(ctx, r, p.arrivals.stream(-1))
		}
	}
	if err != nil {
		first.Error = err.Error()
	}
	if err := answers.Encode(first); err != nil || first.Error != "" {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		answer, err := p.obey(ctx, o)
		if err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	if p.link != nil {
		return p.link.close()
	}
	return nil
}

// process is a child.
type process struct {
	board    *board
	arrivals *arrivals
	link     link
	sockets  *sockets
	profile  *os.File
}

func (p *process) obey(ctx context.Context, o order) (r reply, err error) {
	switch o.Do {
	case "begin":
		p.arrivals.begin(o.Sampling)
	case "await":
		r.Arrived = p.arrivals.await(o.Count, 2*time.Second)
		if p.sockets != nil {
			r.Closed = p.sockets.closed.Load()
		}
	case "flood":
		r.Sent = flood(ctx, p.link, p.board, o)
	case "pace":
		r.Sent = pace(ctx, p.link, o.Rate, o.For)
	case "connect":
		if p.sockets != nil {
			p.sockets.close()
		}
		p.sockets, err = dialSockets(ctx, o.Address, o.Path, o.Hello, p.arrivals)
	case "usage":
		var u syscall.Rusage
		err = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		r.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano())
		r.Calls = u.Nvcsw
	case "profile":
		switch {
		case o.File != "":
			if p.profile, err = os.Create(o.File); err == nil {
				err = pprof.StartCPUProfile(p.profile)
			}
		case p.profile != nil:
			pprof.StopCPUProfile()
			err = p.profile.Close()
			p.profile = nil
		}
	default:
		err = fmt.Errorf("unknown order %q", o.Do)
	}
	return r, err
}

// child is a process as the runner sees it.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *json.Decoder
	first reply
}

// spawn starts this program again in a role, and returns when it is ready.
func spawn(ctx context.Context, r Role) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, program, "-side", r.Side, "-pair", r.Pair, "-address", r.Address, "-name", r.Name, "-board", r.Board)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.out = json.NewDecoder(out)
	if c.first, err = c.read(); err != nil {
		c.end()
		return nil, fmt.Errorf("%s of %s: %w", r.Side, r.Pair, err)
	}
	return c, nil
}

func (c *child) read() (r reply, err error) {
	if err = c.out.Decode(&r); err == nil && r.Error != "" {
		err = fmt.Errorf("%s", r.Error)
	}
	return r, err
}

// ask gives an order and returns the answer to it.
func (c *child) ask(o order) (reply, error) {
	line, err := json.Marshal(o)
	if err != nil {
		return reply{}, err
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return reply{}, err
	}
	r, err := c.read()
	if err != nil {
		err = fmt.Errorf("%s: %w", o.Do, err)
	}
	return r, err
}

// end ends the process: in peace, or else after two seconds.
func (c *child) end() {
	_ = c.in.Close()
	late := time.AfterFunc(2*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer late.Stop()
	_ = c.cmd.Wait()
}
