package faults

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/internal/witness"
	"github.com/switchboard-go/switchboard/sender"
)

// Options says how a run goes. The zero value is what the table in README.md is made with.
type Options struct {
	// Length is how long the fault lasts. Zero means 5 s.
	Length time.Duration
	// ProbeInterval is that of sender.ClusterOptions.
	ProbeInterval time.Duration
}

// opener returns what opens the driver's Sender.
func (d Driver) opener(address, app string) witness.Opener {
	return func(ctx context.Context, o sender.OpenOptions) (sender.Sender, error) {
		o.Decode = d.settings(address, app)
		return sender.Open(ctx, d.sender, o)
	}
}

// run is a run while it goes on.
type run struct {
	site    *Site
	driver  Driver
	fault   Fault
	options Options
	app     string

	witness.Cluster
	b     *process // node B, where it is one
	lives map[string]int
}

// Run has a fault happen to a cluster, and says what came of it. The error says that it could not be done; a promise that
// was broken is among the outcome's Violations.
func Run(ctx context.Context, site *Site, d Driver, f Fault, o Options) (witness.Outcome, error) {
	return (&run{site: site, driver: d, fault: f, options: o}).do(ctx)
}

func (r *run) do(ctx context.Context) (_ witness.Outcome, err error) {
	r.app = "faults-" + strings.ToLower(rand.Text()[:12])
	r.Speakers, r.lives = [2]string{"A", "B"}, map[string]int{}
	if r.options.Length == 0 {
		r.options.Length = 5 * time.Second
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for _, name := range []string{"A", "B", "C"} {
		if err := r.start(ctx, name); err != nil {
			return witness.Outcome{}, err
		}
	}
	if err := r.Begin(ctx); err != nil {
		return witness.Outcome{}, err
	}
	ended, err := r.disturb(ctx)
	if err != nil {
		return witness.Outcome{}, err
	}
	outcome := r.End(ctx, r.driver.can, ended)
	outcome.Driver, outcome.Fault = r.driver.Name, r.fault.Name
	return outcome, nil
}

// start starts a node and connects its client.
func (r *run) start(ctx context.Context, name string) error {
	r.lives[name]++
	place := witness.Place{Node: name, Life: r.lives[name]}
	probe := r.options.ProbeInterval
	if r.fault.ownProcess && name == "B" {
		p, err := startProcess(ctx, identity{place, probe, r.driver.Name, r.site.address(name), r.app}, r.Journal.Add)
		if err != nil {
			return err
		}
		r.b = p
		return r.Join(ctx, place, p)
	}
	n, err := witness.StartNode(ctx, place, probe, r.driver.opener(r.site.address(name), r.app), r.Journal.Add)
	if err != nil {
		return err
	}
	return r.Join(ctx, place, n)
}

// disturb lets the fault happen, and returns when it was to end.
func (r *run) disturb(ctx context.Context) (ended time.Time, err error) {
	err = r.fault.begin(ctx, r)
	if err == nil && r.fault.Brief != 0 {
		// How long a fault lasts is what it is; nothing is waited for.
		select {
		case <-time.After(r.options.Length):
		case <-ctx.Done():
		}
	}
	ended = time.Now()
	return ended, errors.Join(err, r.fault.end(ctx, r), ctx.Err())
}
