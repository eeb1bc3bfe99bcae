package kafka

import (
	"context"
	"errors"
	"sync"
	"time"
)

// watchInterval is how often a node looks for new partitions.
const watchInterval = 2 * time.Second

// partitions are those that are read.
type partitions struct {
	mu  sync.Mutex
	ids map[int32]bool
}

func (p *partitions) init() { p.ids = make(map[int32]bool) }

// add reports whether a partition was not there yet.
func (p *partitions) add(id int32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	added := !p.ids[id]
	p.ids[id] = true
	return added
}

func (p *partitions) remove(id int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ids, id)
}

// subscribe begins to read every partition from its end.
func (b *Broker) subscribe(ctx context.Context) error {
	c, err := b.dialer.any(ctx, b.config.Brokers)
	if err != nil {
		return err
	}
	defer c.close()
	l, err := b.layout(ctx, c)
	if err != nil {
		return err
	}
	if err := b.checkLimit(ctx, c); err != nil {
		return err
	}
	var (
		found      []*partition
		connecting sync.WaitGroup
		failures   = make(chan error, len(l.leaders))
	)
	for id := range l.leaders {
		p := &partition{b: b, id: id, next: atEnd}
		found = append(found, p)
		connecting.Go(func() { failures <- p.connect(ctx, l) })
	}
	connecting.Wait()
	close(failures)
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	for _, p := range found {
		if err != nil {
			p.disconnect()
			continue
		}
		b.reading.add(p.id)
		b.receiving.Go(p.run)
	}
	if err == nil {
		b.receiving.Go(b.watch)
	}
	return err
}

// watch looks for new partitions, until Close. Its errors are those that the
// partitions that are read meet, too.
func (b *Broker) watch() {
	var c *conn
	for {
		wait(b.open, watchInterval)
		if b.open.Err() != nil {
			break
		}
		if c == nil {
			c, _ = b.dialer.any(b.open, b.config.Brokers)
		}
		if c == nil {
			continue
		}
		l, err := b.layout(b.open, c)
		if c.broken {
			c.close()
			c = nil
		}
		if err != nil {
			continue
		}
		for id := range l.leaders {
			if b.reading.add(id) {
				p := &partition{b: b, id: id, next: atStart}
				b.receiving.Go(p.run)
			}
		}
	}
	if c != nil {
		c.close()
	}
}
