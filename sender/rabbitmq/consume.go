package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchboard-go/switchboard/sender"
)

// consumer is a link that packets are received on.
type consumer struct {
	*link
	deliveries <-chan amqp.Delivery
}

// connectConsumer makes a link that reads this node's queue. The queue is made
// where it is new, or else must be there; where it is not, another is made.
func (b *Broker) connectConsumer(ctx context.Context, isNew bool) (*consumer, error) {
	c := &consumer{}
	l, err := b.connect(ctx, "receive", func(l *link) error {
		if !isNew {
			_, err := l.channel.QueueDeclarePassive(b.queue, true, false, false, false, nil)
			if isNotFound(err) {
				// Also where it is on a node of RabbitMQ's that is down.
				b.counts.queuesLost.Add(1)
				b.queue, isNew = b.newQueueName(), true
				err = l.openChannel()
			}
			if err != nil {
				return fmt.Errorf("look for queue %s: %w", b.queue, err)
			}
		}
		if err := b.declareExchange(l.channel); err != nil {
			return err
		}
		if isNew {
			if err := b.declareQueue(l.channel); err != nil {
				return err
			}
		}
		// The node's own key first: who hears what goes to all must not miss what
		// goes to him alone, or it counts as missing.
		for _, key := range []string{keyNode + b.node, keyAll} {
			if err := l.channel.QueueBind(b.queue, key, b.config.Exchange, false, nil); err != nil {
				return fmt.Errorf("bind queue %s to %s: %w", b.queue, b.config.Exchange, err)
			}
		}
		if err := l.channel.Qos(b.config.Prefetch, 0, false); err != nil {
			return fmt.Errorf("set prefetch: %w", err)
		}
		var err error
		c.deliveries, err = l.channel.Consume(b.queue, "", false, false, false, false, nil)
		if err != nil {
			return fmt.Errorf("consume queue %s: %w", b.queue, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.link = l
	return c, nil
}

func isNotFound(err error) bool {
	var refusal *amqp.Error
	return errors.As(err, &refusal) && refusal.Code == amqp.NotFound
}

// declareQueue makes this node's queue.
func (b *Broker) declareQueue(channel *amqp.Channel) error {
	_, err := channel.QueueDeclare(b.queue, true, false, false, false, amqp.Table{
		"x-expires":                b.config.QueueExpiry.Milliseconds(),
		"x-max-length":             int64(b.config.QueueMaxLength),
		"x-max-length-bytes":       int64(b.config.QueueMaxBytes),
		"x-overflow":               "drop-head",
		"x-single-active-consumer": true,
	})
	if err != nil {
		return fmt.Errorf("declare queue %s: %w", b.queue, err)
	}
	return nil
}

// receive hands on what comes, and connects again, until the broker is closed.
func (b *Broker) receive(c *consumer) {
	for c != nil {
		err := b.read(c)
		if b.open.Err() != nil {
			b.leave(c)
			return
		}
		c.close()
		b.emit(sender.Event{Link: sender.LinkDown, Err: fmt.Errorf("%s: %w", b.where, err)})
		c = b.reconnectConsumer()
	}
}

// reconnectConsumer returns a new link, or nil where the broker is closed.
func (b *Broker) reconnectConsumer() *consumer {
	for attempt := 0; ; attempt++ {
		retry(b.open, attempt)
		if b.open.Err() != nil {
			return nil
		}
		c, err := b.connectConsumer(b.open, false)
		if err != nil {
			continue
		}
		b.counts.reconnects.Add(1)
		b.emit(sender.Event{Link: sender.LinkUp})
		return c
	}
}

// leave deletes the node's queue and closes the link.
func (b *Broker) leave(c *consumer) {
	late := time.AfterFunc(closeTimeout, c.cut)
	defer late.Stop()
	// Its answer is not waited for; that to the goodbye comes after it.
	_, _ = c.channel.QueueDelete(b.queue, false, false, true)
	c.close()
}

// acknowledgeAfter is how long acknowledgements gather. It is short, because
// RabbitMQ confirms a persistent packet that all nodes have acknowledged without
// writing it down.
const acknowledgeAfter = time.Millisecond

// read hands on what comes on a link until it breaks or the broker is closed.
// Packets are acknowledged when they wait for Receive, where they outlive the
// link.
func (b *Broker) read(c *consumer) error {
	gathered := time.NewTimer(acknowledgeAfter)
	defer gathered.Stop()
	many := max(1, b.config.Prefetch/4)
	unacknowledged, last := 0, uint64(0)
	acknowledge := func() {
		gathered.Stop()
		if unacknowledged > 0 {
			// Where it fails the link is broken, which shows below.
			_ = c.channel.Ack(last, true)
			unacknowledged = 0
		}
	}
	for {
		select {
		case delivery, ok := <-c.deliveries:
			if !ok {
				return c.why()
			}
			if !b.hand(&delivery) {
				return sender.ErrClosed
			}
			last = delivery.DeliveryTag
			unacknowledged++
			if unacknowledged == 1 {
				gathered.Reset(acknowledgeAfter)
			}
			if unacknowledged >= many {
				acknowledge()
			}
		case <-gathered.C:
			acknowledge()
		case <-b.open.Done():
			return sender.ErrClosed
		}
	}
}

// why returns the reason that no more deliveries come.
func (c *consumer) why() error {
	select {
	case reason := <-c.closed:
		return lost(reason)
	default:
		return errCancelled
	}
}

var errCancelled = errors.New("the broker has ended the subscription, as it does when the queue is deleted")

// hand gives a packet to Receive; it reports false where the broker is closed.
func (b *Broker) hand(d *amqp.Delivery) bool {
	if s, ok := parseStamp(d.MessageId); ok {
		fresh, missed := b.received.note(s)
		if !fresh {
			b.counts.duplicates.Add(1)
			return true
		}
		if missed {
			b.counts.missed.Add(1)
			down := sender.Event{Link: sender.LinkDown, Err: fmt.Errorf("%s: packets to this node are missing; its queue may have been full", b.where)}
			if !b.emit(down) || !b.emit(sender.Event{Link: sender.LinkUp}) {
				return false
			}
		}
	}
	return b.emit(sender.Event{Payload: d.Body})
}
