package local

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

func init() {
	sender.Register("local", func(_ context.Context, o sender.OpenOptions) (sender.Sender, error) {
		if o.Manager == nil {
			return nil, errors.New("a local sender needs a session manager")
		}
		return New(o.Manager), nil
	})
}

// Sender implements sender.Sender for the sessions of one manager.
type Sender struct {
	manager *websocket.SessionManager
	closed  atomic.Bool
}

// New returns a Sender for the sessions of manager.
func New(manager *websocket.SessionManager) *Sender { return &Sender{manager: manager} }

// Send implements sender.Sender.
func (s *Sender) Send(ctx context.Context, t websocket.Target, m websocket.Message) (sender.Receipt, error) {
	receipt := sender.Receipt{Nodes: sender.NodesUnknown}
	if s.closed.Load() {
		return receipt, sender.ErrClosed
	}
	err := ctx.Err()
	if err == nil {
		receipt.Local, err = s.manager.Deliver(t, m)
	}
	return receipt, err
}

// Ready implements sender.Sender. Nothing links a single node.
func (s *Sender) Ready() error {
	if s.closed.Load() {
		return sender.ErrClosed
	}
	return nil
}

// Shutdown implements sender.Sender. It leaves the manager alone.
func (s *Sender) Shutdown(context.Context) error {
	s.closed.Store(true)
	return nil
}
