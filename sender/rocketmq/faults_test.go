package rocketmq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rocketmq"
	"github.com/switchboard-go/switchboard/websocket"
)

// faultTime is how long a fault lasts at least.
const faultTime = 5 * time.Second

// TestFaults breaks the way between two nodes while both send. What Send has
// reported as published must come, once and in order, and a node whose link is
// broken must say so.
func TestFaults(t *testing.T) {
	before := goleak.IgnoreCurrent()
	broker, proxy, err := brokers.StartBehindProxy(brokers.RocketMQ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(broker.Close(), proxy.Close()); err != nil {
			t.Error(err)
		}
		// The proxy leaves some of its own behind when a fault ends with it.
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
	})
	var rows []string
	for _, fault := range []struct {
		name       string
		begin, end func() error
		harmless   bool // nobody becomes unready of it
	}{
		{name: "link cut", begin: proxy.Cut, end: proxy.Heal},
		{name: "link half-open", begin: proxy.Blackhole, end: proxy.Heal},
		{name: "broker paused", begin: broker.Pause, end: broker.Resume},
		{name: "200 ms of latency", begin: func() error { return proxy.Latency(200 * time.Millisecond) }, end: proxy.Heal, harmless: true},
		{name: "broker killed", begin: broker.Kill, end: broker.Restart},
	} {
		t.Run(fault.name, func(t *testing.T) {
			config := settings(broker.Address, fresh())
			near, far := join(t, config, "near"), join(t, config, "far")
			near.work(t)
			far.work(t)
			eventually(t, func() error { return errors.Join(near.hears(far, 50), far.hears(near, 50)) })

			broken := time.Now()
			if err := fault.begin(); err != nil {
				t.Fatal(err)
			}
			if !fault.harmless {
				eventually(t, func() error {
					if near.Ready() == nil || far.Ready() == nil {
						return errors.New("a node that hears nothing says that it is ready")
					}
					return nil
				})
			}
			noticed := time.Since(broken)
			<-time.After(faultTime - noticed)
			said := errors.Join(near.Ready(), far.Ready())
			if fault.harmless && said != nil {
				t.Errorf("of %s the nodes said %v", fault.name, said)
			}
			if err := fault.end(); err != nil {
				t.Fatal(err)
			}
			healed := time.Now()
			from := [2]int64{near.number.Load(), far.number.Load()}
			eventually(t, func() error { return errors.Join(near.hears(far, from[1]), far.hears(near, from[0])) })
			heard := time.Since(healed)
			eventually(t, func() error { return errors.Join(near.Ready(), far.Ready()) })
			ready := time.Since(healed)

			near.stop()
			far.stop()
			for _, way := range [][2]*member{{near, far}, {far, near}} {
				of, at := way[0], way[1]
				eventually(t, func() error { return at.has(of.published) })
				at.mu.Lock()
				rows = append(rows, fmt.Sprintf("| %s, %s to %s | %d | %d | %d | %d | %s | %s | %s | %s | %d |", fault.name, of.name, at.name, of.number.Load(),
					len(of.published), of.failed.Load(), len(at.seen), ms(noticed), ms(heard), ms(ready), ms(of.longest), len(at.gaps)))
				if len(at.wrong) > 0 {
					t.Errorf("at %s %d went wrong: %s", at.name, len(at.wrong), strings.Join(at.wrong[:min(5, len(at.wrong))], "; "))
				}
				for _, gap := range at.gaps {
					t.Logf("gap at %s: %s", at.name, gap)
				}
				at.mu.Unlock()
			}
		})
	}
	t.Logf("\n| fault | sent | published | failed | came | unready after | heard again after | ready after | longest Send | gaps |\n|---|---|---|---|---|---|---|---|---|---|\n%s",
		strings.Join(rows, "\n"))
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// member is a node that sends all the time and remembers what has come.
type member struct {
	*sender.Cluster
	name    string
	number  atomic.Int64 // of the last message that was sent
	failed  atomic.Int64
	ctx     context.Context
	end     context.CancelFunc
	working sync.WaitGroup

	mu        sync.Mutex
	published []int64 // by Send's word
	longest   time.Duration
	seen      map[int64]bool // of the other's
	last      int64          // that came
	wrong     []string
	gaps      []sender.Gap
}

// join starts a node, shut down with the test.
func join(t *testing.T, config rocketmq.Config, name string) *member {
	t.Helper()
	manager, err := websocket.NewSessionManager(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := rocketmq.New(config, name)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{name: name, seen: make(map[int64]bool)}
	m.ctx, m.end = context.WithCancel(t.Context())
	m.Cluster, err = sender.NewCluster(t.Context(), tap{b, m}, manager, "", sender.ClusterOptions{OnGap: func(g sender.Gap) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.gaps = append(m.gaps, g)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.stop()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := m.Shutdown(ctx); err != nil {
			t.Errorf("shutdown of %s: %v", name, err)
		}
	})
	return m
}

// tap sees what a Broker receives, before the cluster drops anything.
type tap struct {
	*rocketmq.Broker
	m *member
}

func (t tap) Receive(ctx context.Context) (sender.Event, error) {
	event, err := t.Broker.Receive(ctx)
	if _, text, ok := bytes.Cut(event.Payload, []byte("|mark|")); ok {
		from, number, _ := strings.Cut(string(text), "|")
		if n, parseErr := strconv.ParseInt(number, 10, 64); parseErr == nil && from != t.m.name {
			t.m.note(n)
		}
	}
	return event, err
}

func (m *member) note(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[n] {
		m.wrong = append(m.wrong, fmt.Sprintf("%d came twice", n))
	} else if n < m.last {
		m.wrong = append(m.wrong, fmt.Sprintf("%d came after %d", n, m.last))
	}
	m.seen[n], m.last = true, max(m.last, n)
}

// work sends to all, one message after the other.
func (m *member) work(t *testing.T) {
	m.working.Go(func() {
		ticker := time.NewTicker(4 * time.Millisecond)
		defer ticker.Stop()
		for m.ctx.Err() == nil {
			n := m.number.Add(1)
			began := time.Now()
			receipt, err := m.Send(context.Background(), websocket.ToAll(), websocket.Message{Type: "t", Content: fmt.Appendf(nil, "|mark|%s|%d", m.name, n)})
			took := time.Since(began)
			if (err == nil) != receipt.Published || err != nil && !errors.Is(err, sender.ErrNotPublished) {
				t.Errorf("Send returned %+v, %v", receipt, err)
			}
			m.mu.Lock()
			m.longest = max(m.longest, took)
			if receipt.Published {
				m.published = append(m.published, n)
			}
			m.mu.Unlock()
			if err != nil {
				m.failed.Add(1)
			}
			<-ticker.C
		}
	})
}

func (m *member) stop() {
	m.end()
	m.working.Wait()
}

// hears returns nil once a message of the other's after number has come.
func (m *member) hears(other *member, number int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last > number {
		return nil
	}
	return fmt.Errorf("%s has heard %s to %d, not %d", m.name, other.name, m.last, number)
}

// has returns which of some messages has not come.
func (m *member) has(numbers []int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range numbers {
		if !m.seen[n] {
			return fmt.Errorf("%d has not come to %s", n, m.name)
		}
	}
	return nil
}
