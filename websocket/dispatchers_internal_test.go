package websocket

import (
	"runtime"
	"sync"
	"testing"
)

// waitingDispatch is the owner of an inbox that dispatches until it is released.
type waitingDispatch struct {
	released <-chan struct{}
	running  sync.WaitGroup
}

func (w *waitingDispatch) dispatch(event) { <-w.released }
func (w *waitingDispatch) began()         { w.running.Add(1) }
func (w *waitingDispatch) ended()         { w.running.Done() }

// However many dispatch at once, none waits for another, and after it no more
// are kept than may be; they are used again, and a stop ends them.
func TestDispatchersAreKeptWithinBounds(t *testing.T) {
	stop := make(chan struct{})
	d := newDispatchers(stop)
	for range 2 {
		release := make(chan struct{})
		owner := &waitingDispatch{released: release}
		for range 3 * keptDispatchers {
			b := &inbox{owner: owner, limits: &Limits{InboxMessages: 1}, dispatchers: d}
			b.message(Message{})
		}
		close(release)
		owner.running.Wait()
		for d.idle.Load() != keptDispatchers {
			runtime.Gosched()
		}
	}
	close(stop)
	d.running.Wait()
}
