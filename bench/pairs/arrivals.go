package pairs

import (
	"slices"
	"sync"
	"time"
)

// arrivals is what one round brings to the receiver: a raw client's, or that of
// the load generator's sockets.
type arrivals struct {
	board *board

	mu       sync.Mutex
	round    int
	count    int64
	wrong    int64 // came twice, out of order, or to another user
	last     int64 // when the last one came
	latency  []int64
	sampling bool
}

// begin begins a round. In one that samples, each message's latency is kept.
func (a *arrivals) begin(sampling bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.round++
	a.count, a.wrong, a.last = 0, 0, 0
	a.latency, a.sampling = nil, sampling
	a.board.arrived.Store(0)
}

// A stream is what one socket or one raw client receives, used by one goroutine.
type stream struct {
	a     *arrivals
	user  int // whose socket it is; negative for all users'
	round int
	last  map[uint32]uint32 // by lane, and user where it is for all
}

func (a *arrivals) stream(user int) *stream { return &stream{a: a, user: user} }

// take notes the stamps in what has been received at a time.
func (s *stream) take(b ...[]byte) {
	at := now()
	var count, wrong int64
	var latency []int64
	s.a.mu.Lock()
	if s.round != s.a.round {
		s.round, s.last = s.a.round, make(map[uint32]uint32)
	}
	sampling := s.a.sampling
	s.a.mu.Unlock()
	for _, rest := range b {
		for {
			m, after, ok := nextStamp(rest)
			if !ok {
				break
			}
			rest = after
			key := uint32(m.lane)<<16 | uint32(m.user)
			if m.seq <= s.last[key] || s.user >= 0 && int(m.user) != s.user {
				wrong++
			}
			s.last[key] = m.seq
			count++
			if sampling {
				latency = append(latency, at-m.sent)
			}
		}
	}
	if count == 0 {
		return
	}
	s.a.mu.Lock()
	s.a.count += count
	s.a.wrong += wrong
	s.a.last = max(s.a.last, at)
	s.a.latency = append(s.a.latency, latency...)
	s.a.board.arrived.Store(s.a.count)
	s.a.mu.Unlock()
}

// Arrived is what a round has brought.
type Arrived struct {
	Count, Wrong int64
	Last         int64 // unix nanoseconds
	P50, P99     time.Duration
}

// await waits until so many have come, or nothing has for as long as patience.
func (a *arrivals) await(count int64, patience time.Duration) Arrived {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	seen, since := int64(-1), time.Now()
	for {
		a.mu.Lock()
		if a.count != seen {
			seen, since = a.count, time.Now()
		}
		if a.count >= count || time.Since(since) > patience {
			defer a.mu.Unlock()
			r := Arrived{Count: a.count, Wrong: a.wrong, Last: a.last}
			if len(a.latency) > 0 {
				slices.Sort(a.latency)
				r.P50 = time.Duration(a.latency[len(a.latency)/2])
				r.P99 = time.Duration(a.latency[len(a.latency)*99/100])
			}
			return r
		}
		a.mu.Unlock()
		<-ticker.C
	}
}
