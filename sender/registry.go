package sender

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/switchboard-go/switchboard/websocket"
)

// OpenOptions says what a Sender is opened for. The zero value opens an emitter
// with the driver's defaults.
type OpenOptions struct {
	// Manager holds the sessions of this node. Nil makes an emitter: a process
	// without sessions that sends to those of the nodes.
	Manager *websocket.SessionManager
	// Decode fills a driver's own configuration, a pointer to a struct that holds
	// its defaults, and is strict: an unknown key is an error. Nil leaves the
	// defaults.
	Decode func(section any) error
	// Cluster is for the senders that link nodes.
	Cluster ClusterOptions
}

// An Opener makes a Sender. ctx bounds the opening only.
type Opener func(ctx context.Context, o OpenOptions) (Sender, error)

// A BrokerOpener makes the Broker of a node, whose name no other node has. It
// checks the configuration that decode fills, and connects to nothing:
// Subscribe and Publish do.
type BrokerOpener func(node string, decode func(section any) error) (Broker, error)

var (
	registryMu sync.Mutex
	registry   = make(map[string]Opener)
	brokers    = make(map[string]BrokerOpener)
)

// Register makes a Sender known by name. Its package calls it in init.
// Registering a name twice panics, as two senders of one name in a program are a
// defect of it.
func Register(name string, open Opener) {
	registryMu.Lock()
	defer registryMu.Unlock()
	if _, taken := registry[name]; taken || name == "" || open == nil {
		panic(fmt.Sprintf("sender: Register(%q): the name is taken or empty, or there is no opener", name))
	}
	registry[name] = open
}

// RegisterBroker makes the Cluster over a driver's Broker known by name. The
// driver calls it in init.
func RegisterBroker(name string, open BrokerOpener) {
	Register(name, func(ctx context.Context, o OpenOptions) (Sender, error) {
		var node, emitter string
		if o.Manager != nil {
			node = o.Manager.Node()
		} else {
			emitter = "emitter-" + strings.ToLower(rand.Text())
			node = emitter
		}
		b, err := open(node, o.Decode)
		if err != nil {
			return nil, err
		}
		// Not returned as it is: a nil *Cluster would make a Sender that is not nil.
		c, err := NewCluster(ctx, b, o.Manager, emitter, o.Cluster)
		if err != nil {
			return nil, err
		}
		return c, nil
	})
	registryMu.Lock()
	defer registryMu.Unlock()
	brokers[name] = open
}

// Sections returns the configurations of the linked-in drivers by name: pointers
// to structs that hold the defaults, each its caller's own. A program fills them
// and hands over the one of its sender in OpenOptions.Decode. Senders that
// Register made known are not among them.
func Sections() map[string]any {
	registryMu.Lock()
	defer registryMu.Unlock()
	sections := make(map[string]any)
	for name, open := range brokers {
		// A driver asks for its configuration first, and is told no more than that.
		b, err := open("sections", func(section any) error {
			sections[name] = section
			return errOnlyAsking
		})
		if err == nil {
			_ = b.Close() // it did not ask, or did not heed the answer
		}
	}
	return sections
}

var errOnlyAsking = errors.New("the driver is only asked for its configuration")

// Names returns the names of the linked-in senders, sorted.
func Names() []string {
	registryMu.Lock()
	defer registryMu.Unlock()
	return slices.Sorted(maps.Keys(registry))
}

// Open makes the Sender with the given name. The error for an unknown name
// lists those that are linked in.
func Open(ctx context.Context, name string, o OpenOptions) (Sender, error) {
	registryMu.Lock()
	open, ok := registry[name]
	registryMu.Unlock()
	if !ok {
		return nil, fmt.Errorf("unknown sender %q: linked in are [%s]; a driver is linked in by importing its package, such as %s/sender/local",
			name, strings.Join(Names(), " "), modulePath)
	}
	if o.Decode == nil {
		o.Decode = func(any) error { return nil }
	}
	s, err := open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open sender %s: %w", name, err)
	}
	return s, nil
}

const modulePath = "github.com/switchboard-go/switchboard"
