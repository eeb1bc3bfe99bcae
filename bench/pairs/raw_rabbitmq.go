package pairs

import (
	"context"
	"errors"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rabbitLink publishes to an exchange and waits until what it has published is
// confirmed.
type rabbitLink struct {
	conn     *amqp.Connection
	channel  *amqp.Channel
	exchange string
	confirms bool
	mu       sync.Mutex
}

func sendRabbitMQ(_ context.Context, r Role) (link, error) {
	conn, err := amqp.Dial("amqp://guest:guest@" + r.Address + "/")
	if err != nil {
		return nil, err
	}
	l := &rabbitLink{conn: conn, exchange: r.Name, confirms: !strings.HasSuffix(r.Pair, "unacked")}
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
		c, err := l.channel.PublishWithDeferredConfirm(l.exchange, "", false, false, amqp.Publishing{Body: m})
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
	queue, err := channel.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return reply{}, nil, err
	}
	if err := channel.QueueBind(queue.Name, "", r.Name, false, nil); err != nil {
		return reply{}, nil, err
	}
	deliveries, err := channel.Consume(queue.Name, "", true, true, false, false, nil)
	if err != nil {
		return reply{}, nil, err
	}
	go func() {
		for d := range deliveries {
			s.take(d.Body)
		}
	}()
	return reply{}, nil, nil
}
