package stats

import (
	"math/bits"
	"time"
)

// subBuckets is into how many parts each power of two is cut, so that a quantile is at most 1/64 too high.
const subBuckets = 64

// A Histogram counts durations in buckets that grow with them. Its zero value is empty.
type Histogram struct {
	counts [64 * subBuckets]uint64
	total  uint64
}

// Add counts d; a negative one, from a clock that was set back, as 0.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.total++
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.total }

// Quantile returns the smallest bound that the share q (0 to 1) of the durations is within; 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	need := max(uint64(q*float64(h.total)+0.5), 1)
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= need {
			return time.Duration(bound(i))
		}
	}
	return 0
}

// bucket numbers the values below subBuckets by themselves, and each power of two above in subBuckets steps.
func bucket(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - 7 // leaves subBuckets <= v>>shift < 2*subBuckets
	return shift*subBuckets + int(v>>shift)
}

// bound is the largest value of bucket i.
func bound(i int) uint64 {
	if i < 2*subBuckets {
		return uint64(i)
	}
	shift := i/subBuckets - 1
	return uint64(i-shift*subBuckets+1)<<shift - 1
}
