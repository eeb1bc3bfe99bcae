package brokers

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

var redisRecipe = recipe{
	ports:    1,
	clients:  []int{0},
	patience: 10 * time.Second,
	missing:  func() error { return needCommand("redis-server", "redis-server") },
	steps: func(b *Broker) []step {
		return []step{{
			name: "redis",
			// The log of commands makes the data outlive Kill too: Redis hands each command to the system before it answers.
			argv: []string{"redis-server", "--bind", loopback, "--port", strconv.Itoa(b.ports.numbers[0]), "--dir", b.Dir,
				"--save", "", "--appendonly", "yes", "--appendfsync", "no"},
			ready: func(ctx context.Context) error { return pingRedis(ctx, b.listen(0)) },
		}}
	},
}

func pingRedis(ctx context.Context, address string) error {
	return ask(ctx, address, []byte("PING\r\n"), func(answer *bufio.Reader) error {
		// It says LOADING while it reads its data.
		line, err := answer.ReadString('\n')
		if err == nil && line != "+PONG\r\n" {
			err = fmt.Errorf("PING answered %q", line)
		}
		return err
	})
}

// needCommand says how to install a command that is missing.
func needCommand(command, aptPackage string) error {
	if _, err := exec.LookPath(command); err != nil {
		return fmt.Errorf("%s is not installed: run scripts/install-brokers.sh (Debian: apt-get install %s)", command, aptPackage)
	}
	return nil
}
