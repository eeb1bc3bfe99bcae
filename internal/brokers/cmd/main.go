package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

// usual is each kind's usual port, and what makes the chat example use the broker there.
var usual = []struct {
	kind brokers.Kind
	port int
	flag string
}{
	{brokers.Redis, 6379, "--websocket.sender-redis.addrs=%s"},
	{brokers.RabbitMQ, 5672, "--websocket.sender-rabbitmq.url=amqp://guest:guest@%s/"},
	{brokers.Kafka, 9092, "--websocket.sender-kafka.brokers=%s"},
	{brokers.RocketMQ, 9876, "--websocket.sender-rocketmq.name-servers=%s"},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kinds []string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, row := range usual {
		if len(kinds) > 0 && !slices.Contains(kinds, string(row.kind)) {
			continue
		}
		broker, startErr := brokers.StartAt(row.kind, row.port)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, broker.Close()) }()
		fmt.Printf("%-8s  %s  go run ./examples/chat --websocket.sender-type=%s "+row.flag+"\n",
			row.kind, broker.Address, row.kind, broker.Address)
		if ctx.Err() != nil {
			return nil
		}
	}
	fmt.Println("ready")
	<-ctx.Done()
	return nil
}
