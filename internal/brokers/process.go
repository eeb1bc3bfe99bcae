package brokers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is a child and its children.
type process struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{} // closed when the child has ended
	err   error         // how; valid once it has ended
}

func startProcess(argv, env []string, dir, log string) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()       // the child has its own
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:noctx // it ends with Broker.Close, not with a context
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, file, file
	cmd.Env = append(os.Environ(), env...)
	apart(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// await returns when the process is ready, or cannot be any more.
func (p *process) await(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := attempt(ctx, ready)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return fmt.Errorf("ended before it was ready: %w", errors.Join(p.err, err))
		case <-ctx.Done():
			return fmt.Errorf("did not get ready: %w", err)
		}
	}
}

// attempt asks once. A server that takes the question while it starts, and forgets it, is asked again.
func attempt(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return ready(ctx)
}

// signal signals the process and its children.
func (p *process) signal(signal syscall.Signal) error {
	return signalGroup(p.cmd.Process.Pid, signal)
}

// awaitPause returns when the process and its children stand. A signal is sent long before a busy machine has every thread
// look at it, and until then they answer.
func (p *process) awaitPause() error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !groupStands(p.cmd.Process.Pid) {
		select {
		case <-tick.C:
		case <-deadline:
			return errors.New("it still runs after 10 seconds")
		}
	}
	return nil
}

// stop asks the process to end, and kills what is left of it in the end.
func (p *process) stop(patience time.Duration) error {
	// Only the child is asked: it ends its own children in its own order.
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := p.signal(resumeSignal); err != nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
	}
	return p.kill()
}

// kill ends the process and its children, and returns when the process is gone.
func (p *process) kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// guard ends a broker when the test process ends in a way that leaves no time to: a panic, a time-out, SIGKILL.
//
// It is a shell that reads until its input ends, which happens when the test process closes it or is gone. Pdeathsig would be
// Linux's alone, would follow the thread that started the child instead of the process, and would not reach grandchildren.
type guard struct {
	cmd   *exec.Cmd
	input io.WriteCloser
}

// guardScript reads lines that name the process groups there are now, and kills those of the last line.
const guardScript = `
while read -r line; do groups=$line; done
for group in $groups; do kill -s KILL -- "-$group"; done
rm -rf -- "$1"
`

func newGuard(dir string) (*guard, error) {
	cmd := exec.Command("sh", "-c", guardScript, "guard", dir) //nolint:noctx // it ends with its input
	apart(cmd)
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &guard{cmd: cmd, input: input}, nil
}

// watch tells which processes there are.
func (g *guard) watch(processes []*process) error {
	var groups []string
	for _, p := range processes {
		groups = append(groups, fmt.Sprint(p.cmd.Process.Pid))
	}
	_, err := fmt.Fprintln(g.input, strings.Join(groups, " "))
	return err
}

// close ends the guard, which kills what is left and removes the folder.
func (g *guard) close() error {
	return errors.Join(g.input.Close(), g.cmd.Wait())
}
