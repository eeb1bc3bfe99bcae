package faults

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/witness"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
)

// A driver that breaks a promise is found out, and one that keeps them is not, when B's link is cut.
func TestRunFindsWhatIsBroken(t *testing.T) {
	routes := sender.Capabilities{Routing: sender.RouteAddresses}
	keeps := sender.Capabilities{Durable: true}
	tests := []struct {
		name  string
		can   sender.Capabilities
		fault memory.Fault
		want  string // of a violation; empty where there is to be none
	}{
		{"whole, routes", routes, "", ""},
		{"whole, durable", keeps, "", ""},
		{"drops", routes, memory.Drops, "nobody was told"},
		{"drops, durable", keeps, memory.Drops, "never came to"},
		{"doubles", routes, memory.Duplicates, "again"},
		{"reorders, durable", keeps, memory.Reorders, "never came to"}, // what is overtaken is dropped as old
		{"delays", routes, delays, "came to B1 at"},
		{"does not keep", keeps, memory.LosesDurable, "never came to"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.can.MaxPayload = 1 << 16
			bus := memory.New(memory.Options{Capabilities: test.can, CountNodes: true, Fault: test.fault})
			outcome, err := onMemory(bus, test.can, test.fault == delays).do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Log(outcome.Row())
			evidence := strings.Join(outcome.Violations, "\n")
			switch {
			case test.want == "" && evidence != "":
				t.Errorf("found:\n%s", evidence)
			case !strings.Contains(evidence, test.want):
				t.Errorf("found no %q, but:\n%s", test.want, evidence)
			case outcome.Due == 0 || outcome.Delivered == 0:
				t.Errorf("nothing was sent: %+v", outcome)
			}
		})
	}
}

// delays is the fault of a lateBroker, which a bus knows nothing of.
const delays memory.Fault = "delays"

// lateBroker receives what is to a user behind what comes after it, now and then.
type lateBroker struct {
	*memory.Broker
	held  sender.Event
	after int // how many more events come before the one that is held
}

func (b *lateBroker) Receive(ctx context.Context) (sender.Event, error) {
	if b.after == 1 {
		b.after = 0
		return b.held, nil
	}
	event, err := b.Broker.Receive(ctx)
	switch {
	case b.after > 0:
		b.after--
	case bytes.Contains(event.Payload, []byte("user/")):
		b.held, b.after = event, 50
		return b.Receive(ctx)
	}
	return event, err
}

var errCut = errors.New("cut")

// onMemory is a run on a bus in memory, in which the link of B is cut for a moment.
func onMemory(bus *memory.Bus, can sender.Capabilities, late bool) *run {
	var mu sync.Mutex
	var b *memory.Broker
	return &run{
		driver: Driver{Name: "memory", can: can},
		fault: Fault{
			Name: "cut", Brief: time.Second,
			begin: func(context.Context, *run) error {
				mu.Lock()
				defer mu.Unlock()
				b.Cut(errCut)
				return nil
			},
			end: func(context.Context, *run) error {
				mu.Lock()
				defer mu.Unlock()
				b.Mend()
				return nil
			},
		},
		options: Options{Length: 300 * time.Millisecond, ProbeInterval: 500 * time.Millisecond},
		open: func(node string) witness.Opener {
			return func(ctx context.Context, o sender.OpenOptions) (sender.Sender, error) {
				broker := bus.Open("app", node)
				if node == "B" {
					mu.Lock()
					defer mu.Unlock()
					b = broker
				}
				var driver sender.Broker = broker
				if late {
					driver = &lateBroker{Broker: broker}
				}
				return sender.NewCluster(ctx, driver, o.Manager, "", o.Cluster)
			}
		},
	}
}
