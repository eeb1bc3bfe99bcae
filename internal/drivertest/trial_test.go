package drivertest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
)

// A driver that breaks a promise is found out, and one that keeps them is not, when far's link is cut.
func TestTrialFindsWhatIsBroken(t *testing.T) {
	NoLeaks(t)
	routes := sender.Capabilities{Routing: sender.RouteAddresses, MaxPayload: 1 << 16}
	keeps := sender.Capabilities{Durable: true, MaxPayload: 1 << 16}
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
		{"doubles, durable", keeps, memory.Duplicates, "duplicates"}, // which a cluster drops
		{"swaps, durable", keeps, swaps, "never came to"},            // what is overtaken is dropped as old
		{"delays", routes, delays, "came to far1 at"},
		{"does not keep", keeps, memory.LosesDurable, "never came to"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bus := memory.New(memory.Options{Capabilities: test.can, CountNodes: true, Fault: test.fault})
			brokers := map[string]*memory.Broker{}
			site := Site{Open: func(_ testing.TB, node string, _ bool) sender.Broker {
				brokers[node] = bus.Open("app", node)
				switch test.fault {
				case swaps:
					return &lateBroker{Broker: brokers[node], by: 1}
				case delays:
					return &lateBroker{Broker: brokers[node], marker: "user/", by: 49}
				}
				return brokers[node]
			}}
			cut := Fault{name: "cut", lasts: 300 * time.Millisecond,
				begin: func(Site) error {
					brokers[far].Cut(errors.New("cut"))
					return nil
				},
				end: func(Site) error {
					brokers[far].Mend()
					return nil
				},
			}
			outcome, err := cut.try(t, site)
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

// The faults of a lateBroker, which a bus knows nothing of.
const (
	swaps  memory.Fault = "swaps"
	delays memory.Fault = "delays"
)

// lateBroker receives packets that have a marker in them behind what comes after them, now and then.
type lateBroker struct {
	*memory.Broker
	marker string
	by     int // how many events overtake such a packet
	held   sender.Event
	after  int // with how many events from now on it comes; zero: none is held
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
	case len(event.Payload) > 0 && bytes.Contains(event.Payload, []byte(b.marker)):
		b.held, b.after = event, b.by+1
		return b.Receive(ctx)
	}
	return event, err
}
