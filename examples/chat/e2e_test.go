package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestE2E runs the scripts in folder e2e. Each drives Chromium against a chat
// of its own.
func TestE2E(t *testing.T) {
	t.Parallel()
	node := findTool(t, "node")
	chromium := findTool(t, "chromium")
	if _, err := os.Stat(filepath.Join("e2e", "node_modules", ".package-lock.json")); err != nil {
		t.Fatal("the packages of examples/chat/e2e are missing: run make test, which installs them")
	}
	binary := filepath.Join(t.TempDir(), "chat")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	for script, args := range map[string][]string{
		"page.mjs":   {"--websocket.path=/lines/of this/chat"}, // which the page finds
		"vueuse.mjs": nil,                                      // which knows only what a chat is by default
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			chat := &chatProcess{binary: binary, address: freeAddress(t), args: args, output: t.Output()}
			if err := chat.start(ctx); err != nil {
				t.Fatal(err)
			}
			defer chat.kill()
			runScript(ctx, t, chat, node, script, "CHROMIUM="+chromium)
			if t.Failed() {
				return
			}
			if err := chat.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func findTool(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: run make test, which installs it", name)
	}
	return path
}

// freeAddress returns an address nothing listens on. Its port is below those
// that systems give to outgoing connections: while the chat is down, one of the
// browser's attempts to connect could get the very port that it is for.
func freeAddress(t *testing.T) string {
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("found no free port")
	return ""
}

// runScript runs a script of folder e2e, which prints a line for each thing
// that it wants done to the chat and is told "done".
func runScript(ctx context.Context, t *testing.T, chat *chatProcess, node, script string, environ ...string) {
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Dir = "e2e"
	// The browser's profile goes to the temporary directory.
	cmd.Env = append(os.Environ(), append(environ, "CHAT_URL=http://"+chat.address+"/", "TMPDIR="+t.TempDir())...)
	cmd.Stderr = t.Output()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its browser then
	cmd.WaitDelay = 10 * time.Second
	answers, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	orders, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		if err := chat.obey(ctx, lines.Text()); err != nil {
			t.Errorf("%s wants the chat to %s: %v", script, lines.Text(), err)
			break
		}
		fmt.Fprintln(answers, "done")
	}
	answers.Close() // a script that still waits gives up
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s failed: %v; what it said is above", script, err)
	}
}

// chatProcess is the chat in a process of its own.
type chatProcess struct {
	binary, address string
	args            []string
	output          io.Writer

	cmd    *exec.Cmd
	exited chan error
}

func (c *chatProcess) obey(ctx context.Context, order string) error {
	switch order {
	case "start":
		return c.start(ctx)
	case "stop":
		return c.stop()
	case "kill":
		c.kill()
		return nil
	}
	return fmt.Errorf("no such order: %q", order)
}

// start returns when the chat listens. It runs until ctx ends at the latest.
func (c *chatProcess) start(ctx context.Context) error {
	log := &openingLog{to: c.output, opened: make(chan struct{})}
	c.cmd = exec.CommandContext(ctx, c.binary, append([]string{"--addr", c.address}, c.args...)...)
	c.cmd.Env = []string{} // the defaults, whatever the developer has set
	c.cmd.Stderr = log
	if err := c.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	c.exited = exited
	go func(cmd *exec.Cmd) { exited <- cmd.Wait(); close(exited) }(c.cmd)
	select {
	case <-log.opened:
		return nil
	case err := <-exited:
		return fmt.Errorf("the chat ended at its start: %w", err)
	}
}

// stop ends the chat with SIGTERM, and returns an error unless its exit status is 0.
func (c *chatProcess) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := <-c.exited; err != nil {
		return fmt.Errorf("the chat ended on SIGTERM with %w", err)
	}
	return nil
}

func (c *chatProcess) kill() {
	// It may have ended already.
	_ = c.cmd.Process.Kill()
	<-c.exited
}

// openingLog passes on the chat's log and closes opened when the chat listens.
type openingLog struct {
	to     io.Writer
	seen   []byte
	once   sync.Once
	opened chan struct{}
}

func (l *openingLog) Write(p []byte) (int, error) {
	l.seen = append(l.seen, p...)
	if bytes.Contains(l.seen, []byte("url=http://")) {
		l.once.Do(func() { close(l.opened) })
	}
	return l.to.Write(p)
}
