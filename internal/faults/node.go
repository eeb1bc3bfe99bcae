package faults

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
	// pace is how long after a message a voice sends the next one: a node sends 100 messages a second.
	pace = voices * time.Second / 100
	// fenceVoice has the last word of a node.
	fenceVoice = voices
)

// opener opens the Sender of a node.
type opener func(ctx context.Context, o sender.OpenOptions) (sender.Sender, error)

// node is a node in this process.
type node struct {
	place
	emit   func(entry) // into the journal
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

func startNode(ctx context.Context, p place, probe time.Duration, open opener, emit func(entry)) (_ *node, err error) {
	n := &node{place: p, emit: emit, quiet: func() {}, ignore: func() {}}
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
			emit(entry{Kind: opened, At: time.Now(), Place: p, Text: s.ID()})
		},
	})
	if err != nil {
		return nil, err
	}
	n.http = httptest.NewServer(n.server)
	n.sender, err = open(ctx, sender.OpenOptions{Manager: manager, Cluster: sender.ClusterOptions{
		ProbeInterval: probe,
		OnGap: func(g sender.Gap) {
			emit(entry{Kind: gapped, At: time.Now(), Place: p, Gap: g})
		},
	}})
	if err != nil {
		return nil, errors.Join(err, n.close())
	}
	ctx, n.ignore = context.WithCancel(context.Background())
	n.watching.Go(func() { n.watch(ctx) })
	return n, nil
}

// watch notes what Ready and Peers say, when that changes.
func (n *node) watch(ctx context.Context) {
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
			n.emit(entry{Kind: readied, At: now, Place: n.place, Text: text})
		}
		if names := n.peers(); !slices.Equal(names, peers) {
			peers = names
			n.emit(entry{Kind: peered, At: now, Place: n.place, Peers: peers})
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// peers returns the names of the other nodes that the sender sees.
func (n *node) peers() []string {
	names := []string{}
	if c, ok := n.sender.(*sender.Cluster); ok {
		for _, peer := range c.Peers() {
			names = append(names, peer.Node)
		}
	}
	slices.Sort(names)
	return slices.Compact(names) // two lives of a node are two peers
}

// url is where a client connects.
func (n *node) url() string { return strings.Replace(n.http.URL, "http", "ws", 1) }

// speak has the voices send to the targets in turn, in place of what they did.
func (n *node) speak(targets []string) error {
	var parsed []websocket.Target
	for _, text := range targets {
		target, err := websocket.ParseTarget(text)
		if err != nil {
			return err
		}
		parsed = append(parsed, target)
	}
	if err := n.hush(); err != nil {
		return err
	}
	ctx, quiet := context.WithCancel(context.Background())
	n.quiet = quiet
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
func (n *node) say(voice int, to websocket.Target) {
	n.numbers[voice]++
	m := message{n.place, voice, n.numbers[voice]}
	content, err := json.Marshal(m)
	if err != nil {
		panic(err) // it has no fields that could fail
	}
	n.emit(entry{Kind: sending, At: time.Now(), Place: n.place, Message: m, To: to.String()})
	receipt, err := n.sender.Send(context.Background(), to, websocket.Message{Type: "fault", Content: content})
	e := entry{Kind: sent, At: time.Now(), Place: n.place, Message: m, Receipt: receipt}
	if err != nil {
		e.Text = err.Error()
	}
	n.emit(e)
}

// hush ends what speak began, when what is under way has been sent.
func (n *node) hush() error {
	n.quiet()
	n.speaking.Wait()
	return nil
}

// fence sends one message to all. Who gets it has got all from before that it will ever get.
func (n *node) fence() error {
	n.say(fenceVoice, websocket.ToAll())
	return nil
}

// close ends the node.
func (n *node) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	errs := []error{n.hush()}
	n.ignore()
	n.watching.Wait()
	if n.sender != nil {
		errs = append(errs, n.sender.Shutdown(ctx))
	}
	n.http.Close()
	errs = append(errs, n.server.Shutdown(ctx))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close %s: %w", n.place, err)
	}
	return nil
}
