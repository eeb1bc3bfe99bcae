package sender

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/switchboard-go/switchboard/websocket"
)

// A Sender delivers messages to the sessions that a target selects. It is safe
// for concurrent use. Messages that one goroutine sends to a session arrive in
// the order of the sends, and none arrives twice.
type Sender interface {
	// Send queues m for every session that t selects and returns without
	// waiting for any client; nobody being there is not an error. It must not
	// be called with a content that changes later. Errors say that a message
	// cannot be sent to anyone, now or as it is: websocket.ErrInvalidTarget,
	// websocket.ErrMessageTooLarge, or the context's.
	Send(ctx context.Context, t websocket.Target, m websocket.Message) (Receipt, error)
	// Ready returns why this node may miss messages of other nodes, or they its
	// own; nil where nothing speaks for that. It does not wait.
	Ready() error
	// Shutdown finishes what is under way, bounded by ctx, and releases what the
	// Sender holds. Sends after it fail with ErrClosed. Shutting down twice is
	// shutting down once.
	Shutdown(ctx context.Context) error
}

// Receipt says what is known of a message once Send has returned.
type Receipt struct {
	// Local is the number of sessions on this node that the message was queued
	// for. It is known even where Send returns an error.
	Local int
	// Published says that the broker has the message for the other nodes. It is
	// false where no other node can be concerned.
	Published bool
	// Nodes is how many nodes' subscriptions the broker handed it to, this
	// node's own included; NodesUnknown where it does not tell.
	Nodes int
}

// SendJSON sends content as JSON in a message of the given type.
func SendJSON[T any](ctx context.Context, s Sender, t websocket.Target, messageType string, content T) (Receipt, error) {
	body, err := json.Marshal(content)
	if err != nil {
		return Receipt{}, fmt.Errorf("encode content of message %q: %w", messageType, err)
	}
	return s.Send(ctx, t, websocket.Message{Type: messageType, Content: body})
}
