package sender_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
	"github.com/switchboard-go/switchboard/websocket"
)

// The defaults of sender.ClusterOptions.
const (
	probeInterval  = 2 * time.Second
	silence        = 3 * probeInterval
	publishTimeout = 3 * time.Second
)

// bus makes a broker in the bubble.
func bus(durable bool, routing sender.Routing, fault memory.Fault) *memory.Bus {
	return memory.New(memory.Options{
		Capabilities: sender.Capabilities{Durable: durable, Routing: routing, MaxPayload: 1 << 16},
		CountNodes:   true,
		Fault:        fault,
	})
}

// member is a node in the bubble. It has no sessions: what comes to it shows in
// its counters.
type member struct {
	*sender.Cluster
	t    *testing.T
	node *memory.Broker
	log  *logbook

	mu   sync.Mutex
	gaps []sender.Gap
}

// join starts a node; wrap, where it is not nil, comes between it and its broker.
func join(t *testing.T, b *memory.Bus, name string, o sender.ClusterOptions, wrap func(sender.Broker) sender.Broker) *member {
	t.Helper()
	manager, err := websocket.NewSessionManager(name)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{t: t, node: b.Open("app", name), log: &logbook{}}
	var broker sender.Broker = m.node
	if wrap != nil {
		broker = wrap(broker)
	}
	if o.OnGap == nil {
		o.OnGap = func(g sender.Gap) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.gaps = append(m.gaps, g)
		}
	}
	o.Logger = slog.New(slog.NewTextHandler(m.log, nil))
	if m.Cluster, err = sender.NewCluster(t.Context(), broker, manager, "", o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Shutdown(context.Background()) })
	synctest.Wait() // the first probe is through
	return m
}

// say sends messages to all, which must work.
func (m *member) say(count int) {
	m.t.Helper()
	for range count {
		m.sendTo(websocket.ToAll())
	}
	synctest.Wait()
}

func (m *member) sendTo(to websocket.Target) sender.Receipt {
	m.t.Helper()
	receipt, err := m.Send(m.t.Context(), to, websocket.Message{Type: "text", Content: []byte(`"hi"`)})
	if err != nil {
		m.t.Fatalf("send to %s: %v", to, err)
	}
	return receipt
}

// reported returns the gaps since the last call.
func (m *member) reported() []sender.Gap {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	gaps := m.gaps
	m.gaps = nil
	return gaps
}

// unready checks that the node says why it is not ready.
func (m *member) unready(because string) {
	m.t.Helper()
	if err := m.Ready(); err == nil || !strings.Contains(err.Error(), because) {
		m.t.Errorf("Ready returns %v, want an error with %q", err, because)
	}
}

func (m *member) ready() {
	m.t.Helper()
	if err := m.Ready(); err != nil {
		m.t.Errorf("Ready returns %v", err)
	}
}

// received checks the counter of messages.
func (m *member) received(want uint64) {
	m.t.Helper()
	if got := m.Stats().Received; got != want {
		m.t.Errorf("%d messages were received, want %d", got, want)
	}
}

// peers returns the names of the other nodes that the node sees.
func (m *member) peers() (names []string) {
	for _, peer := range m.Peers() {
		names = append(names, peer.Node)
	}
	slices.Sort(names)
	return names
}

// pass lets time pass, and what happens then.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// logbook keeps what is logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// spy takes part in the application by hand.
func spy(t *testing.T, b *memory.Bus) *memory.Broker {
	t.Helper()
	n := b.Open("app", "spy")
	if err := n.Subscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// heard returns the payloads that wait for a spy.
func heard(t *testing.T, n *memory.Broker) (payloads [][]byte) {
	t.Helper()
	for n.Waiting() > 0 {
		event, err := n.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, unpacked(event.Payload)...)
	}
	return payloads
}

// unpacked returns the envelopes of a pack, or payload where it is none.
func unpacked(payload []byte) (envelopes [][]byte) {
	if kind(payload) != kindPack {
		return [][]byte{payload}
	}
	for rest := payload[2:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest)
		envelopes = append(envelopes, rest[n:n+int(size)])
		rest = rest[n+int(size):]
	}
	return envelopes
}

// sessionOn returns a session id of a node.
func sessionOn(node string) string { return node + "-" + strings.Repeat("s", 26) }

// kind is the second byte of an envelope.
func kind(payload []byte) byte { return payload[1] }

const (
	kindMessage = 1
	kindProbe   = 2
	kindLeave   = 3
	kindPack    = 4
)

// gated is a broker that takes a batch each time it is let, and records packets.
type gated struct {
	sender.Broker
	let chan struct{} // nil: at once; Close does not let it

	mu      sync.Mutex
	packets []sender.Packet
	fail    error
}

func (g *gated) Publish(ctx context.Context, packets []sender.Packet) error {
	if g.let != nil {
		select {
		case <-g.let:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.mu.Lock()
	g.packets = append(g.packets, packets...)
	fail := g.fail
	g.mu.Unlock()
	if fail != nil {
		return fail
	}
	return g.Broker.Publish(ctx, packets)
}

func (g *gated) Take(address string, on bool) { g.Broker.(sender.Router).Take(address, on) }

func (g *gated) failing(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = err
}

// last returns the last packet.
func (g *gated) last() sender.Packet {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.packets[len(g.packets)-1]
}

var errBroken = errors.New("broken on purpose")
