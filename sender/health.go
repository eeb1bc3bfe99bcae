package sender

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// health is what a node knows of its link to the broker.
type health struct {
	patience time.Duration // how long an own envelope may stay away

	mu      sync.Mutex
	down    time.Time // since when the driver says that the link is down; zero: it is up
	why     error
	gap     time.Time // when a gap was last noticed
	came    time.Time // when an own envelope last came back
	sent    time.Time // when that had been sent
	absent  bool      // the absence of own envelopes is reported
	told    bool      // the log knows that the node is not ready
	nextLog time.Time
}

// proven notes that an own envelope came back.
func (h *health) proven(sent, came time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.came = came
	h.absent = false
	if sent.After(h.sent) {
		h.sent = sent
	}
}

// ready returns why the link cannot be trusted at now; nil where it can.
func (h *health) ready(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reason(now)
}

// reason is ready under the lock.
func (h *health) reason(now time.Time) error {
	switch {
	case !h.down.IsZero():
		return fmt.Errorf("the link to the broker has been down since %s: %w", h.down.Format(time.RFC3339), h.why)
	case now.Sub(h.came) > h.patience:
		return fmt.Errorf("nothing has come back through the broker since %s", h.came.Format(time.RFC3339))
	case !h.gap.Before(h.sent):
		return fmt.Errorf("messages were missed at %s and the link is not proven again", h.gap.Format(time.RFC3339))
	}
	return nil
}

// lost reports, once for each time, that own envelopes do not come back though
// the driver holds the link to be up, and since when.
func (h *health) lost(now time.Time) (since time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.absent || !h.down.IsZero() || now.Sub(h.came) <= h.patience {
		return time.Time{}, false
	}
	h.absent = true
	return h.came, true
}

// Ready returns why this node may miss messages of others, or others its own;
// nil where the link to the broker is proven: the driver holds it to be up, this
// node's own probes come back, and one has since the last gap.
func (c *Cluster) Ready() error {
	if c.closed.Load() {
		return ErrClosed
	}
	return c.health.ready(time.Now())
}

// broke notes that the link is down, and why.
func (h *health) broke(err error, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down.IsZero() {
		h.down = now
	}
	h.why = err
}

// connected notes that the node is linked for the first time.
func (h *health) connected(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = time.Time{}
	h.came, h.sent = now, now
}

func (c *Cluster) linkDown(err error) {
	if err == nil {
		err = errNoReason
	}
	c.health.broke(err, time.Now())
	c.report(time.Now())
}

var errNoReason = errors.New("the driver gives no reason")

func (c *Cluster) linkUp() {
	c.counts.reconnects.Add(1)
	h := &c.health
	h.mu.Lock()
	since := h.down
	h.down = time.Time{}
	h.mu.Unlock()
	if since.IsZero() {
		return
	}
	if c.loses() {
		c.gap(Gap{Since: since, Reason: "the link to the broker was broken"})
	}
}

// loses reports whether messages can be lost in a break without a gap in the
// numbers. What a durable broker has kept is read after the break, but packets
// to some nodes only are not numbered, so the break is all that tells of them.
func (c *Cluster) loses() bool { return !c.can.Durable || c.can.Routing != RouteNothing }

// gap counts, logs and reports a gap.
func (c *Cluster) gap(g Gap) {
	c.counts.gaps.Add(1)
	c.counts.missing.Add(g.Missing)
	now := time.Now()
	h := &c.health
	h.mu.Lock()
	h.gap = now
	quiet := now.Before(h.nextLog)
	if !quiet {
		h.nextLog = now.Add(time.Second)
	}
	h.mu.Unlock()
	if !quiet {
		c.log.Warn("messages of other nodes may be missing", "origin", g.Origin, "missing", g.Missing, "since", g.Since, "reason", g.Reason)
	}
	c.tell(g)
}

// tell calls the hook, one call at a time, and contains its panics.
func (c *Cluster) tell(g Gap) {
	if c.options.OnGap == nil {
		return
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	defer func() {
		if value := recover(); value != nil {
			c.log.Error("gap hook panicked", "panic", value, "stack", string(debug.Stack()))
		}
	}()
	c.options.OnGap(g)
}

// report logs when the node becomes ready or ceases to be.
func (c *Cluster) report(now time.Time) {
	h := &c.health
	h.mu.Lock()
	err := h.reason(now)
	changed := h.told != (err != nil)
	h.told = err != nil
	h.mu.Unlock()
	switch {
	case changed && err != nil:
		c.log.Warn("link to the broker is not proven", "error", err)
	case changed:
		c.log.Info("link to the broker is proven again")
	}
}
