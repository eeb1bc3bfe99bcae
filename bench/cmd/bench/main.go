package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/bench/report"
	"github.com/switchboard-go/switchboard/bench/suite"
)

// settings are what the flags say.
type settings struct {
	rounds                        int
	quick, save                   bool
	only, servers, profiles, from string
	under                         string
}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 0, "how many `rounds`; 0: 8, or 2 with -quick")
	flag.BoolVar(&s.quick, "quick", false, "do less of each workload")
	flag.BoolVar(&s.save, "save", false, "write what was measured into results/")
	flag.StringVar(&s.only, "only", "", "comma-separated beginnings of `workloads`' names; empty: all")
	flag.StringVar(&s.servers, "servers", "", "comma-separated `servers`; empty: all")
	flag.StringVar(&s.profiles, "profiles", "", "`folder` for CPU and allocation profiles of the servers")
	flag.StringVar(&s.under, "under", "", "`command` line that the servers are run under, such as strace -c -f")
	flag.StringVar(&s.from, "from", "", "measure nothing: join these comma-separated JSON `files` of earlier runs")
	flag.Parse()
	log.SetFlags(0)
	if s.rounds == 0 {
		if s.rounds = 8; s.quick {
			s.rounds = 2
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, s)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, s settings) error {
	all := suite.Workloads(s.quick)
	var results *report.Results
	var err error
	if s.from != "" {
		results, err = report.Read(split(s.from))
	} else {
		results, err = measure(ctx, s, choose(all, split(s.only), split(s.servers)))
	}
	if err != nil {
		return err
	}
	fmt.Println()
	fmt.Println(results.Markdown(sections(all), goals()))
	if s.save {
		file, err := results.Write("results", sections(all), goals())
		if err != nil {
			return err
		}
		fmt.Println("written:", file)
	}
	if n := len(results.Failures); n > 0 {
		return fmt.Errorf("%d measurements failed", n)
	}
	return nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// choose returns the workloads and servers that were asked for.
func choose(all []suite.Workload, only, servers []string) (chosen []suite.Workload) {
	for _, w := range all {
		if len(only) > 0 && !slices.ContainsFunc(only, func(prefix string) bool { return strings.HasPrefix(w.Name, prefix) }) {
			continue
		}
		if len(servers) > 0 {
			w.Servers = slices.DeleteFunc(slices.Clone(w.Servers), func(s string) bool { return !slices.Contains(servers, s) })
		}
		if len(w.Servers) > 0 {
			chosen = append(chosen, w)
		}
	}
	return chosen
}

// measure runs the rounds. In each one, every workload is done by one server after the other, each round beginning with another.
func measure(ctx context.Context, s settings, workloads []suite.Workload) (*report.Results, error) {
	if len(workloads) == 0 {
		return nil, errors.New("no workload or server of that name")
	}
	bin, err := os.MkdirTemp("", "switchboard-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(bin) }()
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/server", "./cmd/load")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build the programs: %w", err)
	}
	if s.profiles != "" {
		if err := os.MkdirAll(s.profiles, 0o755); err != nil {
			return nil, err
		}
	}
	programs := suite.Programs{Server: filepath.Join(bin, "server"), Load: filepath.Join(bin, "load"), Profiles: s.profiles, Under: strings.Fields(s.under)}
	results := &report.Results{Started: time.Now(), Rounds: s.rounds}
	if results.Machine, err = report.ThisMachine(ctx, programs.Server); err != nil {
		return nil, err
	}
	for round := range s.rounds {
		for _, w := range workloads {
			if w.Rounds > 0 && round >= w.Rounds {
				continue
			}
			for i := range w.Servers {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				cell, err := programs.Run(w, w.Servers[(i+round)%len(w.Servers)], round)
				if err != nil { // the others are worth having
					results.Failures = append(results.Failures, fmt.Sprintf("round %d: %s", round+1, err))
					log.Print(err)
					continue
				}
				results.Cells = append(results.Cells, cell)
				fmt.Println(progress(cell))
			}
		}
	}
	results.Took = time.Since(results.Started).Round(time.Second).String()
	return results, nil
}

// progress is a line about one cell.
func progress(cell suite.Cell) string {
	var line strings.Builder
	fmt.Fprintf(&line, "%d %-18s %-12s", cell.Round+1, cell.Workload, cell.Server)
	for _, name := range []string{suite.CPU, suite.Allocations, suite.Writes, suite.P99, suite.InUse, suite.Resident, suite.LoadShare, suite.Noise} {
		if v, ok := cell.Values[name]; ok {
			fmt.Fprintf(&line, " %s %.5g", name, v)
		}
	}
	return line.String()
}
