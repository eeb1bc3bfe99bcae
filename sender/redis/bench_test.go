package redis_test

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// BenchmarkSend sends from one node to the session of a user on another, through
// a real Redis, so many at a time, each of which waits for Redis. It ends when
// all have arrived at the client. p50-µs is what half of the sends took at most,
// arrived-µs the time from a send to its arrival, where one is under way at a
// time.
func BenchmarkSend(b *testing.B) {
	for _, mode := range bothModes {
		for _, senders := range []int{1, 16, 256} {
			b.Run(string(mode)+"/senders="+strconv.Itoa(senders), func(b *testing.B) {
				s := settings(shared.Address, fresh(), mode)
				n1, n2 := startNode(b, s, "n1", nil), startNode(b, s, "n2", nil)
				n1.say(b, "warm-up")
				n2.await(b, "warm-up")
				to := websocket.ToUser(websocket.Admin, "n2")
				took := make([]time.Duration, b.N)
				var next atomic.Int64
				var running sync.WaitGroup
				b.ResetTimer()
				for range senders {
					running.Go(func() {
						for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
							began := time.Now()
							if _, err := n1.send(b.Context(), to, "x"); err != nil {
								b.Error(err)
								return
							}
							took[i-1] = time.Since(began)
						}
					})
				}
				running.Wait()
				n1.say(b, "the end")
				n2.await(b, "the end") // all of them have arrived, in order
				b.StopTimer()
				if got := len(n2.arrivals()) - 2; got != b.N {
					b.Fatalf("%d of %d arrived", got, b.N)
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "arrivals/s")
				if senders == 1 {
					b.ReportMetric(float64(arrival50(b, n1, n2).Nanoseconds())/1e3, "arrived-µs")
				}
			})
		}
	}
}

// arrival50 returns half of the times from a send to the client of another node.
func arrival50(b *testing.B, from, to *node) time.Duration {
	took := make([]time.Duration, 200)
	for i := range took {
		text := "arrival " + strconv.Itoa(i)
		began := time.Now()
		if _, err := from.send(b.Context(), websocket.ToUser(websocket.Admin, to.name), text); err != nil {
			b.Fatal(err)
		}
		to.await(b, text)
		all := to.arrivals()
		took[i] = all[len(all)-1].at.Sub(began)
	}
	slices.Sort(took)
	return took[len(took)/2]
}
