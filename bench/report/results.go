package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/switchboard-go/switchboard/bench/stats"
	"github.com/switchboard-go/switchboard/bench/suite"
)

// Results are what one run, or several runs on one machine, measured.
type Results struct {
	Machine Machine      `json:"machine"`
	Started time.Time    `json:"started"`
	Took    string       `json:"took"`
	Rounds  int          `json:"rounds"`
	Cells   []suite.Cell `json:"cells"`
	// Failures are the measurements that gave no figures, and why.
	Failures []string `json:"failures,omitempty"`
}

// Read reads results and joins them: the rounds of the second follow those of the first, and so on.
func Read(files []string) (*Results, error) {
	var joined *Results
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		r := &Results{}
		if err := json.Unmarshal(text, r); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if joined == nil {
			joined = r
			continue
		}
		for _, cell := range r.Cells {
			cell.Round += joined.Rounds
			joined.Cells = append(joined.Cells, cell)
		}
		joined.Failures = append(joined.Failures, r.Failures...)
		joined.Rounds += r.Rounds
		joined.Took += " + " + r.Took
	}
	return joined, nil
}

// Write writes the three files into folder, named for the time of the start, and returns the path of the Markdown one.
func (r *Results) Write(folder string, sections []Section, goals []Goal) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	name := r.Started.Format("2006-01-02-1504")
	base := filepath.Join(folder, name)
	markdown := r.Markdown(sections, goals) + "\n![CPU time of a message, of raw gws](" + name + ".svg)\n"
	for suffix, content := range map[string][]byte{".json": append(text, '\n'), ".md": []byte(markdown), ".svg": []byte(r.Plot(sections))} {
		if err := os.WriteFile(base+suffix, content, 0o644); err != nil {
			return "", err
		}
	}
	return base + ".md", nil
}

// quietBelow is the share of the machine that others may use in a round that counts as quiet.
const quietBelow = 0.03

// values returns what each round measured, by round; of the quiet rounds alone on request.
func (r *Results) values(workload, server, metric string, quiet bool) map[int]float64 {
	values := make(map[int]float64)
	for _, cell := range r.Cells {
		if cell.Workload != workload || cell.Server != server || quiet && cell.Values[suite.Noise] >= quietBelow {
			continue
		}
		if v, ok := cell.Values[metric]; ok {
			values[cell.Round] = v
		}
	}
	return values
}

// servers returns which servers a workload was measured of, in the order of the first round.
func (r *Results) servers(workload string) (servers []string) {
	for _, cell := range r.Cells {
		if cell.Workload == workload && !slices.Contains(servers, cell.Server) {
			servers = append(servers, cell.Server)
		}
	}
	return servers
}

func (r *Results) sample(workload, server, metric string) stats.Sample {
	values := r.values(workload, server, metric, false)
	list := make([]float64, 0, len(values))
	for _, v := range values {
		list = append(list, v)
	}
	return stats.Of(list)
}

func (r *Results) ratio(metric string, workload, server, toWorkload, toServer string, quiet bool) stats.Sample {
	return stats.Of(stats.Ratios(r.values(workload, server, metric, quiet), r.values(toWorkload, toServer, metric, quiet)))
}
