package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/switchboard-go/switchboard/internal/faults"
	"github.com/switchboard-go/switchboard/internal/witness"
)

func main() {
	if faults.BeNode() {
		return
	}
	readme := flag.String("readme", "", "the file to put the table into")
	flag.Parse()
	if err := run(*readme); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(readme string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	outcomes, err := runAll(ctx)
	table := faults.Table(outcomes)
	fmt.Print(table)
	if err != nil || readme == "" {
		return err
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	changed, err := faults.Insert(string(text), table)
	if err != nil {
		return fmt.Errorf("%s: %w", readme, err)
	}
	return os.WriteFile(readme, []byte(changed), 0o644)
}

// runAll runs each driver on a broker of its own.
func runAll(ctx context.Context) (outcomes []witness.Outcome, err error) {
	for _, d := range faults.Drivers() {
		of, failure := runDriver(ctx, d)
		outcomes, err = append(outcomes, of...), errors.Join(err, failure)
		if ctx.Err() != nil {
			break
		}
	}
	return outcomes, err
}

func runDriver(ctx context.Context, d faults.Driver) (outcomes []witness.Outcome, err error) {
	site, err := faults.NewSite(d.Kind)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, site.Close()) }()
	for _, f := range faults.Faults() {
		fmt.Fprintf(os.Stderr, "%s: %s\n", d.Name, f.Name)
		outcome, failure := faults.Run(ctx, site, d, f, faults.Options{})
		if failure != nil {
			return outcomes, errors.Join(err, fmt.Errorf("%s: %s: %w", d.Name, f.Name, failure))
		}
		outcomes = append(outcomes, outcome)
		for _, violation := range outcome.Violations {
			err = errors.Join(err, fmt.Errorf("%s: %s: %s", d.Name, f.Name, violation))
		}
	}
	return outcomes, err
}
