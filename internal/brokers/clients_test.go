package brokers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
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
	// The clients of RabbitMQ and RocketMQ know no context: the wait for them has one instead.
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

// names are of RocketMQ's groups and instances, which may be used once in a process.
var names atomic.Int64

func name() string { return fmt.Sprintf("test-%d-%d", os.Getpid(), names.Add(1)) }

func init() { rlog.SetLogLevel("fatal") }

func connectRocket(address string) (func(context.Context, string) error, func(), error) {
	p, err := rocketmq.NewProducer(producer.WithNameServer([]string{address}), producer.WithGroupName(name()),
		producer.WithInstanceName(name()))
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		return nil, nil, err
	}
	send := func(ctx context.Context, text string) error {
		result, err := p.SendSync(ctx, primitive.NewMessage(topic, []byte(text)))
		if err == nil && result.Status != primitive.SendOK {
			err = errors.New(result.String())
		}
		return err
	}
	return send, func() { p.Shutdown() }, nil
}

func awaitRocket(ctx context.Context, address, text string) error {
	c, err := rocketmq.NewPushConsumer(consumer.WithNameServer([]string{address}), consumer.WithGroupName(name()),
		consumer.WithInstance(name()), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err != nil {
		return err
	}
	received := make(chan struct{}, 1)
	err = c.Subscribe(topic, consumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, message := range messages {
			if string(message.Body) == text {
				select {
				case received <- struct{}{}:
				default:
				}
			}
		}
		return consumer.ConsumeSuccess, nil
	})
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return err
	}
	defer c.Shutdown()
	select {
	case <-received:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
