package drivertest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/witness"
	"github.com/switchboard-go/switchboard/sender"
)

// Fault is something that goes wrong for a while.
type Fault struct {
	name  string
	lasts time.Duration // at least: until the nodes that it concerns have noticed
	// begin and end break and mend.
	begin, end func(Site) error
	// both: it concerns both nodes, else only the one behind the proxy.
	both bool
	// link: it is not the broker's, so that a node that is to notice it must be behind the proxy.
	link bool
	// harmless: the link stays up.
	harmless bool
}

// The faults of the link of one node are Cut, HalfOpen and Latency, those of the broker Stopped, Killed and Paused.
var (
	Cut = Fault{name: "link cut", lasts: 5 * time.Second, link: true,
		begin: func(s Site) error { return s.Proxy.Cut() }, end: heal}
	HalfOpen = Fault{name: "link half-open", lasts: 5 * time.Second, link: true,
		begin: func(s Site) error { return s.Proxy.Blackhole() }, end: heal}
	Latency = Fault{name: "200 ms of latency", lasts: 5 * time.Second, link: true, harmless: true,
		begin: func(s Site) error { return s.Proxy.Latency(200 * time.Millisecond) }, end: heal}
	Stopped = Fault{name: "broker stopped", lasts: 5 * time.Second, both: true,
		begin: func(s Site) error { return s.Broker.Stop() }, end: restart}
	Killed = Fault{name: "broker killed", lasts: 5 * time.Second, both: true,
		begin: func(s Site) error { return s.Broker.Kill() }, end: restart}
	Paused = Fault{name: "broker paused", lasts: 5 * time.Second, both: true,
		begin: func(s Site) error { return s.Broker.Pause() }, end: func(s Site) error { return s.Broker.Resume() }}
)

func heal(s Site) error    { return s.Proxy.Heal() }
func restart(s Site) error { return s.Broker.Restart() }

// OfBoth is the fault of a link where both nodes are behind the proxy.
func (f Fault) OfBoth() Fault {
	f.name, f.both = f.name+", both nodes", true
	return f
}

// Lasting is the fault with another length, which it has at least: until the nodes that it concerns have noticed.
func (f Fault) Lasting(d time.Duration) Fault {
	f.lasts = d
	return f
}

// Site is where a fault happens.
type Site struct {
	Broker *brokers.Broker
	Proxy  *brokers.Proxy
	// Open returns the Broker of a new node of an application of the site's own, which reaches the broker through the
	// Proxy or past it. The site's nodes close it.
	Open func(t testing.TB, node string, proxied bool) sender.Broker
	// Rate is how many messages a node sends in a second. Zero means that of witness.Node.
	Rate int
}

// AtOnce has faults happen at the same time, each in a subtest and on a site of its own: they mostly wait. It does so whatever
// the flag -parallel says, and logs a table of what came of them.
func AtOnce(t *testing.T, site func(t *testing.T) Site, faults ...Fault) {
	t.Helper()
	var running sync.WaitGroup
	rows := each(t, site, faults, running.Go)
	running.Wait()
	t.Logf("\n%s%s", witness.Header, strings.Join(rows, "\n"))
}

// InTurn is AtOnce with one fault after the other.
func InTurn(t *testing.T, site func(t *testing.T) Site, faults ...Fault) {
	t.Helper()
	rows := each(t, site, faults, func(happen func()) { happen() })
	t.Logf("\n%s%s", witness.Header, strings.Join(rows, "\n"))
}

// each has start have each of the faults happen. It returns the rows of the table, which are there when all of that has ended.
func each(t *testing.T, site func(t *testing.T) Site, faults []Fault, start func(happen func())) []string {
	rows, name := make([]string, len(faults)), t.Name()
	for i, f := range faults {
		start(func() {
			t.Run(f.name, func(t *testing.T) { rows[i] = f.happen(t, site(t), name) })
		})
	}
	return rows
}
