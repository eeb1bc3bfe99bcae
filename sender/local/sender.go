package local

import (
	"context"
	"sync/atomic"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

func init() {
	sender.Register("local", func(_ context.Context, manager *websocket.SessionManager, _ func(any) error) (sender.Sender, error) {
		return New(manager), nil
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
	if s.closed.Load() {
		return sender.Receipt{}, sender.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return sender.Receipt{}, err
	}
	n, err := s.manager.Deliver(t, m)
	return sender.Receipt{Local: n, Nodes: sender.NodesUnknown}, err
}

// Shutdown implements sender.Sender. It leaves the manager alone.
func (s *Sender) Shutdown(context.Context) error {
	s.closed.Store(true)
	return nil
}
