package redis

import "sync"

// channels is what a node subscribes to: what is wanted, and what the present
// connection has been told. Only the last wish for a channel counts, so that
// what waits is bounded by what is wanted and what is had.
type channels struct {
	// changed has a token when next may have something.
	changed chan struct{}

	mu sync.Mutex
	// own are the channels that are never given up.
	own   []string
	taken map[string]channel
	// queue has each channel that is not as wanted, once.
	queue []string
	// linked: there is a connection to tell.
	linked bool
}

// channel is how a channel stands.
type channel struct {
	wanted, had, queued bool
}

func (c *channels) init(own ...string) {
	c.changed = make(chan struct{}, 1)
	c.own = own
	c.taken = make(map[string]channel)
}

// take says whether a channel is wanted.
func (c *channels) take(name string, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.taken[name]
	state.wanted = on
	if !c.linked {
		if on {
			c.taken[name] = state
		} else {
			delete(c.taken, name)
		}
		return
	}
	if !state.queued {
		if state.wanted == state.had {
			return
		}
		state.queued = true
		c.queue = append(c.queue, name)
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
	c.taken[name] = state
}

// link begins with a new connection and returns what it is to be told, all of
// what is wanted.
func (c *channels) link() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.linked = true
	all := make([]string, 0, len(c.own)+len(c.taken))
	all = append(all, c.own...)
	for name := range c.taken {
		c.taken[name] = channel{wanted: true, had: true}
		all = append(all, name)
	}
	return all
}

// unlink forgets the connection.
func (c *channels) unlink() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.linked = false
	c.queue = nil
	for name, state := range c.taken {
		if state.wanted {
			c.taken[name] = channel{wanted: true}
		} else {
			delete(c.taken, name)
		}
	}
}

// next returns what the connection is to be told next, at most limit channels;
// both are empty where it has been told everything.
func (c *channels) next(limit int) (on, off []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) > 0 && len(on)+len(off) < limit {
		name := c.queue[0]
		c.queue = c.queue[1:]
		state := c.taken[name]
		state.queued = false
		switch {
		case state.wanted && !state.had:
			on = append(on, name)
		case !state.wanted && state.had:
			off = append(off, name)
		}
		state.had = state.wanted
		if state.wanted {
			c.taken[name] = state
		} else {
			delete(c.taken, name)
		}
	}
	return on, off
}
