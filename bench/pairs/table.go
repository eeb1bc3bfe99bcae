package pairs

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Table returns the medians of the rounds, with the least and the most, and
// ratios of ours to the others, each of one and the same round.
func Table(rounds []Round) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "pair\tmessages/s\tA+B µs\tA\tB\tbroker\tload\tp50 ms\tp99 ms\tlost, wrong")
	for _, name := range names(rounds) {
		of := of(rounds, name)
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\n", name,
			spread(of, "%.0f", func(r Round) float64 { return r.Rate }),
			spread(of, "%.2f", func(r Round) float64 { return micros(r.A + r.B) }),
			middle(of, "%.2f", func(r Round) float64 { return micros(r.A) }),
			middle(of, "%.2f", func(r Round) float64 { return micros(r.B) }),
			middle(of, "%.2f", func(r Round) float64 { return micros(r.Broker) }),
			middle(of, "%.2f", func(r Round) float64 { return micros(r.Load) }),
			spread(of, "%.3f", func(r Round) float64 { return millis(r.P50) }),
			middle(of, "%.3f", func(r Round) float64 { return millis(r.P99) }),
			sum(of, func(r Round) float64 { return float64(r.Lost + r.Wrong + r.Failed) }))
	}
	_ = w.Flush()
	_, _ = fmt.Fprintln(&text)
	w = tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ours to\tthroughput\tA+B CPU\tp50\tp50 to its and a local delivery's")
	for _, name := range names(rounds) {
		broker, kind, _ := strings.Cut(name, "/")
		if kind == "local" || strings.HasPrefix(kind, "ours") {
			continue
		}
		var rate, cpu, p50, local []float64
		for _, other := range of(rounds, name) {
			us, ok := at(rounds, broker+"/ours", other.Round)
			if !ok {
				continue
			}
			rate = append(rate, us.Rate/other.Rate)
			cpu = append(cpu, float64(us.A+us.B)/float64(other.A+other.B))
			if other.P50 > 0 {
				p50 = append(p50, float64(us.P50)/float64(other.P50))
				if alone, ok := at(rounds, broker+"/local", other.Round); ok {
					local = append(local, float64(us.P50)/float64(other.P50+alone.P50))
				}
			}
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", name, spreadOf("%.2f", rate), spreadOf("%.2f", cpu), spreadOf("%.2f", p50), spreadOf("%.2f", local))
	}
	_ = w.Flush()
	return text.String()
}

func names(rounds []Round) (names []string) {
	for _, r := range rounds {
		if !slices.Contains(names, r.Pair) {
			names = append(names, r.Pair)
		}
	}
	slices.Sort(names)
	return names
}

func of(rounds []Round, pair string) (of []Round) {
	for _, r := range rounds {
		if r.Pair == pair {
			of = append(of, r)
		}
	}
	return of
}

// at returns the pair's last round of a number.
func at(rounds []Round, pair string, number int) (found Round, ok bool) {
	for _, r := range rounds {
		if r.Pair == pair && r.Round == number {
			found, ok = r, true
		}
	}
	return found, ok
}

func values(of []Round, value func(Round) float64) (all []float64) {
	for _, r := range of {
		all = append(all, value(r))
	}
	return all
}

func spread(of []Round, format string, value func(Round) float64) string {
	return spreadOf(format, values(of, value))
}

func middle(of []Round, format string, value func(Round) float64) string {
	return fmt.Sprintf(format, median(values(of, value)))
}

func sum(of []Round, value func(Round) float64) (total float64) {
	for _, v := range values(of, value) {
		total += v
	}
	return total
}

func spreadOf(format string, all []float64) string {
	if len(all) == 0 {
		return "-"
	}
	return fmt.Sprintf(format+" ("+format+"–"+format+")", median(all), slices.Min(all), slices.Max(all))
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}
