package pairs

import (
	"context"
	"errors"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rabbitLink publishes to an exchange and waits until what it has published is
// confirmed. Like Switchboard's driver with its defaults it has persistent
// messages and a durable queue that is acknowledged; transient, neither of these.
type rabbitLink struct {
	mode     uint8
	conn     *amqp.Connection
	channel  *amqp.Channel
	exchange string
	confirms bool
	mu       sync.Mutex
}

func transient(r Role) bool { return strings.HasSuffix(r.Pair, "transient") }

func sendRabbitMQ(_ context.Context, r Role) (link, error) {
	conn, err := amqp.Dial("amqp://guest:guest@" + r.Address + "/")
	if err != nil {
		return nil, err
	}
	mode := amqp.Persistent
	if transient(r) {
		mode = amqp.Transient
	}
	l := &rabbitLink{mode: mode, conn: conn, exchange: r.Name, confirms: !strings.HasSuffix(r.Pair, "unacked")}
	if l.channel, err = conn.Channel(); err != nil {
		return nil, err
	}
	if l.confirms {
		if err := l.channel.Confirm(false); err != nil {
			return nil, err
		}
	}
	return l, l.channel.ExchangeDeclare(r.Name, "fanout", false, true, false, false, nil)
}

var errNotConfirmed = errors.New("not confirmed")

func (l *rabbitLink) send(ctx context.Context, _ []uint16, messages [][]byte) error {
	confirmations := make([]*amqp.DeferredConfirmation, 0, len(messages))
	l.mu.Lock()
	for _, m := range messages {
		c, err := l.channel.PublishWithDeferredConfirm(l.exchange, "", false, false, amqp.Publishing{DeliveryMode: l.mode, Body: m})
		if err != nil {
			l.mu.Unlock()
			return err
		}
		confirmations = append(confirmations, c)
	}
	l.mu.Unlock()
	if !l.confirms {
		return nil
	}
	for _, c := range confirmations {
		if ok, err := c.WaitContext(ctx); err != nil || !ok {
			return errors.Join(errNotConfirmed, err)
		}
	}
	return nil
}

func (l *rabbitLink) close() error { return l.conn.Close() }

// prefetch is that of Switchboard's driver.
const prefetch = 256

func receiveRabbitMQ(_ context.Context, r Role, s *stream) (reply, link, error) {
	conn, err := amqp.Dial("amqp://guest:guest@" + r.Address + "/")
	if err != nil {
		return reply{}, nil, err
	}
	channel, err := conn.Channel()
	if err != nil {
		return reply{}, nil, err
	}
	if err := channel.ExchangeDeclare(r.Name, "fanout", false, true, false, false, nil); err != nil {
		return reply{}, nil, err
	}
	queue, err := channel.QueueDeclare(r.Name, !transient(r), transient(r), false, false, nil)
	if err != nil {
		return reply{}, nil, err
	}
	if err := channel.QueueBind(queue.Name, "", r.Name, false, nil); err != nil {
		return reply{}, nil, err
	}
	if err := channel.Qos(prefetch, 0, false); err != nil {
		return reply{}, nil, err
	}
	deliveries, err := channel.Consume(queue.Name, "", transient(r), true, false, false, nil)
	if err != nil {
		return reply{}, nil, err
	}
	go func() {
		unacknowledged := 0
		for d := range deliveries {
			s.take(d.Body)
			if unacknowledged++; !transient(r) && (unacknowledged >= prefetch/4 || len(deliveries) == 0) {
				_ = channel.Ack(d.DeliveryTag, true) // an error ends the deliveries
				unacknowledged = 0
			}
		}
	}()
	return reply{}, nil, nil
}
