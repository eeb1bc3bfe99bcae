package rocketmq_test

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// BenchmarkSend sends from one node to another, so many at a time, each of which
// waits for RocketMQ. It ends when all have arrived. p50-µs is what half of the
// sends took at most.
func BenchmarkSend(b *testing.B) {
	for _, senders := range []int{1, 16, 256} {
		b.Run("senders="+strconv.Itoa(senders), func(b *testing.B) {
			config := settings(shared.Address, fresh())
			var nodes []*sender.Cluster
			for _, name := range []string{"near", "far"} {
				manager, err := websocket.NewSessionManager(name)
				if err != nil {
					b.Fatal(err)
				}
				node, err := sender.NewCluster(b.Context(), open(b, config, name), manager, "", sender.ClusterOptions{})
				if err != nil {
					b.Fatal(err)
				}
				defer node.Shutdown(b.Context())
				nodes = append(nodes, node)
			}
			near, far := nodes[0], nodes[1]
			message := websocket.Message{Type: "benchmark", Content: make([]byte, 256)}
			took := make([]time.Duration, b.N)
			var next atomic.Int64
			var running sync.WaitGroup
			b.ResetTimer()
			for range senders {
				running.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						began := time.Now()
						if _, err := near.Send(b.Context(), websocket.ToAll(), message); err != nil {
							b.Error(err)
							return
						}
						took[i-1] = time.Since(began)
					}
				})
			}
			running.Wait()
			for far.Stats().Received < uint64(b.N) && !b.Failed() {
				<-time.After(100 * time.Microsecond)
			}
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "arrivals/s")
		})
	}
}
