package brokers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// inFront is where the proxies of [StartBehindProxy] listen: on the broker's own port numbers, at another loopback address,
// because a RocketMQ redirects its clients to another host but never to another port.
const inFront = "127.0.0.2"

// Proxy is a network between clients and a server that can be broken. It forwards TCP, and is whole at first.
// Its methods may be called from several goroutines.
type Proxy struct {
	Address string // host:port that clients dial

	mu    sync.Mutex // one change at a time
	links []*toxiproxy.Proxy
	ports *ports // what it reserved itself; nil in front of a Broker, which holds its ports
}

// NewProxy forwards a free port to an upstream host:port, which need not answer yet.
func NewProxy(upstream string) (*Proxy, error) {
	ports, err := reserve(1, 0)
	if err != nil {
		return nil, err
	}
	p := &Proxy{Address: net.JoinHostPort(loopback, strconv.Itoa(ports.numbers[0])), ports: ports}
	if err := p.forward(p.Address, upstream); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// StartBehindProxy is [Start] with a proxy between the broker and its clients. The broker's Address is the proxy's, and so are
// the addresses that Kafka and RocketMQ redirect their clients to: nobody gets past it by asking the broker.
// Closing the one does not close the other.
func StartBehindProxy(kind Kind) (*Broker, *Proxy, error) {
	p := &Proxy{}
	b, err := start(kind, 0, func(b *Broker) error {
		b.advertise = inFront
		for _, port := range b.recipe.clients {
			listen := net.JoinHostPort(inFront, strconv.Itoa(b.ports.numbers[port]))
			if err := p.forward(listen, b.listen(port)); err != nil {
				return fmt.Errorf("proxy: %w (where the system is not Linux, %s must be made first)", err, inFront)
			}
		}
		p.Address = net.JoinHostPort(inFront, strconv.Itoa(b.ports.numbers[0]))
		b.Address = p.Address
		return nil
	})
	if err != nil {
		return nil, nil, errors.Join(err, p.Close())
	}
	return b, p, nil
}

func (p *Proxy) forward(listen, upstream string) error {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	link := toxiproxy.NewProxy(server, upstream, listen, upstream)
	if err := link.Start(); err != nil {
		return err
	}
	p.links = append(p.links, link)
	return nil
}

// Cut drops all connections and refuses new ones.
func (p *Proxy) Cut() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx := context.Background()
	for _, link := range p.links {
		link.Stop()
		link.Toxics.ResetToxics(ctx)
	}
	return nil
}

// Heal makes the network whole again. Connections that stood in a black hole are dropped now: they have lost what was sent.
func (p *Proxy) Heal() error { return p.become() }

// Blackhole has connections stand and lets new ones be made, while nothing gets through, not even that an end has closed.
func (p *Proxy) Blackhole() error {
	return p.become(
		`{"name": "up", "type": "`+blackhole+`", "stream": "upstream"}`,
		`{"name": "down", "type": "`+blackhole+`", "stream": "downstream"}`,
	)
}

// Latency delays all data by d, each way. It counts whole milliseconds.
func (p *Proxy) Latency(d time.Duration) error {
	attributes := fmt.Sprintf(`"attributes": {"latency": %d}`, d.Milliseconds())
	return p.become(
		`{"name": "up", "type": "latency", "stream": "upstream", `+attributes+`}`,
		`{"name": "down", "type": "latency", "stream": "downstream", `+attributes+`}`,
	)
}

// become replaces what is wrong with the network, and accepts connections.
func (p *Proxy) become(wrong ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx := context.Background()
	for _, link := range p.links {
		link.Toxics.ResetToxics(ctx)
		for _, toxic := range wrong {
			if _, err := link.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
				return err
			}
		}
		if err := link.Start(); err != nil && !errors.Is(err, toxiproxy.ErrProxyAlreadyStarted) {
			return err
		}
	}
	return nil
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() error {
	err := p.Cut()
	if p.ports != nil {
		p.ports.release()
	}
	return err
}

// blackhole is the name of the toxic of [Proxy.Blackhole]. Toxiproxy's own one, timeout, passes on that an end has closed.
const blackhole = "switchboard_blackhole"

func init() {
	toxics.Register(blackhole, new(swallow))
}

type swallow struct{}

// Pipe takes all that comes until it is interrupted.
func (*swallow) Pipe(stub *toxics.ToxicStub) {
	input := stub.Input
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-input:
			if chunk == nil {
				input = nil // closed: nothing more comes, and nobody is told
			}
		}
	}
}

// Cleanup closes the connection.
func (*swallow) Cleanup(stub *toxics.ToxicStub) {
	stub.Close()
}
