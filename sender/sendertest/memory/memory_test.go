package memory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The conformance of a Bus is tested in sendertest, and here what a test does
// with it beyond that.

func open(t *testing.T, o memory.Options) *memory.Broker {
	t.Helper()
	n := memory.New(o).Open("app", "n1")
	if err := n.Subscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func publish(t *testing.T, n *memory.Broker, packet sender.Packet) int {
	t.Helper()
	packet.Nodes = sender.NodesUnknown
	packets := []sender.Packet{packet}
	if err := n.Publish(t.Context(), packets); err != nil {
		t.Fatal(err)
	}
	return packets[0].Nodes
}

func receive(t *testing.T, n *memory.Broker) sender.Event {
	t.Helper()
	event, err := n.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func TestCut(t *testing.T) {
	why := errors.New("the cable")
	for name, durable := range map[string]bool{"durable": true, "not durable": false} {
		t.Run(name, func(t *testing.T) {
			n := open(t, memory.Options{Capabilities: sender.Capabilities{Durable: durable, Routing: sender.RouteNodes}})
			n.Cut(why)
			n.Cut(why)
			publish(t, n, sender.Packet{Payload: []byte("to all")})
			publish(t, n, sender.Packet{Node: "n1", Payload: []byte("to one")})
			n.Mend()
			n.Mend()
			publish(t, n, sender.Packet{Payload: []byte("after")})
			if event := receive(t, n); event.Link != sender.LinkDown || !errors.Is(event.Err, why) {
				t.Errorf("received %+v", event)
			}
			if event := receive(t, n); event.Link != sender.LinkUp {
				t.Errorf("received %+v", event)
			}
			if durable {
				if event := receive(t, n); string(event.Payload) != "to all" {
					t.Errorf("received %+v", event)
				}
			}
			if event := receive(t, n); string(event.Payload) != "after" {
				t.Errorf("received %+v", event)
			}
			if waiting := n.Waiting(); waiting != 0 {
				t.Errorf("%d more events wait", waiting)
			}
		})
	}
}

func TestStop(t *testing.T) {
	b := memory.New(memory.Options{})
	n := b.Open("app", "n1")
	defer n.Close()
	b.Stop()
	if err := n.Subscribe(t.Context()); !errors.Is(err, memory.ErrDown) {
		t.Errorf("Subscribe: %v", err)
	}
	if err := n.Publish(t.Context(), make([]sender.Packet, 1)); !errors.Is(err, memory.ErrDown) {
		t.Errorf("Publish: %v", err)
	}
	b.Start()
	if err := n.Subscribe(t.Context()); err != nil {
		t.Error(err)
	}
	publish(t, n, sender.Packet{})
	if event := receive(t, n); event.Link != sender.LinkUnchanged || event.Payload == nil {
		t.Errorf("received %+v", event)
	}
}

func TestCounts(t *testing.T) {
	n := open(t, memory.Options{Capabilities: sender.Capabilities{Routing: sender.RouteAddresses}, CountNodes: true})
	n.Take("user/1/1", true)
	n.Take("user/1/2", true)
	n.Take("user/1/2", false)
	if got := n.Taken(); got != 1 {
		t.Errorf("%d addresses are taken, want 1", got)
	}
	for address, want := range map[string]int{"user/1/1": 1, "user/1/2": 0, "": 1} {
		if got := publish(t, n, sender.Packet{Address: address}); got != want {
			t.Errorf("%d nodes took a packet to %q, want %d", got, address, want)
		}
	}
	if got := publish(t, open(t, memory.Options{}), sender.Packet{}); got != sender.NodesUnknown {
		t.Errorf("a bus that does not count says %d", got)
	}
}

func TestLimit(t *testing.T) {
	n := open(t, memory.Options{})
	packets := []sender.Packet{{Payload: make([]byte, n.Capabilities().MaxPayload+1)}}
	if err := n.Publish(t.Context(), packets); !errors.Is(err, memory.ErrTooLarge) || packets[0].Done {
		t.Errorf("Publish: %v", err)
	}
}

func TestInject(t *testing.T) {
	n := open(t, memory.Options{})
	n.Inject(sender.Event{Payload: []byte("foreign")})
	if event := receive(t, n); string(event.Payload) != "foreign" {
		t.Errorf("received %+v", event)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	n.Inject(sender.Event{})
	if _, err := n.Receive(context.Background()); !errors.Is(err, sender.ErrClosed) {
		t.Errorf("Receive: %v", err)
	}
}
