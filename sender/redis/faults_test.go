package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/websocket"
)

// faultTime is how long a fault lasts, calm how long none is before and after it.
const (
	faultTime = 5 * time.Second
	calm      = time.Second
)

// fault is what happens to the link of n2, or of both nodes, and to the broker.
type fault struct {
	name string
	both bool // n1 is behind the proxy too
	// begin breaks something, end mends it.
	begin, end func(*brokers.Broker, *brokers.Proxy) error
	harmless   bool // nobody becomes unready of it
}

var faults = []fault{
	{name: "link of a receiver cut", begin: cut, end: heal},
	{name: "links of both cut", both: true, begin: cut, end: heal},
	{name: "link of a receiver half-open", begin: blackhole, end: heal},
	{name: "links of both half-open", both: true, begin: blackhole, end: heal},
	{name: "broker stopped and started", begin: func(b *brokers.Broker, _ *brokers.Proxy) error { return b.Stop() }, end: restart},
	{name: "broker killed and started", begin: func(b *brokers.Broker, _ *brokers.Proxy) error { return b.Kill() }, end: restart},
	{name: "broker paused", begin: func(b *brokers.Broker, _ *brokers.Proxy) error { return b.Pause() },
		end: func(b *brokers.Broker, _ *brokers.Proxy) error { return b.Resume() }},
	{name: "200 ms of latency", both: true, harmless: true,
		begin: func(_ *brokers.Broker, p *brokers.Proxy) error { return p.Latency(200 * time.Millisecond) }, end: heal},
}

func cut(_ *brokers.Broker, p *brokers.Proxy) error       { return p.Cut() }
func blackhole(_ *brokers.Broker, p *brokers.Proxy) error { return p.Blackhole() }
func heal(_ *brokers.Broker, p *brokers.Proxy) error      { return p.Heal() }
func restart(b *brokers.Broker, _ *brokers.Proxy) error   { return b.Restart() }

// TestFaults has n1 send to n2 all the while. Nothing comes twice or out of its
// order, and each loss was told to its sender or lies in a gap that n2 reported;
// with the stream all that was reported as published comes.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a quarter of a minute")
	}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		// The proxy leaves some of its own behind when it is closed in a fault.
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
	})
	var idle [2]*redis.Broker
	for i, mode := range bothModes {
		idle[i] = subscribed(t, settings(shared.Address, fresh(), mode), "idle")
	}
	var rows [2][]string
	var running sync.WaitGroup // all at once, whatever -parallel says: they mostly wait
	for i, mode := range bothModes {
		rows[i] = make([]string, len(faults))
		for j, f := range faults {
			running.Go(func() {
				t.Run(string(mode)+", "+f.name, func(t *testing.T) { rows[i][j] = f.run(t, mode) })
			})
		}
	}
	running.Go(func() { t.Run("stream, backlog over a slow link", backlogOverSlowLink) })
	running.Wait()
	for _, n := range idle { // nothing is wrong with a link on which nothing moves
		publish(t, n, "first")
		expect(t, n, "first")
	}
	for i, mode := range bothModes {
		t.Logf("mode %s\n| fault | sent | delivered | told to the sender | in a reported gap | lost in silence | twice | first delivery after | ready after | n2 said |\n|---|---|---|---|---|---|---|---|---|---|\n%s",
			mode, strings.Join(rows[i], "\n"))
	}
}

// run does it all and returns a row of the table.
func (f fault) run(t *testing.T, mode redis.Mode) string {
	broker, err := brokers.Start(brokers.Redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	proxy, err := brokers.NewProxy(broker.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	near, far := settings(broker.Address, "faults", mode), settings(proxy.Address, "faults", mode)
	if f.both {
		near = far
	}
	n1, n2 := startNode(t, near, "n1", nil), startNode(t, far, "n2", nil)
	// The address of n2's user has to be known to the broker.
	eventually(t, func() error {
		r, err := n1.send(t.Context(), websocket.ToUser(websocket.Admin, "n2"), "warm-up")
		if err == nil && r.Nodes == 0 {
			err = fmt.Errorf("no node took it")
		}
		return err
	})

	load := startLoad(t.Context(), n1)
	wait(calm)
	if err := f.begin(broker, proxy); err != nil {
		t.Fatal(err)
	}
	wait(faultTime)
	said := n2.cluster.Ready()
	if f.harmless && said != nil {
		t.Errorf("n2 is not ready: %v", said)
	}
	if !f.harmless {
		eventually(t, func() error {
			said = n2.cluster.Ready()
			if said != nil && strings.Contains(said.Error(), "the link to the broker has been down") {
				return nil
			}
			return errors.Join(errors.New("the driver of n2 has not noticed"), said)
		})
	}
	if err := f.end(broker, proxy); err != nil {
		t.Fatal(err)
	}
	healed := time.Now()
	eventually(t, n1.cluster.Ready)
	eventually(t, n2.cluster.Ready)
	ready := time.Since(healed)
	wait(calm)
	load.stop()
	n1.say(t, "the end")
	n2.await(t, "the end")
	n1.await(t, "the end")
	return f.judge(t, mode, load.sent, n1, n2, healed, ready, said)
}

func wait(d time.Duration) { <-time.After(d) }

// sent is a message that was sent, and what came of it by Send's word.
type sent struct {
	text       string
	began      time.Time
	toAll      bool
	receipt    sender.Receipt
	err        error
	lane, step int
}

// load sends all the time, in lanes: in each one message after the other.
type load struct {
	stopping atomic.Bool
	running  sync.WaitGroup
	mu       sync.Mutex
	sent     []sent
}

func startLoad(ctx context.Context, from *node) *load {
	const lanes, interval = 4, 25 * time.Millisecond
	l := new(load)
	for lane := range lanes {
		target, toAll := websocket.ToUser(websocket.Admin, "n2"), lane%2 == 0
		if toAll {
			target = websocket.ToAll()
		}
		l.running.Go(func() {
			for step := 0; !l.stopping.Load(); step++ {
				s := sent{text: fmt.Sprintf("%d/%d", lane, step), began: time.Now(), toAll: toAll, lane: lane, step: step}
				s.receipt, s.err = from.send(ctx, target, s.text)
				l.mu.Lock()
				l.sent = append(l.sent, s)
				l.mu.Unlock()
				wait(interval)
			}
		})
	}
	return l
}

func (l *load) stop() {
	l.stopping.Store(true)
	l.running.Wait()
}

// unnoticed is how long a link can be broken before the driver notices. A gap's
// Since is when it did.
const unnoticed = 4 * time.Second

// judge compares what was sent with what came.
func (f fault) judge(t *testing.T, mode redis.Mode, all []sent, n1, n2 *node, healed time.Time, ready time.Duration, said error) string {
	came := make(map[string]int)
	at := make(map[string]time.Time)
	last := make(map[int]int)
	twice := 0
	for _, a := range n2.arrivals() {
		var lane, step int
		if _, err := fmt.Sscanf(a.text, "%d/%d", &lane, &step); err != nil {
			continue
		}
		if came[a.text]++; came[a.text] > 1 {
			twice++
			continue
		}
		at[a.text] = a.at
		if before, ok := last[lane]; ok && step < before {
			t.Errorf("%s came after %d/%d", a.text, lane, before)
		}
		last[lane] = max(last[lane], step)
	}
	own := make(map[string]int)
	for _, a := range n1.arrivals() {
		own[a.text]++
	}
	gaps := n2.reports()
	inGap := func(s sent) bool {
		for _, r := range gaps {
			if !s.began.Before(r.gap.Since.Add(-unnoticed)) && !s.began.After(r.at) {
				return true
			}
		}
		return false
	}
	var delivered, told, gapped, silent int
	var first time.Duration
	for _, s := range all {
		if s.toAll && own[s.text] != 1 {
			t.Errorf("the session of the sending node received %s %d times", s.text, own[s.text])
		}
		switch {
		case came[s.text] > 0:
			delivered++
			if delay := at[s.text].Sub(healed); delay > 0 && !s.began.Before(healed) && (first == 0 || delay < first) {
				first = delay
			}
		case s.err != nil || s.receipt.Nodes == 0:
			told++
		case mode == redis.PubSub && inGap(s):
			gapped++
		default:
			silent++
			t.Errorf("%s was lost in silence, sent %s before the end of the fault: %+v", s.text, healed.Sub(s.began), s.receipt)
		}
	}
	if twice > 0 {
		t.Errorf("%d messages came twice", twice)
	}
	if stats := n2.cluster.Stats(); stats.Foreign > 0 {
		t.Errorf("%d messages were foreign", stats.Foreign)
	}
	for _, r := range gaps {
		t.Logf("gap %s before the end of the fault: %s", healed.Sub(r.at).Round(time.Millisecond), r.gap)
	}
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %s | %s | %v |", f.name, len(all), delivered, told, gapped, silent, twice,
		first.Round(time.Millisecond), ready.Round(time.Millisecond), said)
}
