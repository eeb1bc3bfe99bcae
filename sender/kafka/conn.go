package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
	"github.com/segmentio/kafka-go/sasl"

	"github.com/switchboard-go/switchboard/internal/driver"
)

const (
	// dialTimeout bounds one try to reach a broker, with TLS and SASL.
	dialTimeout = 5 * time.Second
	// ioTimeout bounds how long nothing moves on a connection while an answer is
	// waited for.
	ioTimeout = 3 * time.Second

	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Second
)

// dialer makes connections. It is kafka-go's protocol without its Reader, Writer
// and Transport: those report a lost link late or never, and do not end at once.
type dialer struct {
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	tls       *tls.Config    // nil: none
	mechanism sasl.Mechanism // nil: none
	clientID  string
}

// conn is a connection to a broker, for one goroutine at a time.
type conn struct {
	addr string
	// link is what TLS is spoken on, where it is. Closing it leaves out the goodbye
	// of TLS, which would wait where the network takes nothing.
	link     net.Conn
	protocol *protocol.Conn
	// broken: nothing more can be asked on it.
	broken bool
	// admitted: the broker has answered more than which requests it knows, which it
	// tells everybody.
	admitted bool
	// expires, where it is set, is when to leave it: the broker hangs up a while
	// after that.
	expires time.Time
	// throttled is until when the broker, by a quota, wants to be asked nothing. It
	// would not answer sooner.
	throttled time.Time
}

// any returns a connection to any of some brokers.
func (d *dialer) any(ctx context.Context, addrs []string) (*conn, error) {
	var errs []error
	for _, i := range rand.Perm(len(addrs)) {
		c, err := d.connect(ctx, addrs[i])
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// connect returns a connection to a broker that is ready to be asked.
func (d *dialer) connect(ctx context.Context, addr string) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	link, err := d.dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	link = impatient{link}
	connection := link
	if d.tls != nil {
		if connection, err = driver.Encrypt(ctx, link, d.tls, addr); err != nil {
			return nil, err
		}
	}
	c := &conn{addr: addr, link: link, protocol: protocol.NewConn(connection, d.clientID)}
	err = c.negotiate(ctx)
	if err == nil && d.mechanism != nil {
		err = c.authenticate(ctx, d.mechanism)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// negotiate finds the versions of the requests that the broker knows.
func (c *conn) negotiate(ctx context.Context) error {
	answer, err := ask[*apiversions.Response](ctx, c, &apiversions.Request{})
	if err != nil {
		return err
	}
	if answer.ErrorCode != 0 {
		return c.refused(answer.ErrorCode, "")
	}
	versions := make(map[protocol.ApiKey]int16, len(answer.ApiKeys))
	for _, known := range answer.ApiKeys {
		key := protocol.ApiKey(known.ApiKey)
		versions[key] = key.SelectVersion(known.MinVersion, known.MaxVersion)
	}
	c.protocol.SetVersions(versions)
	return nil
}

// authenticate proves who the user is.
func (c *conn) authenticate(ctx context.Context, mechanism sasl.Mechanism) error {
	shake, err := ask[*saslhandshake.Response](ctx, c, &saslhandshake.Request{Mechanism: mechanism.Name()})
	if err != nil {
		return err
	}
	if shake.ErrorCode != 0 {
		return fmt.Errorf("%w: mechanism %s, the broker has %q", c.refused(shake.ErrorCode, ""), mechanism.Name(), shake.Mechanisms)
	}
	state, message, err := mechanism.Start(ctx)
	for done := false; err == nil && !done; {
		var answer *saslauthenticate.Response
		if answer, err = ask[*saslauthenticate.Response](ctx, c, &saslauthenticate.Request{AuthBytes: message}); err != nil {
			break
		}
		if answer.ErrorCode != 0 {
			return c.refused(answer.ErrorCode, answer.ErrorMessage)
		}
		if lifetime := time.Duration(answer.SessionLifetimeMs) * time.Millisecond; lifetime > 0 {
			c.expires = time.Now().Add(lifetime * 3 / 4)
		}
		done, message, err = state.Next(ctx, answer.AuthBytes)
	}
	if err != nil {
		return fmt.Errorf("authenticate by %s: %w", mechanism.Name(), err)
	}
	return nil
}

// refused returns the error for a code that a broker answers with.
func (c *conn) refused(code int16, message string) error {
	if message != "" {
		return fmt.Errorf("%s: %w: %s", c.addr, kafkago.Error(code), message)
	}
	return fmt.Errorf("%s: %w", c.addr, kafkago.Error(code))
}

// usable reports whether more can be asked.
func (c *conn) usable() bool {
	return c != nil && !c.broken && (c.expires.IsZero() || time.Now().Before(c.expires))
}

// throttle notes how long the broker wants to be asked nothing.
func (c *conn) throttle(ms int32) {
	c.throttled = time.Now().Add(time.Duration(ms) * time.Millisecond)
}

func (c *conn) close() { _ = c.link.Close() }

// ask sends a request and waits for its answer. The end of ctx breaks the
// connection, and so does every error.
func ask[T protocol.Message](ctx context.Context, c *conn, request protocol.Message) (T, error) {
	if left := time.Until(c.throttled); left > 0 {
		wait(ctx, left)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.link.Close() })
	message, err := c.protocol.RoundTrip(request)
	answer, ok := message.(T)
	if err == nil && !ok {
		err = fmt.Errorf("an answer is a %T", message)
	}
	c.broken = !stop() || err != nil
	if !c.admitted && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		err = fmt.Errorf("%w: the broker hung up, as it does where it wants TLS or SASL and is not given it, or is given what it does not want", err)
	}
	if _, greeting := request.(*apiversions.Request); err == nil && !greeting {
		c.admitted = true
	}
	if err != nil {
		return answer, fmt.Errorf("%s: %w", c.addr, err)
	}
	return answer, nil
}

// impatient is a connection that is closed when nothing moves for ioTimeout while
// it reads or writes, and at every other error: kafka-go reads on after those.
type impatient struct{ net.Conn }

// Read implements net.Conn.
func (c impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(ioTimeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if err != nil {
		_ = c.Close()
	}
	return n, err
}

// Write implements net.Conn.
func (c impatient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(ioTimeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		_ = c.Close()
	}
	return n, err
}

// pause waits before the next try, with jitter, so that the nodes of a cluster do
// not come back all at a time. It returns early when ctx ends.
func pause(ctx context.Context, attempt int) {
	d := min(firstRetry<<min(attempt, 16), lastRetry)
	wait(ctx, d/2+rand.N(d/2+1))
}

// wait returns after a time, or early when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
