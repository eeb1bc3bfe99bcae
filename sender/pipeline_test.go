package sender_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// pipelined is a gated broker that takes packets at once, and gives its word
// each time it is let.
type pipelined struct{ *gated }

func (p pipelined) Begin(ctx context.Context, packets []sender.Packet) func() error {
	err := p.Broker.Publish(ctx, packets)
	return func() error {
		if p.let != nil {
			<-p.let
		}
		return err
	}
}

// A send does not wait for the broker's word on another, where the broker takes
// packets meanwhile; and where it does not, the order must not depend on it.
func TestSendsBesideEachOther(t *testing.T) {
	for pipelines, arrived := range map[bool]uint64{true: 5, false: 0} {
		t.Run(fmt.Sprint(pipelines), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus(false, sender.RouteNodes, "")
				gate := &gated{}
				from := join(t, b, "node1", sender.ClusterOptions{}, func(b sender.Broker) sender.Broker {
					gate.Broker = b
					if pipelines {
						return pipelined{gate}
					}
					return gate
				})
				to := join(t, b, "node2", sender.ClusterOptions{}, nil)
				gate.let = make(chan struct{})
				results := make(chan error, 5)
				for range cap(results) {
					go func() {
						_, err := from.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text", Content: []byte(`"hi"`)})
						results <- err
					}()
					synctest.Wait()
				}
				to.received(arrived)
				if len(results) > 0 {
					t.Errorf("%d sends returned before the broker's word", len(results))
				}
				close(gate.let)
				for range cap(results) {
					if err := <-results; err != nil {
						t.Error(err)
					}
				}
				synctest.Wait()
				to.received(5)
				if gaps := to.reported(); len(gaps) > 0 {
					t.Errorf("gaps: %+v", gaps)
				}
			})
		})
	}
}
