package sender

import (
	"fmt"
	"sync"
	"time"
)

// health is what a node knows of its link to the broker.
type health struct {
	patience time.Duration // how long an own envelope may stay away

	mu        sync.Mutex
	hasLinked bool      // the node has been linked once
	down      time.Time // since when the driver says that the link is down; zero: it is up
	unproven  time.Time // since when, in that break, packets can have been missed
	why       error
	up        time.Time // when the driver last said that it is up again
	gap       time.Time // when a gap was last noticed
	came      time.Time // when an own envelope last came back
	sent      time.Time // when that had been sent
	absent    time.Time // since when none has come back, where that is reported
	told      bool      // the log knows that the node is not ready
	nextLog   time.Time // when a gap is logged again
}

// connected notes that the node is linked for the first time.
func (h *health) connected(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hasLinked = true
	h.down = time.Time{}
	h.came, h.sent = now, now
}

// reached reports whether the node has ever been linked.
func (h *health) reached() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hasLinked
}

// broke notes that the link is down, and why.
func (h *health) broke(err error, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down.IsZero() {
		// A half-open link loses before the driver notices: what is certain ends with
		// the last own envelope, or with the break before. Own envelopes that come
		// before the driver says that the link is up prove nothing of this.
		h.down, h.unproven = now, h.came
		if h.up.After(h.unproven) {
			h.unproven = h.up
		}
		if !h.absent.IsZero() {
			h.unproven = h.absent
		}
	}
	h.why = err
}

// mended notes that the driver holds the link to be up again. It returns since
// when packets can have been missed, and false where the link was not down. Where
// they are lost that is a gap, so that the node is not ready in between.
func (h *health) mended(lossy bool, now time.Time) (since time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ok = !h.down.IsZero()
	if ok && lossy {
		h.gap = now
	}
	h.down, h.up, h.absent = time.Time{}, now, time.Time{}
	return h.unproven, ok
}

// proven notes that an own envelope came back. Where its absence was reported it
// returns since when: until now packets can have been missed.
func (h *health) proven(sent, came time.Time) (since time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.came = came
	if sent.After(h.sent) {
		h.sent = sent
	}
	since = h.absent
	h.absent = time.Time{}
	return since, !since.IsZero()
}

// lost reports, once for each time, that own envelopes do not come back though
// the driver holds the link to be up, and since when.
func (h *health) lost(now time.Time) (since time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	since = h.came
	if h.up.After(since) {
		since = h.up // they have not had their time yet
	}
	if !h.absent.IsZero() || !h.down.IsZero() || now.Sub(since) <= h.patience {
		return time.Time{}, false
	}
	h.absent = since
	return since, true
}

// missed notes a gap, and reports whether it is to be logged.
func (h *health) missed(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gap = now
	if now.Before(h.nextLog) {
		return false
	}
	h.nextLog = now.Add(time.Second)
	return true
}

// linked returns why this node may not hear what is sent at now; nil where it
// does.
func (h *health) linked(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.link(now)
}

// link is linked under the lock.
func (h *health) link(now time.Time) error {
	switch {
	case !h.hasLinked:
		return fmt.Errorf("the broker has not been reached since the start at %s: %w", h.down.Format(time.RFC3339), h.why)
	case !h.down.IsZero():
		return fmt.Errorf("the link to the broker has been down since %s: %w", h.down.Format(time.RFC3339), h.why)
	case now.Sub(h.came) > h.patience:
		return fmt.Errorf("nothing has come back through the broker since %s", h.came.Format(time.RFC3339))
	}
	return nil
}

// ready returns why the link cannot be trusted at now; nil where it can.
func (h *health) ready(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.trust(now)
}

// trust is ready under the lock.
func (h *health) trust(now time.Time) error {
	if err := h.link(now); err != nil {
		return err
	}
	if !h.gap.Before(h.sent) {
		return fmt.Errorf("messages were missed at %s and the link is not proven again", h.gap.Format(time.RFC3339))
	}
	return nil
}

// news reports whether the link has just become one that cannot be trusted, or
// ceased to be, and why.
func (h *health) news(now time.Time) (changed bool, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	why = h.trust(now)
	changed = h.told != (why != nil)
	h.told = why != nil
	return changed, why
}
