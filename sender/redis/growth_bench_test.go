//go:build unix

package redis_test

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// BenchmarkGrowth sends from one node of a cluster in this process, through a
// real Redis, to the user of another and to all, from 16 goroutines. cpu-µs is
// the processor time of this process for each send, the clients' included, and
// redis-µs that of Redis; cpu-µs/node is the former for each node that has a
// session which takes the message.
func BenchmarkGrowth(b *testing.B) {
	for _, count := range clusterSizes {
		b.Run("nodes="+strconv.Itoa(count), func(b *testing.B) {
			nodes := startNodes(b, count)
			b.Run("user", func(b *testing.B) {
				benchSends(b, nodes[0], websocket.ToUser(websocket.Admin, "n1"), nodes[1:2])
			})
			b.Run("all", func(b *testing.B) { benchSends(b, nodes[0], websocket.ToAll(), nodes) })
		})
	}
}

// benchSends sends rounds of messages, each of which has arrived before the next.
func benchSends(b *testing.B, from *node, to websocket.Target, takers []*node) {
	const senders, round = 16, 256
	arrivals := make([]int, len(takers))
	for i, n := range takers {
		arrivals[i] = len(n.arrivals())
	}
	cpu, redisCPU := processTime(b), redisTime(b)
	b.ResetTimer()
	for sent := 0; sent < b.N; {
		size := min(round, b.N-sent)
		var (
			next    atomic.Int64
			running sync.WaitGroup
		)
		for range senders {
			running.Go(func() {
				for next.Add(1) <= int64(size) {
					if _, err := from.send(b.Context(), to, "x"); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		running.Wait()
		sent += size
		for i, n := range takers {
			awaitArrivals(b, n, arrivals[i]+sent)
		}
	}
	b.StopTimer()
	perSend := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(b.N) }
	cpu = processTime(b) - cpu
	b.ReportMetric(perSend(cpu), "cpu-µs")
	b.ReportMetric(perSend(cpu)/float64(len(takers)), "cpu-µs/node")
	b.ReportMetric(perSend(redisTime(b)-redisCPU), "redis-µs")
}

// processTime returns the processor time that this process has taken.
func processTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// redisTime returns the processor time that Redis has taken.
func redisTime(b *testing.B) time.Duration {
	info, err := client(b, shared.Address).Info(b.Context(), "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	var total time.Duration
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			taken, err := time.ParseDuration(value + "s")
			if err != nil {
				b.Fatal(err)
			}
			total += taken
		}
	}
	return total
}
