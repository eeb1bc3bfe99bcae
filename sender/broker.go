package sender

import (
	"context"
	"errors"
)

// Broker is what a driver implements: it moves packets between the nodes of one
// application and knows nothing of what is in them. Addressing, encoding,
// batching, limits, gap detection and health are written once, above it.
// Package sender/sendertest has the suite that a Broker must pass.
//
// Publish is called by one goroutine at a time and Receive by another; Close
// and Capabilities may be called at any time, by any.
type Broker interface {
	// Capabilities says what the broker promises. It does not change.
	Capabilities() Capabilities
	// Subscribe begins to receive what nodes publish to all and returns when
	// that is live: every packet whose Publish begins after Subscribe has
	// returned is received, and none from before it began. It is called before
	// Receive, one call at a time, and again after an error until it succeeds; it
	// tries once and leaves trying again to the caller. Its error says what was
	// tried, without secrets. Publish and Take may be called before it or
	// meanwhile. ctx bounds the call only.
	Subscribe(ctx context.Context) error
	// Publish hands packets to the broker and returns when it has them. Every
	// node receives one node's packets in the order of their publishing, those to
	// it, to an address and to all alike. Publish sets Packet.Nodes where the
	// broker tells how many nodes took a packet. An error means that any of them
	// may be lost; those that are known to be published have Packet.Done set.
	// Payloads are not kept: where it returns nil their memory is used again.
	Publish(ctx context.Context, packets []Packet) error
	// Receive returns the next thing that happened, waiting for it. A node
	// receives its own packets too. The driver reconnects by itself, for as
	// long as it is open; it reports that with LinkDown and LinkUp and goes on.
	// The error is ctx's, or ErrClosed once Close has been called.
	Receive(ctx context.Context) (Event, error)
	// Close ends the subscription, wakes Receive and Publish, and returns when
	// the driver's goroutines have ended. A client that the driver was given
	// stays open. Closing twice is closing once.
	Close() error
}

// Capabilities is what a Broker promises.
type Capabilities struct {
	// Durable: what was published to all nodes reaches a node that was cut off
	// meanwhile, for as long as the broker keeps it, maybe twice.
	Durable bool
	// Routing is what the broker can deliver to some nodes only.
	Routing Routing
	// MaxPayload is the largest payload, in bytes, that a packet can carry.
	MaxPayload int
}

// Routing is what a Broker can deliver to the nodes concerned instead of to all.
type Routing uint8

// The kinds of routing, each including the one before.
const (
	// RouteNothing: every packet goes to all nodes.
	RouteNothing Routing = iota
	// RouteNodes: a packet can go to one node.
	RouteNodes
	// RouteAddresses: a packet can go to the nodes that have taken its address.
	// The broker is a Router.
	RouteAddresses
)

// Packet is what is published at a time.
type Packet struct {
	// Node is the only node to get the packet; empty for the others. It is set
	// only where the broker's Routing has it, and so is Address.
	Node string
	// Address is what the nodes that are to get the packet have taken, see
	// Router; empty for a packet to one node or to all.
	Address string
	Payload []byte

	// Done is set by Publish on a packet that the broker has.
	Done bool
	// Nodes is set by Publish to the number of nodes that took the packet,
	// where the broker tells; it begins as NodesUnknown.
	Nodes int
}

// NodesUnknown stands for a number of nodes that the broker does not tell.
const NodesUnknown = -1

// Event is what Receive returns: a payload, or news of the link.
type Event struct {
	// Payload is the receiver's to keep. Nil where Link is set.
	Payload []byte
	// Link tells of a change of the connection that packets are received on.
	Link Link
	// Err says why the link is down.
	Err error
}

// Link is a change of the link to the broker.
type Link uint8

// The changes.
const (
	LinkUnchanged Link = iota
	// LinkDown: packets that are published from about now on may be missed.
	LinkDown
	// LinkUp: packets that are published from now on are received again.
	LinkUp
)

// Pipeliner is implemented by Brokers that take packets while earlier ones wait
// for the broker's word, so that a message does not wait for that of another.
type Pipeliner interface {
	// Begin hands packets to the broker and returns without waiting for its word:
	// confirm does that, and returns what Publish would have. Packet.Done and
	// Packet.Nodes are set when confirm has returned; until then the packets, and
	// ctx, which bounds both calls, are the driver's.
	//
	// Begin is called in turns with Publish, by one goroutine at a time. Each node
	// receives the packets of one node in the order of the calls, whatever becomes
	// of those before: what confirm reports as lost may come still, once and at its
	// place. Each confirm is called once, by any goroutine, in any order, and also
	// where Close has been called. A Cluster has at most 16 that wait.
	Begin(ctx context.Context, packets []Packet) (confirm func() error)
}

// Router is implemented by Brokers with RouteAddresses.
type Router interface {
	// Take makes this node one that gets the packets to address, or ends that.
	// It returns at once and keeps the order of its calls for one address; a
	// packet that is published before the broker has heard of it passes the
	// node by, and Packet.Nodes then does not count the node. The driver renews
	// what is taken when the link is up again, before it reports LinkUp.
	Take(address string, on bool)
}

// Errors of senders on a cluster.
var (
	// ErrClosed: the sender or the broker has been closed.
	ErrClosed = errors.New("sender is closed")
	// ErrBusy: the messages that wait for the broker are at their bound, and
	// stayed so until the context ended. The local sessions have the message.
	ErrBusy = errors.New("too many messages wait for the broker")
	// ErrTooLarge: the message is larger than the broker carries. No other node
	// can get it; the local sessions have it.
	ErrTooLarge = errors.New("message is larger than the broker carries")
	// ErrNotPublished is wrapped by the errors of sends that reached the local
	// sessions only, or cannot tell whether they reached other nodes.
	ErrNotPublished = errors.New("message may not have reached other nodes")
)
