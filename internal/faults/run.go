package faults

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// Options says how a run goes. The zero value is what the table in README.md is made with.
type Options struct {
	// Length is how long the fault lasts. Zero means 5 s.
	Length time.Duration
	// ProbeInterval is that of sender.ClusterOptions.
	ProbeInterval time.Duration
}

// opener returns what opens the driver's Sender.
func (d Driver) opener(address, app string) opener {
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
	// open, where it is set, opens the senders instead of the driver.
	open func(node string) opener

	journal journal
	members map[string]*member // by the node's name
	lives   map[string]int
	began   time.Time // of the fault
	ended   time.Time
}

// member is a node that lives.
type member struct {
	place
	speaker
	process *process // nil where the node is in this process
	ear     *ear
	session string
}

// speaker is a node, here or in a child process.
type speaker interface {
	speak(targets []string) error
	hush() error
	fence() error
	close() error
}

// Run has a fault happen to a cluster, and says what came of it. The error says that it could not be done; a promise that
// was broken is among the Outcome's Violations.
func Run(ctx context.Context, site *Site, d Driver, f Fault, o Options) (Outcome, error) {
	return (&run{site: site, driver: d, fault: f, options: o}).do(ctx)
}

func (r *run) do(ctx context.Context) (_ Outcome, err error) {
	r.app = "faults-" + strings.ToLower(rand.Text()[:12])
	r.members, r.lives = map[string]*member{}, map[string]int{}
	if r.options.Length == 0 {
		r.options.Length = 5 * time.Second
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for _, name := range []string{"A", "B", "C"} {
		if err := r.start(ctx, name); err != nil {
			return Outcome{}, err
		}
	}
	if err := r.journal.await(ctx, "the nodes are ready", r.ready); err != nil {
		return Outcome{}, err
	}
	if err := r.speak(); err != nil {
		return Outcome{}, err
	}
	if err := r.hear(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.disturb(ctx); err != nil {
		return Outcome{}, err
	}
	unwell := r.recover(ctx)
	outcome := judge(r.journal.all(), r.driver.can)
	outcome.Driver, outcome.Fault = r.driver.Name, r.fault.Name
	outcome.Whole = wholeAfter(r.journal.all(), r.ended)
	if unwell != nil {
		outcome.Violations = append([]string{unwell.Error()}, outcome.Violations...)
	}
	return outcome, nil
}

// start starts a node and connects its client.
func (r *run) start(ctx context.Context, name string) error {
	r.lives[name]++
	m := &member{place: place{name, r.lives[name]}}
	probe := r.options.ProbeInterval
	var url string
	if r.fault.ownProcess && name == "B" {
		id := identity{m.place, probe, r.driver.Name, r.site.address(name), r.app}
		p, err := startProcess(ctx, id, r.journal.add)
		if err != nil {
			return err
		}
		m.process, m.speaker, url = p, p, p.address
	} else {
		var open opener
		if r.open != nil {
			open = r.open(name)
		} else {
			open = r.driver.opener(r.site.address(name), r.app)
		}
		n, err := startNode(ctx, m.place, probe, open, r.journal.add)
		if err != nil {
			return err
		}
		m.speaker, url = n, n.url()
	}
	r.members[name] = m
	var err error
	if m.ear, err = listen(ctx, url, m.place, &r.journal); err != nil {
		return err
	}
	return r.journal.await(ctx, m.String()+" has a session", func(all []entry) error {
		for _, e := range all {
			if e.Kind == opened && e.Place == m.place {
				m.session = e.Text
				return nil
			}
		}
		return errors.New("it has none")
	})
}

// speak has A and B send to all, and to a user and a session of each other.
func (r *run) speak() error {
	for _, pair := range [][2]string{{"A", "B"}, {"B", "A"}} {
		from, to := r.members[pair[0]], r.members[pair[1]]
		err := from.speak([]string{
			websocket.ToAll().String(),
			websocket.ToUser(websocket.Admin, to.Node).String(),
			websocket.ToSession(to.session).String(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// disturb lets the fault happen.
func (r *run) disturb(ctx context.Context) error {
	r.began = time.Now()
	err := r.fault.begin(ctx, r)
	if err == nil && r.fault.Brief != 0 {
		// How long a fault lasts is what it is; nothing is waited for.
		select {
		case <-time.After(r.options.Length):
		case <-ctx.Done():
		}
	}
	r.ended = time.Now()
	return errors.Join(err, r.fault.end(ctx, r), ctx.Err())
}

// recover waits until the cluster is whole and all that was sent has come, if it ever does.
func (r *run) recover(ctx context.Context) error {
	heard := r.hear(ctx)
	for _, m := range r.speakers() {
		if err := m.hush(); err != nil {
			return err
		}
	}
	return errors.Join(heard, r.finish(ctx), r.journal.await(ctx, "the nodes are ready", r.ready))
}

func (r *run) speakers() []*member { return []*member{r.members["A"], r.members["B"]} }

// close ends what lives.
func (r *run) close() error {
	var errs []error
	for _, m := range r.members {
		if m.ear != nil {
			m.ear.close()
		}
		errs = append(errs, m.close())
	}
	return errors.Join(errs...)
}

// hear waits until what is sent from now on comes: some of it from A and from B, to each other and to C.
func (r *run) hear(ctx context.Context) error {
	const enough = 30
	now := time.Now()
	seen := 0
	fresh := map[message]bool{}
	came := map[[2]place]int{}
	return r.journal.await(ctx, "new messages come", func(all []entry) error {
		// A child's entries can be late, so that a message may come before it has been sent.
		for _, e := range all[seen:] {
			if e.Kind == sending && e.At.After(now) {
				fresh[e.Message] = true
			}
		}
		clear(came)
		for _, e := range all {
			if e.Kind == arrived && fresh[e.Message] {
				came[[2]place{e.Message.From, e.Place}]++
			}
		}
		seen = len(all)
		return r.each(func(from, to *member) error {
			if n := came[[2]place{from.place, to.place}]; n < enough {
				return fmt.Errorf("%d have come from %s to %s", n, from, to)
			}
			return nil
		})
	})
}

// finish sends a last word from A and from B, again until it comes.
func (r *run) finish(ctx context.Context) error {
	const again = 500 * time.Millisecond
	now, last := time.Now(), time.Time{}
	return r.journal.await(ctx, "the last word comes", func(all []entry) error {
		err := r.fenced(all, now)
		if err == nil || time.Since(last) < again {
			return err
		}
		for _, m := range r.speakers() {
			err = errors.Join(err, m.fence())
		}
		last = time.Now()
		return err
	})
}

// fenced reports who has not got the last word of A and of B.
func (r *run) fenced(all []entry, since time.Time) error {
	came := map[[2]place]bool{}
	for _, e := range all {
		if e.Kind == arrived && e.Message.Voice == fenceVoice && e.At.After(since) {
			came[[2]place{e.Message.From, e.Place}] = true
		}
	}
	return r.each(func(from, to *member) error {
		if !came[[2]place{from.place, to.place}] {
			return fmt.Errorf("that of %s has not come to %s", from, to)
		}
		return nil
	})
}

// each calls f for A and for B with each other member.
func (r *run) each(f func(from, to *member) error) error {
	for _, from := range r.speakers() {
		for _, to := range r.members {
			if from == to {
				continue
			}
			if err := f(from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// ready returns why a node is not ready.
func (r *run) ready(all []entry) error {
	said := map[place]string{}
	for _, e := range all {
		if e.Kind == readied {
			said[e.Place] = e.Text
		}
	}
	for _, m := range r.members {
		text, ok := said[m.place]
		if !ok {
			return fmt.Errorf("%s has not said anything", m)
		}
		if text != "" {
			return fmt.Errorf("%s: %s", m, text)
		}
	}
	return nil
}

// wholeAfter returns how long after the fault's end the last node was ready that was not.
func wholeAfter(all []entry, ended time.Time) time.Duration {
	well := map[place]bool{}
	after := time.Duration(0)
	for _, e := range all {
		switch e.Kind {
		case killed:
			delete(well, e.Place)
		case readied:
			if before, known := well[e.Place]; known && !before && e.Text == "" {
				after = max(after, e.At.Sub(ended))
			}
			well[e.Place] = e.Text == ""
		}
	}
	return after
}

func contains(names []string, name string) bool { return slices.Contains(names, name) }
