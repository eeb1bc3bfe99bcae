package rabbitmq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
	"github.com/switchboard-go/switchboard/websocket"
)

// TestFaults breaks the way between two nodes while both send. What Send has
// reported as published must come, once and in order.
func TestFaults(t *testing.T) {
	for _, fault := range []struct {
		name       string
		begin, end func(*brokers.Broker, *brokers.Proxy) error
		lasts      time.Duration
		ownLink    bool // nobody else notices
	}{
		// RabbitMQ takes some seconds to start.
		{"broker stopped", process((*brokers.Broker).Stop), process((*brokers.Broker).Restart), 0, false},
		{"broker killed", process((*brokers.Broker).Kill), process((*brokers.Broker).Restart), 0, false},
		{"broker paused", process((*brokers.Broker).Pause), process((*brokers.Broker).Resume), 5 * time.Second, false},
		{"link cut", link((*brokers.Proxy).Cut), link((*brokers.Proxy).Heal), 5 * time.Second, true},
		{"half-open link", link((*brokers.Proxy).Blackhole), link((*brokers.Proxy).Heal), 8 * time.Second, true},
		{"latency 200 ms", link(slow), link((*brokers.Proxy).Heal), 5 * time.Second, true},
	} {
		t.Run(fault.name, func(t *testing.T) {
			if fault.ownLink {
				t.Parallel()
			}
			way := proxied(t, server.Address)
			name := app(t)
			near := join(t, configured(server.Address, name), "near")
			far := join(t, configured(way.Address, name), "far")
			near.other, far.other = far, near
			pair := []*member{near, far}
			for _, m := range pair {
				m.work(t)
			}
			await(t, "both to be heard", func() bool { return near.received() > 50 && far.received() > 50 })

			if err := fault.begin(server, way); err != nil {
				t.Fatal(err)
			}
			<-time.After(fault.lasts)
			if err := fault.end(server, way); err != nil {
				t.Fatal(err)
			}
			healed := time.Now()
			for _, m := range pair {
				m.healed.Store(m.number.Load())
			}
			await(t, "both to be whole", func() bool {
				return near.whole() && far.whole() && near.Ready() == nil && far.Ready() == nil
			})
			whole := time.Since(healed)

			for _, m := range pair {
				m.stop()
			}
			for _, m := range pair {
				await(t, "what was published to "+m.other.name, func() bool { return m.other.has(m.published) == nil })
				m.report(t, fault.name, whole)
			}
		})
	}
}

func link(f func(*brokers.Proxy) error) func(*brokers.Broker, *brokers.Proxy) error {
	return func(_ *brokers.Broker, p *brokers.Proxy) error { return f(p) }
}

func process(f func(*brokers.Broker) error) func(*brokers.Broker, *brokers.Proxy) error {
	return func(b *brokers.Broker, _ *brokers.Proxy) error { return f(b) }
}

func slow(p *brokers.Proxy) error { return p.Latency(200 * time.Millisecond) }

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	late := time.After(time.Minute)
	for !so() {
		select {
		case <-ticker.C:
		case <-late:
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// member is a node that sends all the time and remembers what has come.
type member struct {
	*sender.Cluster
	name  string
	other *member

	// number is that of the last message that was sent; published are those that
	// Send has reported as such, by lane; the others failed.
	number    atomic.Int64
	healed    atomic.Int64
	failed    atomic.Int64
	mu        sync.Mutex
	published []mark
	longest   time.Duration // Send took

	driver *rabbitmq.Broker
	seen   map[mark]int
	last   map[string]int64 // by lane
	wrong  []string
	latest int64
	gaps   []sender.Gap

	ctx  context.Context
	end  context.CancelFunc
	done sync.WaitGroup
}

// mark is what a message says. A message to the other node alone is in a lane
// of its own, as its goroutine is.
type mark struct {
	lane   string
	number int64
}

// tap sees what a Broker receives.
type tap struct {
	*rabbitmq.Broker
	m *member
}

func (t tap) Receive(ctx context.Context) (sender.Event, error) {
	event, err := t.Broker.Receive(ctx)
	if _, text, ok := bytes.Cut(event.Payload, []byte("|mark|")); ok {
		lane, number, _ := bytes.Cut(text, []byte("|"))
		n, _ := strconv.ParseInt(string(number), 10, 64)
		t.m.note(mark{string(lane), n})
	}
	return event, err
}

func (m *member) note(got mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[got]++; m.seen[got] > 1 {
		m.wrong = append(m.wrong, fmt.Sprintf("%v came twice", got))
	}
	if got.number <= m.last[got.lane] {
		m.wrong = append(m.wrong, fmt.Sprintf("%v came after %d", got, m.last[got.lane]))
	}
	m.last[got.lane] = got.number
	if m.other != nil && got.lane[0] == m.other.name[0] {
		m.latest = max(m.latest, got.number)
	}
}

func join(t *testing.T, config rabbitmq.Config, name string) *member {
	t.Helper()
	m := &member{name: name, seen: make(map[mark]int), last: make(map[string]int64)}
	m.driver = open(t, config, name)
	manager, err := websocket.NewSessionManager(name)
	if err != nil {
		t.Fatal(err)
	}
	m.Cluster, err = sender.NewCluster(t.Context(), tap{m.driver, m}, manager, "", sender.ClusterOptions{
		OnGap: func(g sender.Gap) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.gaps = append(m.gaps, g)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.ctx, m.end = context.WithCancel(t.Context())
	return m
}

// work sends to all and to the other node's sessions.
func (m *member) work(t *testing.T) {
	for lane := range 4 {
		name := fmt.Sprintf("%s%d", m.name, lane)
		target := websocket.ToAll()
		if lane%2 == 1 {
			target = websocket.ToSession(m.other.name + "-abcdefghijklmnopqrstuvwxyz")
		}
		m.done.Go(func() {
			ticker := time.NewTicker(10 * time.Millisecond)
			defer ticker.Stop()
			for m.ctx.Err() == nil {
				n := m.number.Add(1)
				began := time.Now()
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				receipt, err := m.Send(ctx, target, websocket.Message{Type: "t", Content: fmt.Appendf(nil, "|mark|%s|%d", name, n)})
				cancel()
				took := time.Since(began)
				if (err == nil) != receipt.Published || err != nil && !errors.Is(err, sender.ErrNotPublished) {
					t.Errorf("Send returned %+v, %v", receipt, err)
				}
				m.mu.Lock()
				m.longest = max(m.longest, took)
				if receipt.Published {
					m.published = append(m.published, mark{name, n})
				}
				m.mu.Unlock()
				if err != nil {
					m.failed.Add(1)
				}
				<-ticker.C
			}
		})
	}
}

func (m *member) stop() {
	m.end()
	m.done.Wait()
}

func (m *member) received() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.seen)
}

// whole: something that the other sent after the fault has come.
func (m *member) whole() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.latest > m.other.healed.Load()
}

// has returns which of the marks has not come.
func (m *member) has(marks []mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mark := range marks {
		if m.seen[mark] == 0 {
			return fmt.Errorf("%v has not come", mark)
		}
	}
	return nil
}

// report prints how m's messages fared at the other.
func (m *member) report(t *testing.T, fault string, whole time.Duration) {
	to := m.other
	to.mu.Lock()
	defer to.mu.Unlock()
	lost := 0
	for _, mark := range m.published {
		if to.seen[mark] == 0 {
			lost++
		}
	}
	came := 0
	for mark := range to.seen {
		if mark.lane[0] == m.name[0] {
			came++
		}
	}
	t.Logf("| %s, %s to %s | sent %d | published %d | failed %d | came %d | lost %d | came again, dropped by the driver %d | whole after %s | longest Send %s | gaps at %s %d | %+v",
		fault, m.name, to.name, m.number.Load(), len(m.published), m.failed.Load(), came, lost, to.driver.Stats().Duplicates,
		whole.Round(10*time.Millisecond), m.longest.Round(time.Millisecond), to.name, len(to.gaps), to.driver.Stats())
	for _, g := range to.gaps {
		t.Logf("gap at %s: %s", to.name, g)
	}
	if len(to.wrong) > 0 {
		t.Errorf("at %s %d went wrong: %.500q", to.name, len(to.wrong), to.wrong)
	}
	if s := to.driver.Stats(); s.Missed > 0 || s.QueuesLost > 0 {
		t.Errorf("%s counts losses, and nothing is lost: %+v", to.name, s)
	}
	if s := to.Stats(); s.Duplicates > 0 {
		t.Errorf("%s dropped %d duplicates that the driver should have", to.name, s.Duplicates)
	}
}
