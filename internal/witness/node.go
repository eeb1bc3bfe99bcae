package witness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

const (
	// voices is how many goroutines of a node send. One that waits for the broker holds up its own messages only.
	voices = 10
	// fenceVoice has the last word of a node.
	fenceVoice = voices
)

// Opener opens the Sender of a node.
type Opener func(ctx context.Context, o sender.OpenOptions) (sender.Sender, error)

// Node is a node in this process.
type Node struct {
	Place
	// Rate is how many messages Speak sends in a second: 100, or what is set before.
	Rate int

	emit   func(Entry) // into the journal
	server *websocket.Server
	http   *httptest.Server
	sender sender.Sender

	numbers  [voices + 1]int // the last one of each voice, which alone uses it
	quiet    context.CancelFunc
	speaking sync.WaitGroup

	ignore   context.CancelFunc
	watching sync.WaitGroup
}

type deaf struct{}

// Dispatch implements websocket.Dispatcher. The clients say nothing.
func (deaf) Dispatch(context.Context, *websocket.Session, websocket.Message) error { return nil }

// StartNode starts a node that takes clients and probes its broker as often as probe says, and that emits what happens to it.
// Close ends it.
func StartNode(ctx context.Context, p Place, probe time.Duration, open Opener, emit func(Entry)) (_ *Node, err error) {
	n := &Node{Place: p, Rate: 100, emit: emit, quiet: func() {}, ignore: func() {}}
	manager, err := websocket.NewSessionManager(p.Node)
	if err != nil {
		return nil, err
	}
	limits := websocket.DefaultLimits()
	limits.OutboxMessages, limits.OutboxBytes = 1<<20, 1<<30 // what a durable broker has kept comes all at once
	n.server, err = websocket.NewServer(manager, websocket.Options{
		Authenticator: func(*http.Request) (websocket.LoginUser, error) {
			return websocket.LoginUser{ID: p.Node, Type: websocket.Admin}, nil
		},
		Dispatcher: deaf{},
		Limits:     limits,
		OnOpen: func(s *websocket.Session) {
			emit(Entry{Kind: Opened, At: time.Now(), Place: p, Text: s.ID()})
		},
	})
	if err != nil {
		return nil, err
	}
	n.http = httptest.NewServer(n.server)
	n.sender, err = open(ctx, sender.OpenOptions{Manager: manager, Cluster: sender.ClusterOptions{
		ProbeInterval: probe,
		OnGap: func(g sender.Gap) {
			emit(Entry{Kind: Gapped, At: time.Now(), Place: p, Gap: g})
		},
	}})
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	ctx, n.ignore = context.WithCancel(context.Background())
	n.watching.Go(func() { n.watch(ctx) })
	return n, nil
}

// watch notes what Ready and Peers say, when that changes.
func (n *Node) watch(ctx context.Context) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	said, peers := "nothing yet", []string{"nobody yet"}
	for {
		now := time.Now()
		text := ""
		if err := n.sender.Ready(); err != nil {
			text = err.Error()
		}
		if text != said {
			said = text
			n.emit(Entry{Kind: Readied, At: now, Place: n.Place, Text: text})
		}
		if names := n.peers(); !slices.Equal(names, peers) {
			peers = names
			n.emit(Entry{Kind: Peered, At: now, Place: n.Place, Peers: peers})
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// peers returns the names of the other nodes that the sender sees.
func (n *Node) peers() []string {
	names := []string{}
	if c, ok := n.sender.(*sender.Cluster); ok {
		for _, peer := range c.Peers() {
			names = append(names, peer.Node)
		}
	}
	slices.Sort(names)
	return slices.Compact(names) // two lives of a node are two peers
}

// URL is where a client connects.
func (n *Node) URL() string { return strings.Replace(n.http.URL, "http", "ws", 1) }

// Speak has the voices send to the targets in turn, in place of what they did.
func (n *Node) Speak(targets []string) error {
	var parsed []websocket.Target
	for _, text := range targets {
		target, err := websocket.ParseTarget(text)
		if err != nil {
			return err
		}
		parsed = append(parsed, target)
	}
	if err := n.Hush(); err != nil {
		return err
	}
	ctx, quiet := context.WithCancel(context.Background())
	n.quiet = quiet
	pace := voices * time.Second / time.Duration(n.Rate)
	for voice := range voices {
		n.speaking.Go(func() {
			ticker := time.NewTicker(pace)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
					n.say(voice, parsed[(n.numbers[voice]+voice)%len(parsed)])
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return nil
}

// say sends a message, and notes what is said of it.
func (n *Node) say(voice int, to websocket.Target) {
	n.numbers[voice]++
	m := Message{n.Place, voice, n.numbers[voice]}
	content, err := json.Marshal(m)
	if err != nil {
		panic(err) // it has no fields that could fail
	}
	n.emit(Entry{Kind: Sending, At: time.Now(), Place: n.Place, Message: m, To: to.String()})
	receipt, err := n.sender.Send(context.Background(), to, websocket.Message{Type: "fault", Content: content})
	e := Entry{Kind: Sent, At: time.Now(), Place: n.Place, Message: m, Receipt: receipt}
	if err != nil {
		e.Text = err.Error()
	}
	n.emit(e)
}

// Hush ends what Speak began, when what is under way has been sent.
func (n *Node) Hush() error {
	n.quiet()
	n.speaking.Wait()
	return nil
}

// Fence sends one message to all. Who gets it has got all from before that it will ever get.
func (n *Node) Fence() error {
	n.say(fenceVoice, websocket.ToAll())
	return nil
}

// Close ends the node.
func (n *Node) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	errs := []error{n.Hush()}
	n.ignore()
	n.watching.Wait()
	if n.sender != nil {
		errs = append(errs, n.sender.Shutdown(ctx))
	}
	n.http.Close()
	errs = append(errs, n.server.Shutdown(ctx))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close %s: %w", n.Place, err)
	}
	return nil
}
