package rabbitmq

import "sync"

// maxRoutes bounds the nodes that a publisher remembers. Past it all are
// forgotten, and a packet that is then missing is not noticed.
const maxRoutes = 4096

// routes are the last packets to one node each, which is what a packet's stamp
// says of the one before it. All methods are safe for concurrent use.
type routes struct {
	mu sync.Mutex
	of map[string]*route
}

type route struct {
	underWay int    // packets that have no answer yet
	last     uint64 // that was written
	has      uint64 // the last that the broker has confirmed
}

// add notes that a packet to a node is about to be written, and returns the
// number of the one before it. While that is under way it counts; what was
// refused or given up does not, as its sender was told, and no receiver is to
// report it again.
func (r *routes) add(node string, number uint64) (to *route, previous uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	to = r.of[node]
	if to == nil {
		if r.of == nil || len(r.of) >= maxRoutes {
			r.of = make(map[string]*route)
		}
		to = &route{}
		r.of[node] = to
	}
	previous = to.has
	if to.underWay > 0 {
		previous = to.last
	}
	to.underWay++
	to.last = number
	return to, previous
}

// settle notes what became of a packet that was added. A nil route is none.
func (r *routes) settle(to *route, number uint64, confirmed bool) {
	if to == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	to.underWay--
	if confirmed {
		to.has = max(to.has, number)
	}
}
