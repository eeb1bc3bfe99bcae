package control

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// answerWithin is how long a command may take. What takes longer hangs.
const answerWithin = 90 * time.Second

// reply is a line of a process: the result of a command, or why there is none.
type reply struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// Process is a process that Serve runs in.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// Start starts a program. credits, which may be nil, becomes its file 3. Its standard error is this process's.
func Start(credits *os.File, program string, args ...string) (*Process, error) {
	p := &Process{name: program, cmd: exec.Command(program, args...)} //nolint:noctx // End ends it
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if credits != nil {
		p.cmd.ExtraFiles = []*os.File{credits}
	}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.stdout = bufio.NewReader(stdout)
	return p, p.cmd.Start()
}

// PID returns the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ask has the process do command and puts what it answers into result.
func (p *Process) Ask(command, result any) error {
	if err := p.Tell(command); err != nil {
		return err
	}
	return p.Await(result)
}

// Tell gives the process a command, whose answer Await takes.
func (p *Process) Tell(command any) error {
	line, err := json.Marshal(command)
	if err == nil {
		_, err = p.stdin.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("command to %s: %w", p.name, err)
	}
	return nil
}

// Await takes the answer to the oldest command that has none, or what the process says of itself.
func (p *Process) Await(result any) error {
	watchdog := time.AfterFunc(answerWithin, func() { _ = p.cmd.Process.Kill() })
	defer watchdog.Stop()
	line, err := p.stdout.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("answer of %s: %w", p.name, err)
	}
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("answer of %s: %w", p.name, err)
	}
	if r.Error != "" {
		return fmt.Errorf("%s: %s", p.name, r.Error)
	}
	return json.Unmarshal(r.Result, result)
}

// End ends the process.
func (p *Process) End() {
	_ = p.stdin.Close()
	watchdog := time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer watchdog.Stop()
	_ = p.cmd.Wait() // how it ended says nothing about what it measured
}

// Announce has a process say something of itself before it serves.
func Announce(what any) error {
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(reply{Result: line})
}

// Serve does the commands that come on standard input, one at a time, until it is closed.
func Serve[C any](do func(C) (any, error)) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var command C
		if err := in.Decode(&command); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var r reply
		result, err := do(command)
		if err == nil {
			r.Result, err = json.Marshal(result)
		}
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}
