package brokers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// The ports of a RabbitMQ.
const (
	rabbitAMQP = iota
	rabbitNode // for other nodes, of which there are none
	rabbitNames
	rabbitPorts
)

var rabbitRecipe = recipe{
	ports:    rabbitPorts,
	clients:  []int{rabbitAMQP},
	patience: 10 * time.Second,
	missing: func() error {
		return errors.Join(needCommand(rabbitScript(), "rabbitmq-server"), needCommand("epmd", "rabbitmq-server"))
	},
	prepare: func(b *Broker) error {
		config := fmt.Sprintf("listeners.tcp.1 = %s\n", b.listen(rabbitAMQP))
		return os.WriteFile(filepath.Join(b.Dir, "rabbitmq.conf"), []byte(config), 0o600)
	},
	steps: func(b *Broker) []step {
		names := "ERL_EPMD_PORT=" + strconv.Itoa(b.ports.numbers[rabbitNames])
		return []step{
			{
				// Erlang's own name server. It runs from here because a node that misses one starts one that outlives it.
				name:  "epmd",
				argv:  []string{"epmd", "-address", loopback},
				env:   []string{names},
				ready: func(ctx context.Context) error { return pingTCP(ctx, b.listen(rabbitNames)) },
			},
			{
				name: "rabbitmq",
				argv: []string{rabbitScript()},
				env: []string{
					names,
					"HOME=" + b.Dir, // of Erlang's cookie
					"RABBITMQ_NODENAME=rabbit@localhost",
					"RABBITMQ_DIST_PORT=" + strconv.Itoa(b.ports.numbers[rabbitNode]),
					"RABBITMQ_CONF_ENV_FILE=" + filepath.Join(b.Dir, "none"),
					"RABBITMQ_CONFIG_FILE=" + filepath.Join(b.Dir, "rabbitmq.conf"),
					"RABBITMQ_ADVANCED_CONFIG_FILE=" + filepath.Join(b.Dir, "none.config"),
					"RABBITMQ_ENABLED_PLUGINS_FILE=" + filepath.Join(b.Dir, "enabled_plugins"),
					"RABBITMQ_MNESIA_BASE=" + filepath.Join(b.Dir, "mnesia"),
					"RABBITMQ_LOG_BASE=" + b.Dir,
					"RABBITMQ_LOGS=-",
					"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
					// The script becomes the server, where it would otherwise stay above it and pass on no signal but its own.
					"RUNNING_UNDER_SYSTEMD=true",
				},
				ready: func(ctx context.Context) error { return pingRabbit(ctx, b.listen(rabbitAMQP)) },
			},
		}
	},
}

// rabbitScript is RabbitMQ's own script. Debian puts another one in the path, which runs the server as another user.
func rabbitScript() string {
	const debian = "/usr/lib/rabbitmq/bin/rabbitmq-server"
	if _, err := os.Stat(debian); err == nil {
		return debian
	}
	return "rabbitmq-server"
}

func pingTCP(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// pingRabbit opens AMQP 0-9-1, to which a server answers with a frame of type 1 on channel 0. It listens when all else is up.
func pingRabbit(ctx context.Context, address string) error {
	return ask(ctx, address, []byte("AMQP\x00\x00\x09\x01"), func(answer *bufio.Reader) error {
		kind, err := answer.ReadByte()
		if err == nil && kind != 1 {
			err = fmt.Errorf("the greeting was answered with a frame of type %d", kind)
		}
		return err
	})
}
