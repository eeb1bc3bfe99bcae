package websocket

import (
	"sync"
	"sync/atomic"
)

// dispatchers are the goroutines that run inboxes, one for each that has
// something to dispatch. Some that have nothing to do are kept: decoding and
// listeners need more stack than a goroutine begins with, and growing it anew
// for each message costs more than the rest of the way.
type dispatchers struct {
	stop    <-chan struct{} // none is kept after it
	running sync.WaitGroup
	work    chan *inbox // to one that has nothing to do
	idle    atomic.Int64
}

// keptDispatchers is how many goroutines without work a server keeps.
const keptDispatchers = 64

func newDispatchers(stop <-chan struct{}) *dispatchers {
	return &dispatchers{stop: stop, work: make(chan *inbox)}
}

// run has a goroutine run b.
func (d *dispatchers) run(b *inbox) {
	select {
	case d.work <- b:
	default:
		d.running.Go(func() { d.loop(b) })
	}
}

func (d *dispatchers) loop(b *inbox) {
	for {
		b.run()
		if d.idle.Add(1) > keptDispatchers {
			d.idle.Add(-1)
			return
		}
		select {
		case b = <-d.work:
			d.idle.Add(-1)
		case <-d.stop:
			return
		}
	}
}
