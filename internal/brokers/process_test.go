package brokers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFailedStartShowsTheLog(t *testing.T) {
	const kind = "failing"
	var dir string
	recipes[kind] = recipe{
		ports:   1,
		missing: func() error { return nil },
		steps: func(b *Broker) []step {
			dir = b.Dir
			return []step{{
				name:  "failing",
				argv:  []string{"sh", "-c", "echo out of luck; exit 3"},
				ready: func(context.Context) error { return errors.New("nobody there") },
			}}
		},
	}
	t.Cleanup(func() { delete(recipes, kind) })
	_, err := Start(kind)
	if err == nil {
		t.Fatal("started what fails")
	}
	for _, want := range []string{kind, "out of luck", "exit status 3", "nobody there"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is there: %v", err)
	}
}

func TestTail(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	for _, test := range []struct{ text, want string }{
		{"", "(nothing)"},
		{"one\ntwo\n", "one\ntwo"},
		{"gone\n" + strings.Repeat("line\n", 40), strings.TrimSpace(strings.Repeat("line\n", 40))},
	} {
		if err := os.WriteFile(log, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := tail(log); got != test.want {
			t.Errorf("the tail of %q is %q", test.text, got)
		}
	}
	if got := tail(log + ".none"); !strings.Contains(got, "no such file") {
		t.Errorf("the tail of no file is %q", got)
	}
}

// A paused process is known from one that runs, by its children too.
func TestAwaitPause(t *testing.T) {
	p, err := startProcess([]string{"sh", "-c", "while :; do :; done & while :; do :; done"},
		nil, t.TempDir(), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.kill(); err != nil {
			t.Error(err)
		}
	})
	if groupStands(p.cmd.Process.Pid) {
		t.Error("a process that runs is said to stand")
	}
	if err := errors.Join(p.signal(pauseSignal), p.awaitPause()); err != nil {
		t.Fatal(err)
	}
	if !groupStands(p.cmd.Process.Pid) {
		t.Error("a paused process is said to run")
	}
}

// Two reservations at a time never share a port, though nobody listens on it.
func TestPortsAreHeld(t *testing.T) {
	held := map[int]bool{}
	for range 100 {
		p, err := reserve(5, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.release)
		for _, number := range p.numbers {
			if held[number] {
				t.Fatalf("port %d is held twice", number)
			}
			held[number] = true
		}
	}
}

// The same releases stand in the script that installs them, here, and in the compose file.
func TestReleases(t *testing.T) {
	for file, wants := range map[string][]string{
		"../../scripts/install-brokers.sh": {"kafka=", "rocketmq="},
		"../../compose.yaml":               {"apache/kafka:", "apache/rocketmq:"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, release := range []string{kafkaRelease, rocketmqRelease} {
			_, version, _ := strings.Cut(release, "-")
			if !strings.Contains(string(text), wants[i]+version+"\n") {
				t.Errorf("%s lacks %s%s", file, wants[i], version)
			}
		}
	}
}
