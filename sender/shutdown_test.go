package sender_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestShutdownDrainsAndSaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		listener := spy(t, b)
		other := join(t, b, "node2", sender.ClusterOptions{}, nil)
		g := &gated{}
		m := join(t, b, "node1", sender.ClusterOptions{}, func(b sender.Broker) sender.Broker { g.Broker = b; return g })
		m.say(1)
		heard(t, listener)
		g.let = make(chan struct{})
		results := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := m.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text"})
				results <- err
			}()
			synctest.Wait()
		}
		ended := make(chan error)
		go func() { ended <- m.Shutdown(t.Context()) }()
		synctest.Wait()
		if _, err := m.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text"}); !errors.Is(err, sender.ErrClosed) {
			t.Errorf("Send during Shutdown: %v", err)
		}
		m.unready("closed")
		close(g.let)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for range 3 {
			if err := <-results; err != nil {
				t.Errorf("a send before Shutdown: %v", err)
			}
		}
		pass(time.Minute)
		var kinds []byte
		for _, payload := range heard(t, listener) {
			if strings.Contains(string(payload), "node1") {
				kinds = append(kinds, kind(payload))
			}
		}
		if want := []byte{kindMessage, kindMessage, kindMessage, kindLeave}; !slices.Equal(kinds, want) {
			t.Errorf("it sent kinds %d in the end, want %d", kinds, want)
		}
		other.received(4)
		if len(other.peers()) != 0 || other.Stats().Silent != 0 || len(other.reported()) != 0 {
			t.Errorf("the other node sees %q, %+v", other.peers(), other.Stats())
		}
		if err := m.node.Publish(t.Context(), nil); !errors.Is(err, sender.ErrClosed) {
			t.Error("the broker is open still")
		}
		if err := m.Shutdown(t.Context()); err != nil {
			t.Errorf("the second Shutdown: %v", err)
		}
	})
}

// What gets lost last is noticed by the goodbye.
func TestGoodbyeShowsLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, memory.HidesBreaks)
		m, other := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
		m.say(1)
		other.node.Cut(errBroken)
		m.say(2)
		other.node.Mend()
		if err := m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if gaps := other.reported(); len(gaps) != 1 || gaps[0].Missing != 2 || gaps[0].Origin != "node1" {
			t.Errorf("gaps %v, want 2 missing from node1", gaps)
		}
		if got := other.peers(); len(got) != 0 {
			t.Errorf("it sees %q", got)
		}
	})
}

func TestShutdownOfAStuckBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gated{let: make(chan struct{})}
		m := join(t, bus(false, sender.RouteNothing, ""), "node1", sender.ClusterOptions{}, func(b sender.Broker) sender.Broker { g.Broker = b; return g })
		result := make(chan error, 1)
		go func() {
			_, err := m.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text"})
			result <- err
		}()
		synctest.Wait()
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := m.Shutdown(ctx)
		if !errors.Is(err, sender.ErrNotPublished) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown returned %v", err)
		}
		// The publishes under way end by their own timeouts, which this broker waits for.
		if took := time.Since(begun); took > 2*publishTimeout {
			t.Errorf("Shutdown took %s", took)
		}
		if err := <-result; !errors.Is(err, sender.ErrNotPublished) {
			t.Errorf("the send under way: %v", err)
		}
	})
}

// Sends race with the Shutdown; under the race detector.
func TestShutdownDuringSends(t *testing.T) {
	b := bus(false, sender.RouteNothing, "")
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		t.Fatal(err)
	}
	c, err := sender.NewCluster(t.Context(), b.Open("app", "node1"), manager, "", sender.ClusterOptions{BatchMessages: 2})
	if err != nil {
		t.Fatal(err)
	}
	listener := spy(t, b)
	results := make(chan int)
	first := make(chan struct{}, 8)
	for range 8 {
		go func() {
			for sent := 0; ; sent++ {
				if _, err := c.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text"}); err != nil {
					if !errors.Is(err, sender.ErrClosed) {
						t.Errorf("Send: %v", err)
					}
					results <- sent
					return
				}
				select {
				case first <- struct{}{}:
				default:
				}
			}
		}()
	}
	<-first
	if err := c.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	sent, published := 0, 0
	for range 8 {
		sent += <-results
	}
	payloads := heard(t, listener)
	for _, payload := range payloads {
		if kind(payload) == kindMessage {
			published++
		}
	}
	if sent != published {
		t.Errorf("%d sends succeeded, %d messages were published", sent, published)
	}
	if last := payloads[len(payloads)-1]; kind(last) != kindLeave {
		t.Errorf("the last envelope is of kind %d", kind(last))
	}
}
