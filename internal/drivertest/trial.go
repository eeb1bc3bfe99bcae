package drivertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/witness"
	"github.com/switchboard-go/switchboard/sender"
)

// The nodes. Both send, and far is the one that is behind the proxy.
const near, far = "near", "far"

// happen lets the fault happen and fails the test where a promise is broken. It returns a row of the table.
func (f Fault) happen(t *testing.T, s Site, driver string) string {
	t.Helper()
	outcome, err := f.try(t, s)
	if err != nil {
		t.Fatal(err)
	}
	for i, violation := range outcome.Violations {
		if i == 10 {
			t.Errorf("and %d more", len(outcome.Violations)-i)
			break
		}
		t.Error(violation)
	}
	outcome.Driver = driver
	return outcome.Row()
}

// try lets the fault happen. The nodes end with the test.
func (f Fault) try(t *testing.T, s Site) (witness.Outcome, error) {
	c := &trial{fault: f, senders: map[string]*sender.Cluster{}}
	c.Speakers = [2]string{near, far}
	nearest, farthest := s.Open(t, near, f.both && f.link), s.Open(t, far, true)
	t.Cleanup(func() { // before what Open has cleaned up
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(c.start(t.Context(), near, nearest, s.Rate), c.start(t.Context(), far, farthest, s.Rate)); err != nil {
		return witness.Outcome{}, err
	}
	return c.run(t.Context(), s)
}

// trial is a fault at work.
type trial struct {
	witness.Cluster
	fault   Fault
	can     sender.Capabilities
	senders map[string]*sender.Cluster
	// unkept are promises that were found broken on the way.
	unkept []string
}

// start starts a node on a Broker, which sends at a rate.
func (c *trial) start(ctx context.Context, name string, b sender.Broker, rate int) error {
	c.can = b.Capabilities()
	place := witness.Place{Node: name, Life: 1}
	open := func(ctx context.Context, o sender.OpenOptions) (sender.Sender, error) {
		s, err := sender.NewCluster(ctx, b, o.Manager, "", o.Cluster)
		if err != nil {
			return nil, err
		}
		c.senders[name] = s
		return s, nil
	}
	n, err := witness.StartNode(ctx, place, 0, open, c.Journal.Add)
	if err != nil {
		return err
	}
	n.Rate = cmp.Or(rate, n.Rate)
	return c.Join(ctx, place, n)
}

// run lets the fault happen while the nodes send, and judges.
func (c *trial) run(ctx context.Context, s Site) (witness.Outcome, error) {
	if err := c.Begin(ctx); err != nil {
		return witness.Outcome{}, err
	}
	if err := c.fault.begin(s); err != nil {
		return witness.Outcome{}, err
	}
	select { // how long a fault lasts is what it is
	case <-time.After(c.fault.lasts):
	case <-ctx.Done():
	}
	c.expect(c.noticed(ctx))
	ended := time.Now()
	if err := c.fault.end(s); err != nil {
		return witness.Outcome{}, err
	}
	outcome := c.End(ctx, c.can, ended)
	outcome.Fault = c.fault.name
	c.judge()
	outcome.Violations = append(c.unkept, outcome.Violations...)
	return outcome, nil
}

func (c *trial) expect(err error) {
	if err != nil {
		c.unkept = append(c.unkept, err.Error())
	}
}

// noticed waits until the driver has told each node that the fault concerns that its link is down. Of a harmless one it says
// which node is not ready.
func (c *trial) noticed(ctx context.Context) error {
	if c.fault.harmless {
		return errors.Join(c.senders[near].Ready(), c.senders[far].Ready())
	}
	return c.Journal.Await(ctx, "the nodes notice", func([]witness.Entry) error {
		for name, s := range c.senders {
			if name == near && !c.fault.both {
				continue
			}
			if said := fmt.Sprint(s.Ready()); !strings.Contains(said, "the link to the broker has been down") {
				return fmt.Errorf("of its broken link %s says: %s", name, said)
			}
		}
		return nil
	})
}

// judge finds what is promised beyond the delivery. Nothing foreign comes, and the driver hands nothing on twice. Send fails with
// the error that says so, or has published. Where only far is cut off, near's sends go on, and far has no gap where all that is
// sent is kept: packets to one node need not be.
func (c *trial) judge() {
	for name, s := range c.senders {
		stats := s.Stats()
		if stats.Foreign > 0 || stats.Duplicates > 0 {
			c.expect(fmt.Errorf("to %s came %d foreign messages and %d duplicates", name, stats.Foreign, stats.Duplicates))
		}
	}
	keepsAll := c.can.Durable && c.can.Routing == sender.RouteNothing
	for _, e := range c.Journal.All() {
		failed := e.Text != ""
		switch {
		case e.Kind == witness.Sent && (failed == e.Receipt.Published || failed && !strings.Contains(e.Text, sender.ErrNotPublished.Error())):
			c.expect(fmt.Errorf("of %s Send returned %+v and the error %q", e.Message, e.Receipt, e.Text))
		case c.fault.both:
		case e.Kind == witness.Sent && e.Place.Node == near && failed:
			c.expect(fmt.Errorf("%s failed, whose link was whole: %s", e.Message, e.Text))
		case e.Kind == witness.Gapped && e.Place.Node == far && keepsAll:
			c.expect(fmt.Errorf("far reports the gap %+v, where all was kept for it", e.Gap))
		}
	}
}
