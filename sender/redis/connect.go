package redis

import (
	"context"
	"math/rand/v2"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// dialTimeout bounds one try to reach a server.
	dialTimeout = 2 * time.Second
	// ioTimeout bounds what one pipeline writes and reads, and how long nothing
	// may come from a server that is asked every second.
	ioTimeout = 3 * time.Second
	// pingInterval is how often the server is asked for a sign of life on the
	// connection that receives.
	pingInterval = time.Second

	// bufferSize has a busy node's batch in one write.
	bufferSize = 64 << 10

	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Second
)

// connect returns a client with connections of the broker's own to the server in
// charge of the application's names. The broker closes it whenever a connection
// is to end at once, which contexts do not do with go-redis: they are looked at
// between reads and writes only. Commands are never repeated: one that was lost
// on the way back has been executed.
func (b *Broker) connect(ctx context.Context) (*goredis.Client, error) {
	base := b.single
	if base == nil {
		var err error
		if base, err = b.cluster.MasterForKey(ctx, b.names.all()); err != nil {
			return nil, err
		}
	}
	o := *base.Options()
	o.Protocol = 2 // its pub/sub is the plainer one, and no push notifications come in between
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.PushNotificationProcessor = nil
	o.ClientSideCache, o.ClientSideCacheConfig = nil, nil
	o.Limiter = nil
	o.Dialer = abrupt(o.Dialer)
	o.MaxRetries = -1
	o.DialTimeout = min(o.DialTimeout, dialTimeout)
	o.DialerRetries = 1
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = ioTimeout, ioTimeout, ioTimeout
	o.ContextTimeoutEnabled = true
	// One connection is used. A pool of one would go on dialing in the background,
	// also after it is closed, when its first dial fails.
	o.PoolSize, o.MinIdleConns, o.MaxIdleConns, o.MaxActiveConns = 2, 0, 0, 0
	o.PipelinePoolSize = -1
	o.ReadBufferSize, o.WriteBufferSize = bufferSize, bufferSize
	return goredis.NewClient(&o), nil
}

// dialer is what go-redis makes connections with.
type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// abrupt returns a dialer whose connections forget what they have not sent when
// they are closed. The system would go on sending it, and where the network is
// mended later what was given up would arrive behind what was published since.
func abrupt(dial dialer) dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if err := ctx.Err(); err != nil { // which go-redis's dialer for TLS does not look at
			return nil, err
		}
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		plain := conn
		if encrypted, ok := conn.(interface{ NetConn() net.Conn }); ok {
			plain = encrypted.NetConn()
		}
		if tcp, ok := plain.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		return conn, nil
	}
}

// lost is called when a connection broke or a server refused: on a Redis Cluster
// another one may be in charge now.
func (b *Broker) lost() {
	if b.cluster != nil {
		b.cluster.ReloadState(context.Background()) // it returns at once
	}
}

// pause waits before the next try, with jitter, so that the nodes of a cluster do
// not come back all at a time. It returns early when ctx ends.
func pause(ctx context.Context, attempt int) {
	d := min(firstRetry<<min(attempt, 16), lastRetry)
	timer := time.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
