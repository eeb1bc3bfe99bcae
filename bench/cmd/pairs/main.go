// Command pairs measures messages from one node to a socket of another, see
// package bench/pairs.
//
//	go run ./cmd/pairs
//	go run ./cmd/pairs -brokers redis -rounds 8
//
// It writes a table, and with -json its rounds as well. Its own processes are
// this program again, with -side.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/bench/pairs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "pairs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var (
		role    pairs.Role
		o       pairs.Options
		kinds   = flag.String("brokers", "redis,rabbitmq,kafka,rocketmq", "which brokers")
		only    = flag.String("only", "", "which pairs, by the end of their names: ours,raw")
		quick   = flag.Bool("quick", false, "two short rounds")
		results = flag.String("json", "", "a file for the rounds")
		verbose = flag.Bool("v", false, "tell each round as it ends")
	)
	flag.IntVar(&o.Rounds, "rounds", 4, "rounds of each pair")
	flag.DurationVar(&o.Flood, "flood", 2*time.Second, "how long a round floods")
	flag.DurationVar(&o.Pace, "pace", time.Second, "how long a round sends at the modest rate")
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
		o.Rounds, o.Flood, o.Pace = 2, 500*time.Millisecond, 500*time.Millisecond
	}
	o.Brokers = strings.Split(*kinds, ",")
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	if *verbose {
		o.Log = os.Stderr
	}
	rounds, err := pairs.Run(ctx, o)
	if *results != "" && len(rounds) > 0 {
		err = errors.Join(err, write(*results, rounds))
	}
	if _, failed := io.WriteString(os.Stdout, pairs.Table(rounds)); failed != nil {
		err = errors.Join(err, failed)
	}
	return err
}

func write(path string, rounds []pairs.Round) error {
	text, err := json.MarshalIndent(rounds, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
