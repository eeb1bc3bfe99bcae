package faults

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchboard-go/switchboard/internal/witness"
)

// Fault is something that goes wrong for a while.
type Fault struct {
	// Name is unique among the Faults.
	Name string
	// Brief is how long it lasts in tests: long enough for the timeouts of senders and drivers where it takes those to
	// notice it. Zero is for a fault that ends by itself.
	Brief time.Duration
	// ownProcess: B is a child process.
	ownProcess bool
	// begin and end break and mend. end is called whatever begin returns.
	begin, end func(ctx context.Context, r *run) error
}

// Faults returns all that there are.
func Faults() []Fault {
	return []Fault{
		{
			Name: "link cut", Brief: 2 * time.Second,
			begin: func(_ context.Context, r *run) error { return r.site.proxy.Cut() },
			end:   heal,
		},
		{
			Name: "broker restarted", Brief: 2 * time.Second,
			begin: func(_ context.Context, r *run) error { return r.site.broker.Stop() },
			end:   func(_ context.Context, r *run) error { return r.site.broker.Restart() },
		},
		{
			Name: "broker paused", Brief: 5 * time.Second,
			begin: func(_ context.Context, r *run) error { return r.site.broker.Pause() },
			end:   func(_ context.Context, r *run) error { return r.site.broker.Resume() },
		},
		{
			Name: "half-open link", Brief: 5 * time.Second,
			begin: func(_ context.Context, r *run) error { return r.site.proxy.Blackhole() },
			end:   heal,
		},
		{
			Name: "200 ms latency", Brief: 2 * time.Second,
			begin: func(_ context.Context, r *run) error { return r.site.proxy.Latency(200 * time.Millisecond) },
			end:   heal,
		},
		{
			Name: "node killed", ownProcess: true,
			begin: killNode,
			end:   startAgain,
		},
	}
}

func heal(_ context.Context, r *run) error { return r.site.proxy.Heal() }

// killNode kills B with SIGKILL and waits until the others have noticed: they report it and no longer count it as a peer.
func killNode(ctx context.Context, r *run) error {
	r.Journal.Add(witness.Entry{Kind: witness.Killed, At: time.Now(), Place: r.Members["B"].Place})
	if err := r.b.kill(); err != nil {
		return err
	}
	r.Lose("B")
	return r.Journal.Await(ctx, "A and C notice that B is gone", func(all []witness.Entry) error {
		unaware := map[string]bool{"A reports": true, "C reports": true, "A counts": true, "C counts": true}
		for _, e := range all {
			switch {
			case e.Kind == witness.Gapped && e.Gap.Origin == "B":
				delete(unaware, e.Place.Node+" reports")
			case e.Kind == witness.Peered:
				unaware[e.Place.Node+" counts"] = slices.Contains(e.Peers, "B")
			}
		}
		for what, still := range unaware {
			if still {
				return fmt.Errorf("not so for %s: B", what)
			}
		}
		return nil
	})
}

// startAgain starts B under its old name.
func startAgain(ctx context.Context, r *run) error {
	if r.Members["B"] != nil {
		return nil // it could not be killed
	}
	if err := r.start(ctx, "B"); err != nil {
		return err
	}
	if err := r.Journal.Await(ctx, "A and C count B as a peer again", func(all []witness.Entry) error {
		counts := map[string]bool{}
		for _, e := range all {
			if e.Kind == witness.Peered {
				counts[e.Place.Node] = slices.Contains(e.Peers, "B")
			}
		}
		if !counts["A"] || !counts["C"] {
			return fmt.Errorf("those who do: %v", counts)
		}
		return nil
	}); err != nil {
		return err
	}
	return r.Speak()
}
