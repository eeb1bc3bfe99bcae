package rabbitmq_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// BenchmarkSend sends from one node to another, from one goroutine and from many,
// and reports the median of how long Send took.
func BenchmarkSend(b *testing.B) {
	for name, persistent := range map[string]bool{"persistent": true, "transient": false} {
		for senders, label := range map[int]string{1: "1 sender", 64: "64 senders", 512: "512 senders"} {
			b.Run(name+"/"+label, func(b *testing.B) { benchmarkSend(b, persistent, senders) })
		}
	}
}

func benchmarkSend(b *testing.B, persistent bool, senders int) {
	config := configured(server.Address, app(b))
	config.Persistent = persistent
	var clusters []*sender.Cluster
	for _, node := range []string{"near", "far"} {
		manager, err := websocket.NewSessionManager(node)
		if err != nil {
			b.Fatal(err)
		}
		cluster, err := sender.NewCluster(b.Context(), open(b, config, node), manager, "", sender.ClusterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		clusters = append(clusters, cluster)
	}
	near, far := clusters[0], clusters[1]
	message := websocket.Message{Type: "benchmark", Content: make([]byte, 256)}
	took := make([]time.Duration, b.N)
	var sending sync.WaitGroup
	b.ResetTimer()
	for first := range senders {
		sending.Go(func() {
			for i := first; i < b.N; i += senders {
				began := time.Now()
				if _, err := near.Send(b.Context(), websocket.ToAll(), message); err != nil {
					b.Error(err)
				}
				took[i] = time.Since(began)
			}
		})
	}
	sending.Wait()
	sent := b.Elapsed()
	for far.Stats().Received < uint64(b.N) {
		<-time.After(time.Millisecond)
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/sent.Seconds(), "sends/s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "received/s")
	b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-µs")
	for _, cluster := range clusters {
		if err := cluster.Shutdown(b.Context()); err != nil {
			b.Error(err)
		}
	}
}
