package pairs

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchboard-go/switchboard/bench/stats"
)

// users is how many users, and sockets, B has.
const users = 100

// defaultWindow is how many messages may be under way between A and the receiver.
const defaultWindow = 16 << 10

// A link is A's side of a pair. send returns when the broker has acknowledged
// the messages, the i-th for user to[i]. It is called by many goroutines.
type link interface {
	send(ctx context.Context, to []uint16, messages [][]byte) error
	close() error
}

// Sent is what A has done in a round.
type Sent struct {
	Count  int64
	Failed int64
	First  string        // error
	Began  int64         // unix nanoseconds
	Acked  time.Duration // half of the sends of a pace were acknowledged within it
}

// flood sends as much as the link and the window allow: from so many goroutines,
// so many messages at a time from each.
func flood(ctx context.Context, l link, b *board, o order) Sent {
	var (
		s       Sent
		mu      sync.Mutex
		count   atomic.Int64
		sending sync.WaitGroup
	)
	s.Began = now()
	senders, batch, window := o.Senders, o.Batch, int64(o.Window)
	deadline := time.Now().Add(o.For)
	for lane := range senders {
		sending.Go(func() {
			to, messages := make([]uint16, batch), make([][]byte, batch)
			user := lane % users
			for seq := uint32(1); time.Now().Before(deadline); {
				for count.Load()-b.arrived.Load() > window {
					time.Sleep(100 * time.Microsecond)
					if time.Now().After(deadline) {
						return
					}
				}
				count.Add(int64(batch))
				for i := range batch {
					to[i] = uint16(user)
					messages[i] = stamp{lane: uint16(lane), user: uint16(user), seq: seq, sent: now()}.message()
					seq++
					user = (user + 1) % users
				}
				if err := l.send(ctx, to, messages); err != nil {
					mu.Lock()
					if s.Failed += int64(batch); s.First == "" {
						s.First = err.Error()
					}
					mu.Unlock()
				}
			}
		})
	}
	sending.Wait()
	s.Count = count.Load()
	return s
}

// pace sends so many messages a second, one at a time, whatever the link does.
func pace(ctx context.Context, l link, rate int, d time.Duration) Sent {
	const lanes = 128
	s := Sent{Began: now()}
	var (
		mu      sync.Mutex
		acked   stats.Histogram
		sending sync.WaitGroup
		work    [lanes]chan stamp
	)
	total := int(d.Seconds() * float64(rate))
	for lane := range work {
		work[lane] = make(chan stamp, total)
		sending.Go(func() {
			for m := range work[lane] {
				err := l.send(ctx, []uint16{m.user}, [][]byte{m.message()})
				mu.Lock()
				acked.Add(time.Duration(now() - m.sent))
				if err != nil {
					if s.Failed++; s.First == "" {
						s.First = err.Error()
					}
				}
				mu.Unlock()
			}
		})
	}
	began := time.Now()
	for i := range total {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		lane := i % lanes
		work[lane] <- stamp{lane: uint16(lane), user: uint16(i % users), seq: uint32(i + 1), sent: now()}
	}
	for _, lane := range work {
		close(lane)
	}
	sending.Wait()
	s.Count, s.Acked = int64(total), acked.Quantile(0.5)
	return s
}
