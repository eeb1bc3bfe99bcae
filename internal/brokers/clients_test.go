package brokers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	goredis "github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

const topic = "texts"

// client sends a text and waits until it can be read, over new connections each time.
type client struct {
	send  func(ctx context.Context, address, text string) error
	await func(ctx context.Context, address, text string) error
}

var clients = map[brokers.Kind]client{
	brokers.Redis:    {once(connectRedis), awaitRedis},
	brokers.RabbitMQ: {once(connectRabbit), awaitRabbit},
	brokers.Kafka:    {once(connectKafka), awaitKafka},
	brokers.RocketMQ: {once(connectRocket), awaitRocket},
}

// connecting makes a client that sends over one connection, or one pool of them.
type connecting func(address string) (send func(context.Context, string) error, end func(), err error)

func once(connect connecting) func(ctx context.Context, address, text string) error {
	return func(ctx context.Context, address, text string) error {
		send, end, err := connect(address)
		if err != nil {
			return err
		}
		defer end()
		return send(ctx, text)
	}
}

// connect is a client that stays. One that cannot connect fails when it sends.
func connect(t *testing.T, kind brokers.Kind, address string) func(context.Context, string) error {
	connect := map[brokers.Kind]connecting{
		brokers.Redis:    connectRedis,
		brokers.RabbitMQ: connectRabbit,
		brokers.Kafka:    connectKafka,
		brokers.RocketMQ: connectRocket,
	}[kind]
	type connected struct {
		send func(context.Context, string) error
		end  func()
		err  error
	}
	// The client of RabbitMQ knows no context: the wait for it has one instead.
	made := make(chan connected, 1)
	go func() {
		send, end, err := connect(address)
		made <- connected{send, end, err}
	}()
	var c *connected
	t.Cleanup(func() {
		if c == nil {
			made := <-made
			c = &made
		}
		if c.err == nil {
			c.end()
		}
	})
	return func(ctx context.Context, text string) error {
		if c == nil {
			select {
			case made := <-made:
				c = &made
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if c.err != nil {
			return c.err
		}
		sent := make(chan error, 1)
		go func() { sent <- c.send(ctx, text) }()
		select {
		case err := <-sent:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func connectRedis(address string) (func(context.Context, string) error, func(), error) {
	c := goredis.NewClient(&goredis.Options{Addr: address})
	send := func(ctx context.Context, text string) error { return c.SAdd(ctx, topic, text).Err() }
	return send, func() { c.Close() }, nil
}

func awaitRedis(ctx context.Context, address, text string) error {
	c := goredis.NewClient(&goredis.Options{Addr: address})
	defer c.Close()
	there, err := c.SIsMember(ctx, topic, text).Result()
	if err == nil && !there {
		err = errors.New("the text is not there")
	}
	return err
}

func rabbitQueue(address string) (*amqp.Connection, *amqp.Channel, error) {
	conn, err := amqp.Dial("amqp://guest:guest@" + address + "/")
	if err != nil {
		return nil, nil, err
	}
	channel, err := conn.Channel()
	if err == nil {
		_, err = channel.QueueDeclare(topic, true, false, false, false, nil)
	}
	if err == nil {
		err = channel.Confirm(false)
	}
	if err != nil {
		conn.Close()
	}
	return conn, channel, err
}

func connectRabbit(address string) (func(context.Context, string) error, func(), error) {
	conn, channel, err := rabbitQueue(address)
	send := func(ctx context.Context, text string) error {
		confirmed, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", topic, false, false,
			amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(text)})
		if err != nil {
			return err
		}
		if ok, err := confirmed.WaitContext(ctx); !ok || err != nil {
			return fmt.Errorf("not confirmed: %w", err)
		}
		return nil
	}
	return send, func() { conn.Close() }, err
}

func awaitRabbit(ctx context.Context, address, text string) error {
	conn, channel, err := rabbitQueue(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	deliveries, err := channel.ConsumeWithContext(ctx, topic, "", true, false, false, false, nil)
	if err != nil {
		return err
	}
	for delivery := range deliveries {
		if string(delivery.Body) == text {
			return nil
		}
	}
	return errors.New("the deliveries ended")
}

func connectKafka(address string) (func(context.Context, string) error, func(), error) {
	transport := &kafka.Transport{} // the default one would remember an earlier broker
	w := &kafka.Writer{Addr: kafka.TCP(address), Topic: topic, Transport: transport, BatchSize: 1, RequiredAcks: kafka.RequireAll}
	client := &kafka.Client{Addr: w.Addr, Transport: transport}
	send := func(ctx context.Context, text string) error {
		made, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{
			Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}},
		})
		if err != nil {
			return err
		}
		if err := made.Errors[topic]; err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			return err
		}
		return w.WriteMessages(ctx, kafka.Message{Value: []byte(text)})
	}
	return send, func() { w.Close(); transport.CloseIdleConnections() }, nil
}

func awaitKafka(ctx context.Context, address, text string) error {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{address}, Topic: topic, MaxWait: 100 * time.Millisecond})
	defer r.Close()
	for {
		message, err := r.ReadMessage(ctx)
		if err != nil || string(message.Value) == text {
			return err
		}
	}
}
