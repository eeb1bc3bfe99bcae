package stats

import "slices"

// A Sample is what several rounds measured of one thing.
type Sample struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	N      int     `json:"n"`
}

// Of returns the sample of values; the zero Sample for none.
func Of(values []float64) Sample {
	if len(values) == 0 {
		return Sample{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Sample{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1], N: len(sorted)}
}

// Ratios divides what one round measured of the one by what the same round measured of the other. A round that lacks either
// is left out. Drift of the machine between rounds cancels out in them.
func Ratios(of, to map[int]float64) []float64 {
	var ratios []float64
	for round, value := range of {
		if base := to[round]; base > 0 {
			ratios = append(ratios, value/base)
		}
	}
	return ratios
}
