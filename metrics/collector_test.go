package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/metrics"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/local"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait. A test that meets it has failed.
const patience = 30 * time.Second

// linked is a sender that links nodes, with counters that the test sets.
type linked struct {
	sender.Sender
	stats sender.ClusterStats
	peers []sender.Peer
	why   error
}

func (l *linked) Ready() error               { return l.why }
func (l *linked) Stats() sender.ClusterStats { return l.stats }
func (l *linked) Peers() []sender.Peer       { return l.peers }

// node is a server whose users say who they are, as /?id=ID&type=TYPE.
type node struct {
	server  *websocket.Server
	manager *websocket.SessionManager
	url     string
}

func serve(t *testing.T) *node {
	t.Helper()
	manager, err := websocket.NewSessionManager("")
	if err != nil {
		t.Fatal(err)
	}
	mux := listener.NewMux(listener.Recover())
	err = errors.Join(
		listener.HandleFunc(mux, "echo", func(_ context.Context, s *websocket.Session, text string) error {
			return s.Send(websocket.Message{Type: "echo", Content: strconv.AppendQuote(nil, text)})
		}),
		listener.HandleFunc(mux, "panic", func(context.Context, *websocket.Session, string) error { panic("on purpose") }),
	)
	if err != nil {
		t.Fatal(err)
	}
	server, err := websocket.NewServer(manager, websocket.Options{
		Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
			userType, err := strconv.Atoi(r.URL.Query().Get("type"))
			return websocket.LoginUser{ID: r.URL.Query().Get("id"), Type: websocket.UserType(userType)}, err
		},
		Dispatcher: mux,
	})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(server)
	t.Cleanup(func() {
		site.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return &node{server, manager, strings.Replace(site.URL, "http", "ws", 1)}
}

func (n *node) connect(t *testing.T, userType int) *client.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := client.Dial(ctx, fmt.Sprintf("%s/?id=1&type=%d", n.url, userType), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// ask writes a frame and waits for its answer.
func ask(t *testing.T, conn *client.Conn, frame string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := conn.Write(ctx, client.MessageText, []byte(frame)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(ctx); err != nil {
		t.Fatal(err)
	}
}

// compare checks the series of some metrics, without their help.
func compare(t *testing.T, c prometheus.Collector, want string, names ...string) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder // want, with the help and the types that are not the point here
	for _, family := range families {
		fmt.Fprintf(&text, "# HELP %s %s\n# TYPE %s %s\n", family.GetName(), family.GetHelp(), family.GetName(), strings.ToLower(family.GetType().String()))
		for line := range strings.Lines(want) {
			if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name+"{", family.GetName()+"{") {
				text.WriteString(line)
			}
		}
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(text.String()), names...); err != nil {
		t.Error(err)
	}
}

func TestLint(t *testing.T) {
	n := serve(t)
	conn := n.connect(t, 1)
	ask(t, conn, `{"type":"echo","content":"\"hi\""}`)
	ask(t, conn, `{"type":"made up","content":"\"hi\""}`)
	conn.Close(client.StatusNormalClosure, "")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := n.server.Shutdown(ctx); err != nil { // so that there is a close code
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.New(n.server, n.manager, &linked{}))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint finds %v, %v", problems, err)
	}
	const all = 26
	families, err := registry.Gather()
	if err != nil || len(families) != all {
		t.Errorf("%d metrics have series, want %d: %v, %v", len(families), all, families, err)
	}
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "switchboard_") {
			t.Errorf("metric %s is not named for this module", family.GetName())
		}
	}
}

func TestServerAndSessions(t *testing.T) {
	n := serve(t)
	admin := n.connect(t, 2)
	n.connect(t, 2)
	n.connect(t, 7)
	ask(t, admin, `{"type":"echo","content":"\"hi\""}`)
	ask(t, admin, `{"type":"echo","content":"5"}`)
	ask(t, admin, `{"type":"panic","content":"\"hi\""}`)
	ask(t, admin, `{"type":"made up"}`)
	answer, err := http.Get(strings.Replace(n.url, "ws", "http", 1))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if _, err := n.manager.Deliver(websocket.ToUser(websocket.Member, "1"), websocket.Message{Type: "push"}); err != nil {
		t.Fatal(err)
	}
	compare(t, metrics.New(n.server, n.manager, nil), `
switchboard_sessions{user_type="1"} 0
switchboard_sessions{user_type="2"} 2
switchboard_sessions{user_type="7"} 1
switchboard_sessions_opened_total 3
switchboard_handshakes_refused_total 1
switchboard_messages_received_total{type="echo"} 2
switchboard_messages_received_total{type="other"} 2
switchboard_message_errors_total{code="invalid_content"} 1
switchboard_message_errors_total{code="listener_failed"} 1
switchboard_message_errors_total{code="unknown_type"} 1
switchboard_messages_delivered_total{type="echo"} 1
switchboard_messages_delivered_total{type="error"} 3
switchboard_messages_delivered_total{type="push"} 1
switchboard_messages_dropped_total 0
switchboard_panics_total 1
switchboard_outbox_messages 0
switchboard_outbox_bytes 0
`, "switchboard_sessions", "switchboard_sessions_opened_total", "switchboard_handshakes_refused_total", "switchboard_messages_received_total",
		"switchboard_message_errors_total", "switchboard_messages_delivered_total", "switchboard_messages_dropped_total", "switchboard_panics_total",
		"switchboard_outbox_messages", "switchboard_outbox_bytes")
}

func TestCloseCodes(t *testing.T) {
	n := serve(t)
	n.connect(t, 1)
	for s := range n.manager.Sessions(websocket.ToAll()) {
		s.Close(3210, "")
	}
	n.connect(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond) // nobody answers the close frames
	defer cancel()
	_ = n.server.Shutdown(ctx)
	if err := n.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare(t, metrics.New(n.server, nil, nil), `
switchboard_sessions_closed_total{code="1001"} 1
switchboard_sessions_closed_total{code="other"} 1
`, "switchboard_sessions_closed_total")
}

// Neither the types of messages nor those of users, which clients may be able to
// choose, make series without end.
func TestNoClientMakesSeries(t *testing.T) {
	n := serve(t)
	c := metrics.New(n.server, n.manager, local.New(n.manager))
	before := testutil.CollectAndCount(c)
	conn := n.connect(t, 1)
	for i := range 200 {
		ask(t, conn, fmt.Sprintf(`{"type":"made up %d","content":"\"hi\""}`, i))
	}
	for round := range 2 {
		for i := range 70 {
			n.connect(t, 1000*(1+round)+i)
		}
		// Received as other, its errors, and the answers to them; 62 user types, and other.
		if got, want := testutil.CollectAndCount(c), before+3+62+1; got != want {
			t.Errorf("%d series, want %d", got, want)
		}
	}
}

func TestCluster(t *testing.T) {
	s := &linked{
		stats: sender.ClusterStats{
			Published: 1, PublishErrors: 2, Batches: 3, Received: 4, Duplicates: 5, Foreign: 6, Gaps: 7, Missing: 8, Silent: 9, Namesakes: 12, Reconnects: 10,
			ProbeRoundTrip: 1500 * time.Microsecond,
		},
		peers: make([]sender.Peer, 2),
	}
	want := `
switchboard_cluster_published_total 1
switchboard_cluster_publish_errors_total 2
switchboard_cluster_batches_total 3
switchboard_cluster_received_total 4
switchboard_cluster_duplicates_total 5
switchboard_cluster_foreign_total 6
switchboard_cluster_gaps_total 7
switchboard_cluster_missing_total 8
switchboard_cluster_silent_nodes_total 9
switchboard_cluster_namesakes_total 12
switchboard_cluster_reconnects_total 10
switchboard_cluster_probe_round_trip_seconds 0.0015
switchboard_cluster_peers 2
switchboard_ready `
	compare(t, metrics.New(nil, nil, s), want+"1\n")
	s.why = errors.New("no broker")
	compare(t, metrics.New(nil, nil, s), want+"0\n")
}

// A sender that links no nodes has nothing to say of links.
func TestLocal(t *testing.T) {
	n := serve(t)
	s := local.New(n.manager)
	compare(t, metrics.New(nil, nil, s), "switchboard_ready 1\n")
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare(t, metrics.New(nil, nil, s), "switchboard_ready 0\n")
}
