package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	client "github.com/coder/websocket"
)

// process is the command chat, as an operator runs it.
type process struct {
	*exec.Cmd
	url     string
	console *console
	exited  chan error
}

// execute starts the binary and returns when it is open.
func execute(t *testing.T, binary string, args ...string) *process {
	t.Helper()
	p := launch(t, binary, args...)
	select {
	case p.url = <-p.console.opened:
	case <-time.After(patience):
		t.Fatalf("the process does not open: %s", p.console)
	}
	return p
}

// launch starts the binary.
func launch(t *testing.T, binary string, args ...string) *process {
	t.Helper()
	console := newConsole()
	p := &process{Cmd: exec.Command(binary, append([]string{"--addr=127.0.0.1:0"}, args...)...), console: console, exited: make(chan error, 1)}
	p.Env = []string{} // the defaults, whatever the developer has set
	p.Stderr = console
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.exited <- p.Wait() }()
	t.Cleanup(func() { p.Process.Kill() })
	return p
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestProcess(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "chat")
	if output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			p := execute(t, binary)
			conns := []*client.Conn{connect(t, p.url, "test1"), connect(t, p.url, "test2")}
			p.signal(t, signal)
			for _, conn := range conns {
				if code := closed(t, conn); code != client.StatusGoingAway {
					t.Errorf("a session was closed with %d", code)
				}
			}
			select {
			case err := <-p.exited:
				if err != nil {
					t.Errorf("the process ended with %v: %s", err, p.console)
				}
			case <-time.After(patience):
				t.Error("the process does not exit")
			}
			if text := p.console.String(); !strings.Contains(text, `msg="chat is shutting down"`) || strings.Contains(text, "ERROR") {
				t.Errorf("the process printed %s", text)
			}
		})
	}

	t.Run("second signal", func(t *testing.T) {
		p := execute(t, binary, "--websocket.close-timeout=1h")
		connect(t, p.url, "test1") // reads nothing, and so answers no close frame
		p.signal(t, syscall.SIGTERM)
		for response := new(http.Response); response.StatusCode != http.StatusServiceUnavailable; {
			response, _ = request(t, http.MethodGet, p.url+"readyz", "")
		}
		// It waits for the client, until another signal comes. What comes in the
		// moment of the first one is part of that.
		var err error
		for begun, waiting := time.Now(), true; waiting; {
			p.Process.Signal(syscall.SIGTERM)
			select {
			case err = <-p.exited:
				waiting = false
			case <-time.After(10 * time.Millisecond):
				if time.Since(begun) > patience {
					t.Fatal("the process does not end")
				}
			}
		}
		if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
			t.Errorf("the process ended with %v: %s", err, p.console)
		}
	})

	t.Run("exit statuses", func(t *testing.T) {
		for _, test := range []struct {
			args []string
			want int
		}{
			{[]string{"-h"}, exitOK},
			{[]string{"--addr", taken(t)}, exitFailed},
			{[]string{"--websocket.paht=/ws"}, exitUsage},
		} {
			cmd := exec.Command(binary, test.args...)
			cmd.Env = []string{}
			output, _ := cmd.Output()
			if got := cmd.ProcessState.ExitCode(); got != test.want || len(output) > 0 {
				t.Errorf("%q exits with %d, want %d, and prints %q to the standard output", test.args, got, test.want, output)
			}
		}
	})
}
