package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// connectTimeout bounds one try to connect and to declare what is needed,
	// which takes a dozen round trips.
	connectTimeout = 10 * time.Second
	// writeTimeout is how long one write may wait for a broker that reads nothing.
	writeTimeout = 5 * time.Second
	// closeTimeout bounds the goodbye.
	closeTimeout = time.Second

	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// link is a connection with one channel. Whatever it waits for ends with cut:
// the client library itself neither looks at a context while it writes or waits
// for an answer, nor closes a connection on which a write hangs.
type link struct {
	conn    *amqp.Connection
	channel *amqp.Channel
	raw     *conn
	// closed has the reason when the channel or the connection has ended.
	closed chan *amqp.Error
	since  time.Time
}

// connect makes a link. prepare declares what is needed on it. ctx bounds both,
// and so does connectTimeout.
func (b *Broker) connect(ctx context.Context, purpose string, prepare func(*link) error) (*link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, errNoAnswer)
	defer cancel()
	l, err := b.dial(ctx, purpose)
	if err == nil {
		stop := context.AfterFunc(ctx, l.cut)
		err = l.openChannel()
		if err == nil {
			err = prepare(l)
		}
		if !stop() && err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			l.close()
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return nil, fmt.Errorf("%s: %w", b.where, err)
	}
	l.since = time.Now()
	return l, nil
}

var errNoAnswer = errors.New("no answer in time")

// dial connects and logs in.
func (b *Broker) dial(ctx context.Context, purpose string) (*link, error) {
	l := &link{}
	stop := func() bool { return true }
	config := amqp.Config{
		Heartbeat:  b.config.Heartbeat,
		Properties: amqp.NewConnectionProperties(),
		Dial: func(network, address string) (net.Conn, error) {
			var dialer net.Dialer
			tcp, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			l.raw = &conn{Conn: tcp}
			stop = context.AfterFunc(ctx, l.cut)
			return l.raw, nil
		},
	}
	config.Properties.SetClientConnectionName("switchboard " + b.node + " " + purpose)
	if b.tls != nil {
		config.TLSClientConfig = b.tls.Clone()
	}
	opened, err := amqp.DialConfig(b.url, config)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		if l.raw != nil {
			l.cut() // the library leaves some connections open that it gives up
		}
		return nil, err
	}
	l.conn = opened
	return l, nil
}

// openChannel opens the link's channel, also anew after the broker has closed it.
func (l *link) openChannel() error {
	channel, err := l.conn.Channel()
	if err != nil {
		return err
	}
	l.channel = channel
	l.closed = channel.NotifyClose(make(chan *amqp.Error, 1))
	return nil
}

// cut ends the connection at once.
func (l *link) cut() { _ = l.raw.Close() }

// close ends the connection with a goodbye, if there is still somebody to hear it.
func (l *link) close() {
	late := time.AfterFunc(closeTimeout, l.cut)
	defer late.Stop()
	_ = l.conn.CloseDeadline(time.Now().Add(closeTimeout))
	l.cut()
}

// lost returns why a link has ended, from what closed said.
func lost(reason *amqp.Error) error {
	if reason == nil {
		return errConnectionLost
	}
	return fmt.Errorf("%w: %w", errConnectionLost, reason)
}

var errConnectionLost = errors.New("connection lost")

// conn bounds every write. It can hold small writes back and do many of them at
// once: the client library writes each packet by itself.
type conn struct {
	net.Conn
	mu      sync.Mutex
	holding bool
	held    []byte
}

// maxHeld bounds what is held back, in bytes.
const maxHeld = 64 << 10

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holding && len(c.held)+len(p) <= maxHeld {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return c.write(p)
}

// hold begins to hold writes back.
func (c *conn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = true
}

// release writes what has been held back.
func (c *conn) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = false
	return c.flush()
}

func (c *conn) flush() error {
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.write(c.held)
	c.held = c.held[:0]
	return err
}

func (c *conn) write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// retry waits before the next try, with jitter, so that the nodes of a cluster
// do not come back all at a time. It returns early when ctx ends.
func retry(ctx context.Context, attempt int) {
	d := min(firstRetry<<min(attempt, 16), lastRetry)
	timer := time.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
