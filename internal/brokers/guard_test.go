package brokers_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

const victim = "SWITCHBOARD_BROKERS_VICTIM"

// A test process that is killed takes its brokers and their data along.
func TestBrokersEndWithTheTestProcess(t *testing.T) {
	if os.Getenv(victim) != "" {
		beVictim(t)
	}
	for _, paused := range []bool{false, true} {
		t.Run(fmt.Sprintf("paused %v", paused), func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run", "^TestBrokersEndWithTheTestProcess$")
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%v", victim, paused))
			output, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
			line, err := bufio.NewReader(output).ReadString('\n')
			must(t, err)
			address, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
			if !reachable(address) {
				t.Fatalf("no broker answers at %q", line)
			}

			must(t, cmd.Process.Kill())
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			deadline := time.After(30 * time.Second)
			for {
				_, err := os.Stat(dir)
				if errors.Is(err, os.ErrNotExist) && !reachable(address) {
					return
				}
				select {
				case <-tick.C:
				case <-deadline:
					t.Fatalf("the broker answers: %v; its data: %v", reachable(address), err)
				}
			}
		})
	}
}

// beVictim starts a broker and waits to be killed.
func beVictim(t *testing.T) {
	b, err := brokers.Start(brokers.Redis)
	must(t, err)
	if os.Getenv(victim) == "true" {
		must(t, b.Pause())
	}
	fmt.Println(b.Address, b.Dir)
	select {}
}
