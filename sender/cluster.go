package sender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/switchboard-go/switchboard/websocket"
)

// ClusterOptions says how a Cluster treats its broker. The zero value of each
// field is a default to start from; a negative number is taken as zero.
type ClusterOptions struct {
	// ProbeInterval is how often a node sends a probe through the broker. After
	// three without an answer the link is taken to be broken, and a node that
	// nothing has come from for as long to be gone. Zero means 2 s.
	ProbeInterval time.Duration
	// PublishTimeout bounds one publish. Zero means 3 s.
	PublishTimeout time.Duration
	// BatchMessages and BatchBytes bound what gathers while the broker is busy.
	// Zero means 1024 messages and 4 MiB.
	BatchMessages int
	BatchBytes    int
	// Background has NewCluster return at once and connect in the background for
	// as long as that takes, for a node that is to serve its own sessions without
	// a broker too. Until the link is live, Ready says why it is not, and a Send
	// that concerns other nodes ends as one does where the broker is down.
	Background bool
	// OnGap is called for each gap, and when a node has gone without a goodbye,
	// one call at a time, on a goroutine that receives or probes: it must return
	// soon, and must not call Shutdown. Its panics are logged. Nil is none.
	OnGap func(Gap)
	// Logger gets a line when the link is lost and when it is whole again, when a
	// node goes silent, when another has this one's name, and for gaps, of these
	// at most one a second. Nil logs nothing.
	Logger *slog.Logger
	// TracerProvider has a span made for each Send and, as its child, for each
	// delivery on another node that has one too: the envelope carries the trace
	// context. Nil makes no spans, and envelopes without it.
	TracerProvider trace.TracerProvider
}

// Cluster is the Sender that links the sessions of many nodes by a Broker. Local
// sessions get a message first and directly; then one envelope goes to the
// other nodes, or to those concerned where the broker can route.
type Cluster struct {
	manager *websocket.SessionManager // nil in an emitter
	broker  Broker
	can     Capabilities
	options ClusterOptions
	log     *slog.Logger
	started time.Time
	self    origin
	group   group
	peers   peers
	health  health
	counts  clusterCounters
	telling sync.Mutex // held while OnGap runs
	tracing *tracing   // nil where no spans are made

	// number is that of the last envelope to all nodes. The group's lock guards it.
	number uint64

	stop    context.CancelFunc // ends the goroutines
	running sync.WaitGroup
	closing sync.Once
	closed  atomic.Bool
}

// NewCluster links a node to the others by a broker, which it owns from then on
// and closes where it fails. It returns when the node hears the others, or with
// an error within 10 s of trying; the option Background changes that. The manager
// has no sessions yet; a nil one makes an emitter, which sends and holds no
// sessions. node is an emitter's name, of at most 64 bytes, and else must be
// empty. ctx bounds the call only.
func NewCluster(ctx context.Context, b Broker, manager *websocket.SessionManager, node string, o ClusterOptions) (*Cluster, error) {
	o = o.withDefaults()
	c := &Cluster{
		manager: manager,
		broker:  b,
		can:     b.Capabilities(),
		options: o,
		log:     o.Logger,
		started: time.Now(),
		tracing: newTracing(o.TracerProvider),
	}
	switch {
	case manager != nil && node != "":
		return nil, errors.Join(fmt.Errorf("node %q is named by its session manager", node), b.Close())
	case manager != nil:
		node = manager.Node()
	case node == "" || len(node) > maxNodeName:
		return nil, errors.Join(fmt.Errorf("an emitter's name has 1 to %d bytes, not %d", maxNodeName, len(node)), b.Close())
	}
	c.self = origin{node, c.started.UnixNano()}
	begin, few := pipeline(b)
	c.group = group{
		begin: func(ctx context.Context, packets []Packet) func() error {
			c.counts.batches.Add(1)
			return beginPacked(ctx, begin, packets, c.can.MaxPayload)
		},
		few: few, timeout: o.PublishTimeout, maxPackets: o.BatchMessages, maxBytes: o.BatchBytes, next: newBatch(),
	}
	c.peers = peers{silence: 3 * o.ProbeInterval, last: make(map[origin]*peer)}
	c.health = health{patience: 3 * o.ProbeInterval, down: c.started, why: errConnecting}
	if !o.Background {
		ctx, cancel := context.WithTimeout(ctx, startTimeout)
		defer cancel()
		if err := c.connect(ctx); err != nil {
			err = errors.Join(err, b.Close()) // which ends a publish
			c.group.close()
			return nil, err
		}
	}
	if router, ok := b.(Router); ok && manager != nil && c.can.Routing >= RouteAddresses {
		manager.Watch(func(address websocket.Target, present bool) { router.Take(address.String(), present) })
	}
	running, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.running.Go(func() { c.run(running) })
	return c, nil
}

// run links the node to the others and keeps it linked, until ctx ends.
func (c *Cluster) run(ctx context.Context) {
	if !c.health.reached() && c.connect(ctx) != nil {
		return
	}
	var receiving sync.WaitGroup
	if c.manager != nil {
		receiving.Go(func() { c.receive(ctx) })
	}
	c.probe(ctx)
	receiving.Wait()
}

func (o ClusterOptions) withDefaults() ClusterOptions {
	if o.ProbeInterval <= 0 {
		o.ProbeInterval = 2 * time.Second
	}
	if o.PublishTimeout <= 0 {
		o.PublishTimeout = 3 * time.Second
	}
	if o.BatchMessages <= 0 {
		o.BatchMessages = 1024
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = 4 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Send implements Sender. It returns when the broker has the message. Errors
// that wrap ErrNotPublished or ErrBusy, and ErrTooLarge, are about other nodes
// only: the local sessions have the message, as the Receipt says.
func (c *Cluster) Send(ctx context.Context, t websocket.Target, m websocket.Message) (receipt Receipt, err error) {
	receipt.Nodes = NodesUnknown
	if err := t.Validate(); err != nil {
		return receipt, err
	}
	if c.closed.Load() {
		return receipt, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return receipt, err
	}
	traceParent, end := c.tracing.send(ctx, t, m)
	defer func() { end(err) }()
	if c.manager != nil {
		if receipt.Local, err = c.manager.Deliver(t, m); err != nil {
			return receipt, err
		}
	}
	e := envelope{kind: kindMessage, origin: c.self, target: t, message: m, traceParent: traceParent}
	packet, elsewhere := c.route(&e)
	if !elsewhere {
		return receipt, nil
	}
	packet, err = c.publish(ctx, packet, &e)
	receipt.Published = err == nil
	receipt.Nodes = packet.Nodes
	return receipt, err
}

// route returns the packet for a message, without its payload; it reports false
// where no other node can be concerned.
func (c *Cluster) route(e *envelope) (Packet, bool) {
	packet := Packet{}
	if id, ok := e.target.SessionID(); ok {
		node := websocket.NodeOf(id)
		if node == "" || node == c.self.node {
			return packet, false
		}
		if c.can.Routing >= RouteNodes {
			packet.Node = node
		}
		return packet, true
	}
	if address, ok := e.target.Address(); ok && c.can.Routing >= RouteAddresses {
		if address == e.target {
			packet.Address = e.targetText() // as it is in the envelope
		} else {
			packet.Address = address.String()
		}
	}
	return packet, true
}

// now returns the time for an envelope. It follows the clock of the start, as the
// system's can be set: the times of an origin never go back.
func (c *Cluster) now() time.Time { return c.started.Add(time.Since(c.started)) }

// publish numbers, encodes and publishes an envelope.
func (c *Cluster) publish(ctx context.Context, packet Packet, e *envelope) (Packet, error) {
	packet.Nodes = NodesUnknown
	size := e.size()
	if size > c.can.MaxPayload {
		return packet, fmt.Errorf("%w: %d bytes with its envelope, the limit is %d", ErrTooLarge, size, c.can.MaxPayload)
	}
	published, err := c.group.send(ctx, size, func(payloads []byte) (Packet, []byte) {
		e.time = c.now()
		if packet.Node == "" && packet.Address == "" {
			if e.kind == kindMessage {
				c.number++
			}
			e.number = c.number
		}
		return packet, e.append(payloads)
	})
	if err != nil {
		c.counts.publishErrors.Add(1)
		return packet, err
	}
	c.counts.published.Add(1)
	return published, nil
}

// Shutdown implements Sender: it publishes what has gathered, says goodbye to
// the other nodes, and closes the broker. When ctx ends first, or the broker has
// never been reached, it closes the broker at once. OnGap must not call it.
func (c *Cluster) Shutdown(ctx context.Context) (err error) {
	c.closing.Do(func() {
		c.closed.Store(true)
		if c.health.reached() {
			left := make(chan error, 1)
			c.running.Go(func() {
				c.group.close()
				left <- c.leave(ctx)
			})
			select {
			case err = <-left:
			case <-ctx.Done():
				err = fmt.Errorf("%w: %w", ErrNotPublished, ctx.Err())
			}
		}
		c.stop()
		err = errors.Join(err, c.broker.Close()) // which ends a publish
		c.group.close()
		c.running.Wait()
	})
	return err
}

// leave says goodbye, which is the last that a node publishes: nothing else can
// be on its way to the broker, as the group is closed.
func (c *Cluster) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.PublishTimeout)
	defer cancel()
	e := envelope{kind: kindLeave, origin: c.self, number: c.number, time: c.now()}
	if err := c.broker.Publish(ctx, []Packet{{Payload: e.append(nil), Nodes: NodesUnknown}}); err != nil {
		return fmt.Errorf("say goodbye: %w", err)
	}
	return nil
}

// receive delivers what comes from other nodes, until ctx ends.
func (c *Cluster) receive(ctx context.Context) {
	for {
		event, err := c.broker.Receive(ctx)
		if err != nil {
			if ctx.Err() == nil && !c.closed.Load() {
				c.log.Error("receiving has ended", "error", err)
			}
			return
		}
		switch event.Link {
		case LinkDown:
			c.linkDown(event.Err)
		case LinkUp:
			c.linkUp()
		default:
			now := time.Now()
			if !unpack(event.Payload, func(payload []byte) { c.deliver(payload, now) }) {
				c.counts.foreign.Add(1)
			}
		}
	}
}

// deliver handles one envelope, which came at now.
func (c *Cluster) deliver(payload []byte, now time.Time) {
	e, err := decodeEnvelope(payload)
	if err != nil {
		c.counts.foreign.Add(1)
		return
	}
	if e.origin == c.self {
		c.ownEnvelope(c.started.Add(e.time.Sub(c.started)), now)
		return
	}
	if e.origin.node == c.self.node && e.kind != kindLeave && e.time.After(c.started) {
		c.namesake(&e)
	}
	v := c.peers.note(&e, now)
	switch {
	case v.overflow:
		c.counts.foreign.Add(1)
		return
	case v.duplicate:
		c.counts.duplicates.Add(1)
		return
	case v.missing > 0:
		c.gap(Gap{Origin: e.origin.node, Missing: v.missing, Since: v.since, Reason: "messages are missing"})
	}
	if e.kind == kindMessage {
		c.counts.received.Add(1)
		end := c.tracing.deliver(&e)
		// A message that cannot be delivered here was refused at its origin too.
		_, _ = c.manager.Deliver(e.target, e.message)
		end()
	}
}

// ownEnvelope handles one of this node that has been through the broker.
func (c *Cluster) ownEnvelope(sent, now time.Time) {
	c.counts.probeRoundTrip.Store(int64(now.Sub(sent)))
	if since, ok := c.health.proven(sent, now); ok && c.loses() {
		c.gap(Gap{Since: since, Reason: "nothing came back through the broker for a time"})
	}
}

// namesake notes that another process works under this node's name, and was not
// only left over from the life of this node before.
func (c *Cluster) namesake(e *envelope) {
	if c.counts.namesakes.Add(1) == 1 {
		c.log.Error("another process has this node's name, and messages for the sessions of one can go to the other",
			"node", e.origin.node, "started", time.Unix(0, e.origin.start))
	}
}

// probe sends probes and looks for silence, until ctx ends.
func (c *Cluster) probe(ctx context.Context) {
	ticker := time.NewTicker(c.options.ProbeInterval)
	defer ticker.Stop()
	heard := time.Now() // since when this node hears what is sent
	for {
		// The error is in the counters, and the missing answer in the health.
		_, err := c.publish(ctx, Packet{}, &envelope{kind: kindProbe, origin: c.self})
		if c.manager == nil && err == nil {
			_, _ = c.health.proven(time.Now(), time.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		if since, ok := c.health.lost(now); ok && c.manager != nil && c.loses() {
			c.gap(Gap{Since: since, Reason: "nothing comes back through the broker"})
		}
		if c.health.linked(now) != nil {
			heard = now
		}
		for _, silent := range c.peers.expire(now, heard) {
			c.counts.silent.Add(1)
			c.log.Warn("node has gone silent", "node", silent.Node, "seen", silent.Seen)
			c.tell(Gap{Origin: silent.Node, Since: silent.Seen, Reason: "the node has gone silent"})
		}
		c.report(now)
	}
}

// Peers returns the other nodes that something has come from lately, in no order.
func (c *Cluster) Peers() []Peer { return c.peers.list() }
