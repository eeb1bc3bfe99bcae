package kafka_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// faultTime is how long a fault lasts, calm how long none is before and after it.
const (
	faultTime = 5 * time.Second
	calm      = time.Second
)

// fault is what happens to the link of n2, or of both nodes, or to Kafka.
type fault struct {
	name       string
	both       bool // n1 is behind the proxy too
	begin, end func(*brokers.Proxy) error
	harmless   bool // nobody becomes unready of it
}

// linkFaults happen to the links, and so all at once.
var linkFaults = []fault{
	{name: "link of a receiver cut", begin: (*brokers.Proxy).Cut, end: (*brokers.Proxy).Heal},
	{name: "links of both cut", both: true, begin: (*brokers.Proxy).Cut, end: (*brokers.Proxy).Heal},
	{name: "link of a receiver half-open", begin: (*brokers.Proxy).Blackhole, end: (*brokers.Proxy).Heal},
	{name: "links of both half-open", both: true, begin: (*brokers.Proxy).Blackhole, end: (*brokers.Proxy).Heal},
	{name: "200 ms of latency", both: true, harmless: true,
		begin: func(p *brokers.Proxy) error { return p.Latency(200 * time.Millisecond) }, end: (*brokers.Proxy).Heal},
}

// kafkaFaults happen to Kafka, one after the other.
var kafkaFaults = []fault{
	{name: "kafka killed and started", begin: func(*brokers.Proxy) error { return shared.Kill() }, end: func(*brokers.Proxy) error { return shared.Restart() }},
	{name: "kafka paused", begin: func(*brokers.Proxy) error { return shared.Pause() }, end: func(*brokers.Proxy) error { return shared.Resume() }},
}

// TestFaults has n1 send to n2 all the while. Nothing comes twice or out of its
// order, and all that was reported as published comes.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		// The proxy leaves some of its own behind when it is closed in a fault.
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"),
			goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
	})
	rows := make([]string, len(linkFaults)+len(kafkaFaults))
	var running sync.WaitGroup // whatever -parallel says: they mostly wait
	for i, f := range linkFaults {
		running.Go(func() {
			t.Run(f.name, func(t *testing.T) { rows[i] = f.run(t) })
		})
	}
	running.Wait()
	for i, f := range kafkaFaults {
		t.Run(f.name, func(t *testing.T) { rows[len(linkFaults)+i] = f.run(t) })
	}
	t.Logf("\n| fault | sent | delivered | told to the sender | lost in silence | twice | first delivery after | ready after | n2 said |\n|---|---|---|---|---|---|---|---|---|\n%s",
		strings.Join(rows, "\n"))
}

// run does it all and returns a row of the table.
func (f fault) run(t *testing.T) string {
	c, p := settings(fresh()), proxy(t)
	near := ""
	if f.both {
		near = p.Address
	}
	n1, n2 := startNode(t, c, "n1", near), startNode(t, c, "n2", p.Address)
	load := startLoad(t.Context(), n1)
	wait(calm)
	if err := f.begin(p); err != nil {
		t.Fatal(err)
	}
	wait(faultTime)
	said := n2.cluster.Ready()
	if (said == nil) != f.harmless {
		t.Errorf("at the end of the fault n2 said that it was ready: %v", said)
	}
	if err := f.end(p); err != nil {
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
	return f.judge(t, load.sent, n1, n2, healed, ready, said)
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
	const lanes, interval = 6, 20 * time.Millisecond
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

// judge compares what was sent with what came.
func (f fault) judge(t *testing.T, all []sent, n1, n2 *node, healed time.Time, ready time.Duration, said error) string {
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
	var delivered, told, silent int
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
		case s.err != nil:
			told++
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
	for _, r := range n2.reports() {
		t.Logf("gap %s before the end of the fault: %s", healed.Sub(r.at).Round(time.Millisecond), r.gap)
	}
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %s | %s | %v |", f.name, len(all), delivered, told, silent, twice,
		first.Round(time.Millisecond), ready.Round(time.Millisecond), said)
}
