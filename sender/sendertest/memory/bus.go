package memory

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// Options says what a Bus is like.
type Options struct {
	// Capabilities are what its nodes declare and keep. A MaxPayload of zero
	// means 1 MiB.
	Capabilities sender.Capabilities
	// CountNodes makes Publish set Packet.Nodes.
	CountNodes bool
	// Reconnect is how long after Start the nodes' links are mended. Publishes
	// work before. Zero means at once.
	Reconnect time.Duration
	// Fault is what is broken. Empty is nothing.
	Fault Fault
}

// Bus moves packets between the nodes that are opened on it. All methods are
// safe for concurrent use.
type Bus struct {
	options Options

	mu   sync.Mutex
	down bool
	// live are the nodes that have subscribed, in that order.
	live []*Broker
	// log is what has been published, by application, for ReplaysOld and ReplaysToNames.
	log map[string][]sender.Packet
	// left says how much of the log a name had seen when it was closed.
	left map[identity]int
	// packets counts the deliveries, for the faults that break some of them.
	packets int
}

type identity struct{ app, node string }

// New returns a Bus.
func New(o Options) *Bus {
	if o.Capabilities.MaxPayload == 0 {
		o.Capabilities.MaxPayload = 1 << 20
	}
	return &Bus{options: o, log: make(map[string][]sender.Packet), left: make(map[identity]int)}
}

// Errors of links and publishes.
var (
	// ErrDown is why a link is down or a publish failed.
	ErrDown = errors.New("the bus is down")
	// ErrTooLarge: a payload is over MaxPayload. The cluster sender does not let
	// it come to that.
	ErrTooLarge = errors.New("the payload is larger than the bus takes")
)

// Open returns a node of an application.
func (b *Bus) Open(app, node string) *Broker {
	return &Broker{
		bus:     b,
		app:     app,
		node:    node,
		taken:   make(map[string]bool),
		arrived: make(chan struct{}),
		ended:   make(chan struct{}),
		gone:    make(chan struct{}),
		late:    make(chan struct{}),
	}
}

// Stop breaks the links of all nodes and has publishes fail with ErrDown.
func (b *Bus) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = true
	for _, n := range b.live {
		n.cut(ErrDown)
	}
}

// Start undoes Stop. What a durable bus has been given since comes then.
func (b *Bus) Start() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = false
	for _, n := range b.live {
		if b.options.Reconnect == 0 {
			n.mend()
			continue
		}
		time.AfterFunc(b.options.Reconnect, n.Mend)
	}
}

// Restart is Stop and Start.
func (b *Bus) Restart() {
	b.Stop()
	b.Start()
}

// publish hands packets to the nodes that they are for.
func (b *Bus) publish(from *Broker, packets []sender.Packet) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return ErrDown
	}
	order := make([]*sender.Packet, 0, len(packets))
	for i := range packets {
		if len(packets[i].Payload) > b.limit() {
			return ErrTooLarge
		}
		order = append(order, &packets[i])
	}
	switch {
	case b.broken(SplitsBatches) && len(order) > 1000:
		order = order[:1000]
	case b.broken(Reorders) && len(order) > 1:
		last := len(order) - 1
		order[last], order[last-1] = order[last-1], order[last]
	case b.broken(RoutesOvertake):
		slices.SortStableFunc(order, func(x, y *sender.Packet) int { return rank(x) - rank(y) })
	}
	for _, packet := range order {
		b.route(from, packet)
	}
	if !b.broken(ForgetsDone) {
		for i := range packets {
			packets[i].Done = true
		}
	}
	return nil
}

func rank(p *sender.Packet) int {
	if p.Address != "" || p.Node != "" {
		return 0
	}
	return 1
}

func (b *Bus) limit() int {
	if b.broken(OverstatesLimit) {
		return b.options.Capabilities.MaxPayload - 1
	}
	return b.options.Capabilities.MaxPayload
}

// route hands one packet to the nodes that it is for.
func (b *Bus) route(from *Broker, p *sender.Packet) {
	toAll := p.Node == "" && p.Address == ""
	if toAll {
		b.log[from.app] = append(b.log[from.app], sender.Packet{Payload: slices.Clone(p.Payload)})
	}
	takers := 0
	for _, n := range b.live {
		if !b.concerns(n, from, p) || b.broken(ServesOne) && toAll && takers > 0 {
			continue
		}
		takers++
		if n.down && (!toAll || !b.options.Capabilities.Durable) {
			takers--
			continue
		}
		b.deliver(n, p)
	}
	if b.options.CountNodes {
		p.Nodes = takers
		if b.broken(Miscounts) {
			p.Nodes++
		}
	}
}

// concerns reports whether a packet is for a node.
func (b *Bus) concerns(n, from *Broker, p *sender.Packet) bool {
	mixed := b.broken(MixesApplications) && strings.HasPrefix(n.app, from.app)
	switch {
	case n.app != from.app && !mixed:
		return false
	case b.broken(SkipsPublisher) && n == from:
		return false
	case b.broken(RoutesToAll):
		return true
	case p.Node != "":
		return p.Node == n.node || b.broken(RoutesByPrefix) && strings.HasPrefix(n.node, p.Node)
	case p.Address != "":
		if b.broken(RoutesByPrefix) {
			for address := range n.taken {
				if strings.HasPrefix(address, p.Address) {
					return true
				}
			}
		}
		return n.taken[p.Address]
	}
	return true
}

// deliver puts a packet into a node's queue, and breaks it where it is to.
func (b *Bus) deliver(n *Broker, p *sender.Packet) {
	b.packets++
	payload := p.Payload
	switch {
	case b.broken(Drops) && b.packets%7 == 0:
		return
	case b.broken(DropsEmpty) && len(payload) == 0:
		return
	case b.broken(KeepsBuffers):
	case b.broken(SharesPayloads):
		if n == b.live[0] {
			b.live[0].shared = slices.Clone(payload)
		}
		payload = b.live[0].shared
	case b.broken(ChangesBytes):
		payload = []byte(string([]rune(string(payload)))) // what is not UTF-8 becomes U+FFFD
	default:
		payload = slices.Clone(payload)
	}
	if payload == nil {
		payload = []byte{}
	}
	n.push(sender.Event{Payload: payload})
	if b.broken(Duplicates) && b.packets%7 == 0 {
		n.push(sender.Event{Payload: slices.Clone(payload)})
	}
}

func (b *Bus) broken(f Fault) bool { return b.options.Fault == f }

// join makes a node one that packets go to.
func (b *Bus) join(n *Broker) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n.closed() {
		return sender.ErrClosed
	}
	if b.down {
		return ErrDown
	}
	seen := len(b.log[n.app])
	if at, ok := b.left[identity{n.app, n.node}]; ok && b.broken(ReplaysToNames) {
		seen = at
	}
	if b.broken(ReplaysOld) {
		seen = 0
	}
	for _, p := range b.log[n.app][seen:] {
		n.push(sender.Event{Payload: slices.Clone(p.Payload)})
	}
	live := func() { b.live = append(b.live, n) }
	if !b.broken(LateSubscribe) {
		live()
		return nil
	}
	time.AfterFunc(10*time.Millisecond, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !n.closed() {
			live()
		}
	})
	return nil
}

// leave undoes join.
func (b *Bus) leave(n *Broker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left[identity{n.app, n.node}] = len(b.log[n.app])
	b.live = slices.DeleteFunc(b.live, func(other *Broker) bool { return other == n })
}
