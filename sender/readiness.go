package sender

import (
	"errors"
	"runtime/debug"
	"time"
)

// Ready implements Sender. It returns why this node may miss messages of others,
// or others its own; nil where the link to the broker is proven: the driver holds
// it to be up, this node's own probes come back, and one has that was sent since
// the last gap.
func (c *Cluster) Ready() error {
	if c.closed.Load() {
		return ErrClosed
	}
	return c.health.ready(time.Now())
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
	since, ok := c.health.mended(c.loses(), time.Now())
	if !ok {
		return
	}
	c.counts.reconnects.Add(1)
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
	if c.health.missed(time.Now()) {
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
	switch changed, why := c.health.news(now); {
	case changed && why != nil:
		c.log.Warn("link to the broker is not proven", "error", why)
	case changed:
		c.log.Info("link to the broker is proven again")
	}
}
