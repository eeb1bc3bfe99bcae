package sender

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/switchboard-go/switchboard/websocket"
)

// An Opener makes a Sender for the sessions of manager. decode fills the
// driver's own configuration, a pointer to a struct that holds its defaults; it
// is strict: an unknown key is an error. ctx bounds the opening only.
type Opener func(ctx context.Context, manager *websocket.SessionManager, decode func(any) error) (Sender, error)

var (
	registryMu sync.Mutex
	registry   = make(map[string]Opener)
)

// Register makes a Sender known by name. Drivers call it in init. Registering a
// name twice panics, as two drivers of one name in a program are a defect of it.
func Register(name string, open Opener) {
	registryMu.Lock()
	defer registryMu.Unlock()
	if _, taken := registry[name]; taken || name == "" || open == nil {
		panic(fmt.Sprintf("sender: Register(%q): the name is taken or empty, or there is no opener", name))
	}
	registry[name] = open
}

// Names returns the names of the linked-in senders, sorted.
func Names() []string {
	registryMu.Lock()
	defer registryMu.Unlock()
	return slices.Sorted(maps.Keys(registry))
}

// Open makes the Sender with the given name. The error for an unknown name
// lists those that are linked in.
func Open(ctx context.Context, name string, manager *websocket.SessionManager, decode func(any) error) (Sender, error) {
	registryMu.Lock()
	open, ok := registry[name]
	registryMu.Unlock()
	if !ok {
		return nil, fmt.Errorf("unknown sender %q: linked in are [%s]; a driver is linked in by importing its package, such as %s/sender/local",
			name, strings.Join(Names(), " "), modulePath)
	}
	s, err := open(ctx, manager, decode)
	if err != nil {
		return nil, fmt.Errorf("open sender %s: %w", name, err)
	}
	return s, nil
}

const modulePath = "github.com/switchboard-go/switchboard"
