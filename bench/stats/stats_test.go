package stats_test

import (
	"slices"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/bench/stats"
)

func TestQuantilesAreWithinAStepAbove(t *testing.T) {
	var h stats.Histogram
	for i := 1; i <= 100_000; i++ {
		h.Add(time.Duration(i) * time.Microsecond)
	}
	for _, test := range []struct {
		q    float64
		want time.Duration
	}{{0, time.Microsecond}, {0.5, 50 * time.Millisecond}, {0.99, 99 * time.Millisecond}, {1, 100 * time.Millisecond}} {
		if got := h.Quantile(test.q); got < test.want || got > test.want+test.want/64+1 {
			t.Errorf("quantile %v is %v, want %v", test.q, got, test.want)
		}
	}
	if h.Count() != 100_000 {
		t.Errorf("count %d", h.Count())
	}
}

func TestHistogramTakesEveryDuration(t *testing.T) {
	var empty, h stats.Histogram
	if got := empty.Quantile(0.5); got != 0 {
		t.Errorf("empty: %v", got)
	}
	for _, d := range []time.Duration{-1, 0, 1, 63, 64, 65, 127, 128, 1<<63 - 1} {
		h = stats.Histogram{}
		h.Add(d)
		if got := h.Quantile(1); got < d || d > 0 && got-d > d/64 {
			t.Errorf("%d is counted as up to %d", d, got)
		}
	}
}

func TestSample(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   stats.Sample
	}{
		{nil, stats.Sample{}},
		{[]float64{3}, stats.Sample{Median: 3, Min: 3, Max: 3, N: 1}},
		{[]float64{9, 1, 2}, stats.Sample{Median: 2, Min: 1, Max: 9, N: 3}},
		{[]float64{4, 1, 2, 3}, stats.Sample{Median: 2.5, Min: 1, Max: 4, N: 4}},
	} {
		if got := stats.Of(test.values); got != test.want {
			t.Errorf("%v: %+v, want %+v", test.values, got, test.want)
		}
	}
}

func TestRatiosPairRounds(t *testing.T) {
	ratios := stats.Ratios(map[int]float64{1: 2, 2: 9, 3: 1}, map[int]float64{1: 4, 3: 0, 4: 8})
	if !slices.Equal(ratios, []float64{0.5}) {
		t.Errorf("ratios %v: only round 1 has both", ratios)
	}
}
