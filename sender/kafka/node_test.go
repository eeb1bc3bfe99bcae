package kafka_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ws "github.com/coder/websocket"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/kafka"
	"github.com/switchboard-go/switchboard/websocket"
)

// node is a whole node: a server, a cluster sender on a broker, and one client,
// of the Admin whose id is the node's name.
type node struct {
	name    string
	manager *websocket.SessionManager
	cluster *sender.Cluster

	mu       sync.Mutex
	received []arrival
	arrived  chan struct{} // has a token after something was received
	gaps     []report
}

// arrival is a text that the client received, report a gap that OnGap was given.
type (
	arrival struct {
		text string
		at   time.Time
	}
	report struct {
		gap sender.Gap
		at  time.Time
	}
)

// startNode starts a node, shut down with the test, that reaches Kafka through an
// address where one is given.
func startNode(t testing.TB, c kafka.Config, name, through string) *node {
	t.Helper()
	manager, err := websocket.NewSessionManager(name)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{name: name, manager: manager, arrived: make(chan struct{}, 1)}
	b, err := kafka.New(c, name)
	if err != nil {
		t.Fatal(err)
	}
	if through != "" {
		kafka.DialThrough(b, through)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	n.cluster, err = sender.NewCluster(ctx, b, manager, "", sender.ClusterOptions{OnGap: func(g sender.Gap) {
		n.mu.Lock()
		n.gaps = append(n.gaps, report{g, time.Now()})
		n.mu.Unlock()
	}})
	if err != nil {
		t.Fatal(err)
	}
	limits := websocket.DefaultLimits()
	limits.OutboxMessages, limits.OutboxBytes = 1<<20, 1<<28 // the clients are in this process, and slower than Kafka
	server, err := websocket.NewServer(manager, websocket.Options{
		Limits: limits,
		Authenticator: func(*http.Request) (websocket.LoginUser, error) {
			return websocket.LoginUser{ID: name, Type: websocket.Admin}, nil
		},
		Dispatcher: silent{},
	})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(server)
	conn, _, err := ws.Dial(ctx, strings.Replace(site.URL, "http", "ws", 1), &ws.DialOptions{HTTPClient: site.Client()})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	var reading sync.WaitGroup
	reading.Go(func() { n.read(t, conn) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := n.cluster.Shutdown(ctx); err != nil {
			t.Errorf("node %s: shutdown: %v", name, err)
		}
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("node %s: shutdown: %v", name, err)
		}
		reading.Wait()
		_ = conn.CloseNow()
		site.Close()
	})
	return n
}

// silent is a dispatcher that answers nothing.
type silent struct{}

func (silent) Dispatch(context.Context, *websocket.Session, websocket.Message) error { return nil }

// read takes note of what the client receives, until its connection ends.
func (n *node) read(t testing.TB, conn *ws.Conn) {
	for {
		_, frame, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		var message struct{ Content string }
		var text string
		if err := json.Unmarshal(frame, &message); err != nil {
			t.Errorf("node %s: frame %q: %v", n.name, frame, err)
		} else if err := json.Unmarshal([]byte(message.Content), &text); err != nil {
			t.Errorf("node %s: content %q: %v", n.name, message.Content, err)
		}
		n.mu.Lock()
		n.received = append(n.received, arrival{text, time.Now()})
		n.mu.Unlock()
		select {
		case n.arrived <- struct{}{}:
		default:
		}
	}
}

// send sends a text.
func (n *node) send(ctx context.Context, to websocket.Target, text string) (sender.Receipt, error) {
	return sender.SendJSON(ctx, n.cluster, to, "text", text)
}

// say sends a text to all.
func (n *node) say(t testing.TB, text string) {
	t.Helper()
	if _, err := n.send(t.Context(), websocket.ToAll(), text); err != nil {
		t.Fatalf("node %s: send: %v", n.name, err)
	}
}

// await waits until the client has received a text.
func (n *node) await(t testing.TB, text string) {
	t.Helper()
	timeout := time.After(patience)
	for seen := 0; ; {
		for _, a := range n.arrivals()[seen:] {
			seen++
			if a.text == text {
				return
			}
		}
		select {
		case <-n.arrived:
		case <-timeout:
			t.Fatalf("node %s has not received %q in %s", n.name, text, patience)
		}
	}
}

func (n *node) arrivals() []arrival {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clip(n.received)
}

func (n *node) reports() []report {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clip(n.gaps)
}
