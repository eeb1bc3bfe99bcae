package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/bench/pairs"
	"github.com/switchboard-go/switchboard/bench/report"
	_ "github.com/switchboard-go/switchboard/sender/all" // the drivers that are measured, by name
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pairs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var (
		role    pairs.Role
		o       pairs.Options
		kinds   = flag.String("brokers", strings.Join(pairs.Brokers, ","), "which brokers")
		only    = flag.String("only", "", "which pairs, by the end of their names: switchboard,client")
		quick   = flag.Bool("quick", false, "one short round of the pairs that goals are told by, in a minute")
		save    = flag.Bool("save", false, "write what was measured into results/")
		verbose = flag.Bool("v", false, "tell each round as it ends")
	)
	flag.IntVar(&o.Rounds, "rounds", 8, "rounds of each pair")
	flag.DurationVar(&o.Flood, "flood", time.Second, "how long a round floods")
	flag.DurationVar(&o.Pace, "pace", 500*time.Millisecond, "how long a round sends at the modest rate")
	flag.IntVar(&o.Rate, "rate", 1000, "the modest rate, in messages a second")
	flag.IntVar(&o.Senders, "senders", 0, "sending goroutines, instead of each pair's own number")
	flag.IntVar(&o.Batch, "batch", 0, "messages of a goroutine at a time, likewise")
	flag.StringVar(&o.Profiles, "profiles", "", "a folder for CPU profiles of the last round")
	flag.StringVar(&role.Side, "side", "", "internal: what this process is")
	flag.StringVar(&role.Pair, "pair", "", "internal")
	flag.StringVar(&role.Address, "address", "", "internal")
	flag.StringVar(&role.Name, "name", "", "internal")
	flag.StringVar(&role.Board, "board", "", "internal")
	flag.Parse()
	if role.Side != "" {
		return pairs.Serve(ctx, role, os.Stdin, os.Stdout)
	}
	if *quick {
		o.Rounds, o.Flood, o.Pace = 1, 300*time.Millisecond, 300*time.Millisecond
		o.Only = []string{"switchboard", "client", "centrifuge", "local"}
	}
	o.Brokers = strings.Split(*kinds, ",")
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	if *verbose {
		o.Log = os.Stderr
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	results := &report.Results{Started: time.Now(), Rounds: o.Rounds}
	if results.Machine, err = report.ThisMachine(ctx, program); err != nil {
		return err
	}
	rounds, err := pairs.Run(ctx, o)
	if err != nil {
		return err
	}
	results.Took = time.Since(results.Started).Round(time.Second).String()
	results.Cells = pairs.Cells(rounds)
	fmt.Println(results.Markdown(pairs.Sections(), pairs.Goals()))
	if *save {
		_, err = results.Write("results", pairs.Sections(), pairs.Goals())
	}
	return err
}
