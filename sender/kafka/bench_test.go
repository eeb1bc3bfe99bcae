package kafka_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkPublish has one node publish batches of so many packets of 200 bytes,
// one batch after the other, and another receive them. p50-µs is what half of the
// publishes took at most, arrived-µs the same from the publish to the arrival of a
// batch's last packet.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{1, 32, 1024} {
		b.Run("batch="+strconv.Itoa(size), func(b *testing.B) {
			c := settings(fresh())
			from, to := open(b, c, "n1"), subscribed(b, c, "n2")
			batch := packets(slices.Repeat([]string{strings.Repeat("x", 200)}, size)...)
			published, arrived := make([]time.Duration, b.N), make([]time.Duration, b.N)
			publish(b, from, "warm-up")
			expect(b, to, "warm-up")
			for i := range b.N {
				began := time.Now()
				if err := from.Publish(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				published[i] = time.Since(began)
				for range batch {
					next(b, to)
				}
				arrived[i] = time.Since(began)
			}
			b.StopTimer()
			slices.Sort(published)
			slices.Sort(arrived)
			b.ReportMetric(float64(published[b.N/2].Nanoseconds())/1e3, "p50-µs")
			b.ReportMetric(float64(arrived[b.N/2].Nanoseconds())/1e3, "arrived-µs")
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}
