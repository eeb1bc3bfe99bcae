package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/sender"
	_ "github.com/switchboard-go/switchboard/sender/all"
	"github.com/switchboard-go/switchboard/websocket"
)

func main() {
	broker := flag.String("sender", "redis", "what links the nodes: "+strings.Join(sender.Names(), ", "))
	flag.Parse()
	if err := run(context.Background(), *broker, os.Environ(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// run starts the nodes, has them send, prints what came of it and ends them.
func run(ctx context.Context, broker string, environ []string, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	drivers := sender.Sections()
	if _, err := config.Load(config.Options{Environ: environ, Senders: drivers}); err != nil {
		return err
	}
	var nodes []*node
	defer func() {
		for _, n := range nodes {
			err = errors.Join(err, n.shutdown(ctx))
		}
	}()
	for i, user := range []string{"ann:1", "bob:1", "cid:2"} { // members are of type 1, administrators of type 2
		n, err := start(ctx, fmt.Sprintf("node%d", i+1), user, broker, config.Decode(drivers[broker]))
		if err != nil {
			return fmt.Errorf("%w\nmake brokers-up runs a broker of each kind", err)
		}
		nodes = append(nodes, n)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) } // Flush has the error
	row("FROM", "TO", "LOCAL", "PUBLISHED", "NODES", "RECEIVED BY")
	for _, s := range []struct {
		from *node
		to   websocket.Target
		by   string
	}{
		{nodes[1], websocket.ToUser(websocket.Member, "ann"), "node1"},
		{nodes[0], websocket.ToUserType(websocket.Admin), "node3"},
		{nodes[2], websocket.ToKey(room), "node1 node2"},
		{nodes[1], websocket.ToAll(), "node1 node2 node3"},
	} {
		receipt, err := reach(ctx, nodes, s.from, s.to, s.by)
		if err != nil {
			return err
		}
		told := fmt.Sprint(receipt.Nodes)
		if receipt.Nodes == sender.NodesUnknown {
			told = "unknown"
		}
		row(s.from.name, s.to.String(), fmt.Sprint(receipt.Local), fmt.Sprint(receipt.Published), told, s.by)
	}
	row("\nNODE", "ADDRESS", "USER", "PEERS", "READY")
	for _, n := range nodes {
		peers, err := n.peers(ctx, nodes)
		if err != nil {
			return err
		}
		row(n.name, n.address, n.user, strings.Join(peers, " "), fmt.Sprint(n.sender.Ready() == nil))
	}
	return table.Flush()
}

// reach sends to a target until exactly the clients of those nodes have it: a
// broker that routes hears of a user and a key a moment after the session has begun.
func reach(ctx context.Context, nodes []*node, from *node, to websocket.Target, by string) (sender.Receipt, error) {
	for {
		receipt, err := sender.SendJSON(ctx, from.sender, to, "news", "hello")
		// What a node sends keeps its order, so the news comes before this or not at all.
		_, endErr := sender.SendJSON(ctx, from.sender, websocket.ToAll(), "end of news", "")
		if err := errors.Join(err, endErr); err != nil {
			return receipt, err
		}
		var got []string
		for _, n := range nodes {
			news, err := n.news(ctx)
			if err != nil {
				return receipt, fmt.Errorf("what %s sends to %s: %w", from.name, to, err)
			}
			if news {
				got = append(got, n.name)
			}
		}
		if strings.Join(got, " ") == by {
			return receipt, nil
		}
		if err := pause(ctx); err != nil {
			return receipt, fmt.Errorf("what %s sends to %s is received by %q: %w", from.name, to, got, err)
		}
	}
}

// pause lets others work.
func pause(ctx context.Context) error {
	select {
	case <-time.After(20 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
