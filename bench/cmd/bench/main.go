// Command bench measures this framework side by side with others. See the README of the module.
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

	"github.com/switchboard-go/switchboard/bench/suite"
)

func main() {
	rounds := flag.Int("rounds", 0, "how many `rounds`; 0: 8, or 2 with -quick")
	quick := flag.Bool("quick", false, "do less of each workload")
	only := flag.String("only", "", "comma-separated beginnings of `workloads` names; empty: all")
	servers := flag.String("servers", "", "comma-separated `servers`; empty: all")
	profiles := flag.String("profiles", "", "`folder` for CPU and allocation profiles of the servers")
	flag.Parse()
	log.SetFlags(0)
	if *rounds == 0 {
		if *rounds = 8; *quick {
			*rounds = 2
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	chosen := choose(suite.Workloads(*quick), split(*only), split(*servers))
	if err := run(ctx, chosen, *rounds, *profiles); err != nil {
		log.Fatal(err)
	}
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

func run(ctx context.Context, workloads []suite.Workload, rounds int, profiles string) error {
	if len(workloads) == 0 {
		return errors.New("no workload of that name")
	}
	bin, err := os.MkdirTemp("", "switchboard-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(bin) }()
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/server", "./cmd/load")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the programs: %w", err)
	}
	programs := suite.Programs{Server: filepath.Join(bin, "server"), Load: filepath.Join(bin, "load"), Profiles: profiles}
	for round := range rounds {
		for _, w := range workloads {
			for i := range w.Servers {
				server := w.Servers[(i+round)%len(w.Servers)]
				if ctx.Err() != nil {
					return ctx.Err()
				}
				cell, err := programs.Run(w, server, round)
				if err != nil {
					return err
				}
				fmt.Printf("%d %-18s %-12s", round, w.Name, server)
				for _, name := range []string{suite.CPU, suite.Allocations, suite.Writes, suite.Switches, suite.P50, suite.P99, suite.InUse, suite.Resident, suite.LoadShare, suite.Noise} {
					if v, ok := cell.Values[name]; ok {
						fmt.Printf(" %s %.3f", name, v)
					}
				}
				fmt.Println()
			}
		}
	}
	return nil
}
