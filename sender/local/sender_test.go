package local_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/local"
	"github.com/switchboard-go/switchboard/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

var _ sender.Sender = (*local.Sender)(nil)

// node is a server with clients, by the names that the tests give them.
type node struct {
	manager *websocket.SessionManager
	server  *websocket.Server
	url     string
	conns   map[string]*client.Conn
	ids     map[string]string
}

// serve starts a server for the sessions of manager.
func serve(t *testing.T, manager *websocket.SessionManager, limits websocket.Limits) *node {
	t.Helper()
	server, err := websocket.NewServer(manager, websocket.Options{
		Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
			q := r.URL.Query()
			n, err := strconv.Atoi(q.Get("type"))
			return websocket.LoginUser{ID: q.Get("id"), Type: websocket.UserType(n), Tenant: q.Get("tenant")}, err
		},
		Dispatcher: listener.NewMux(),
		Limits:     limits,
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
	return &node{manager, server, strings.Replace(site.URL, "http", "ws", 1), map[string]*client.Conn{}, map[string]string{}}
}

func newManager(t *testing.T) *websocket.SessionManager {
	t.Helper()
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		t.Fatal(err)
	}
	return manager
}

// connect adds a client and finds out the id of its session.
func (n *node) connect(t *testing.T, name, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := client.Dial(ctx, n.url+"?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { conn.CloseNow() })
	for s := range n.manager.Sessions(websocket.ToAll()) {
		known := false
		for _, id := range n.ids {
			known = known || id == s.ID()
		}
		if !known {
			n.ids[name] = s.ID()
		}
	}
	n.conns[name] = conn
}

// received returns who got a message of the type, each once, and fails the test
// if somebody got another. It ends them all with a last message.
func (n *node) received(t *testing.T, frame string) (names []string) {
	t.Helper()
	const last = `{"type":"last","content":""}`
	if _, err := n.manager.Deliver(websocket.ToAll(), websocket.Message{Type: "last"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for name, conn := range n.conns {
		for {
			_, got, err := conn.Read(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) == last {
				break
			}
			if string(got) != frame {
				t.Errorf("%s got %s", name, got)
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

var message = websocket.Message{Type: "a", Content: []byte(`{"b":"\n"}`)}

const messageFrame = `{"type":"a","content":"{\"b\":\"\\n\"}"}`

func TestSend(t *testing.T) {
	n := serve(t, newManager(t), websocket.Limits{})
	n.connect(t, "admin", "type=2&id=1&tenant=7")
	n.connect(t, "admin's phone", "type=2&id=1&tenant=7")
	n.connect(t, "other admin", "type=2&id=2&tenant=8")
	n.connect(t, "member", "type=1&id=1&tenant=7")
	for _, name := range []string{"admin", "member"} {
		if err := n.manager.Session(n.ids[name]).Bind("order/5"); err != nil {
			t.Fatal(err)
		}
	}
	s := local.New(n.manager)
	for _, test := range []struct {
		name      string
		target    websocket.Target
		receivers []string
	}{
		{"session", websocket.ToSession(n.ids["admin"]), []string{"admin"}},
		{"session that is not there", websocket.ToSession("node1-x"), nil},
		{"session in its tenant", websocket.ToSession(n.ids["admin"]).InTenant("7"), []string{"admin"}},
		{"session in another tenant", websocket.ToSession(n.ids["admin"]).InTenant("8"), nil},
		{"session except itself", websocket.ToSession(n.ids["admin"]).Except(n.ids["admin"]), nil},
		{"user", websocket.ToUser(websocket.Admin, "1"), []string{"admin", "admin's phone"}},
		{"user of another type", websocket.ToUser(websocket.Member, "1"), []string{"member"}},
		{"user who is away", websocket.ToUser(websocket.Member, "2"), nil},
		{"user in a tenant", websocket.ToUser(websocket.Admin, "1").InTenant("8"), nil},
		{"user except a session", websocket.ToUser(websocket.Admin, "1").Except(n.ids["admin"]), []string{"admin's phone"}},
		{"type", websocket.ToUserType(websocket.Admin), []string{"admin", "admin's phone", "other admin"}},
		{"type of nobody", websocket.ToUserType(3), nil},
		{"type in a tenant", websocket.ToUserType(websocket.Admin).InTenant("8"), []string{"other admin"}},
		{"type except a session", websocket.ToUserType(websocket.Admin).Except(n.ids["admin"]), []string{"admin's phone", "other admin"}},
		{"type in a tenant except a session", websocket.ToUserType(websocket.Admin).InTenant("7").Except(n.ids["admin"]), []string{"admin's phone"}},
		{"key", websocket.ToKey("order/5"), []string{"admin", "member"}},
		{"key of nobody", websocket.ToKey("order/6"), nil},
		{"key except a session", websocket.ToKey("order/5").Except(n.ids["admin"]), []string{"member"}},
		{"all", websocket.ToAll(), []string{"admin", "admin's phone", "member", "other admin"}},
		{"all in a tenant", websocket.ToAll().InTenant("7"), []string{"admin", "admin's phone", "member"}},
		{"all except a session", websocket.ToAll().Except(n.ids["member"]), []string{"admin", "admin's phone", "other admin"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			receipt, err := s.Send(t.Context(), test.target, message)
			if err != nil {
				t.Error(err)
			}
			if got := n.received(t, messageFrame); !slices.Equal(got, test.receivers) {
				t.Errorf("%q got it, want %q", got, test.receivers)
			}
			if want := (sender.Receipt{Local: len(test.receivers), Nodes: sender.NodesUnknown}); receipt != want {
				t.Errorf("receipt %+v, want %+v", receipt, want)
			}
		})
	}
}

func TestSendToInvalidTargets(t *testing.T) {
	s := local.New(newManager(t))
	for _, target := range []websocket.Target{
		{},
		websocket.ToSession(""),
		websocket.ToUser(websocket.Admin, ""),
		websocket.ToKey(strings.Repeat("x", websocket.MaxNameLength+1)),
		websocket.ToAll().InTenant(strings.Repeat("x", websocket.MaxNameLength+1)),
	} {
		if receipt, err := s.Send(t.Context(), target, message); !errors.Is(err, websocket.ErrInvalidTarget) || receipt != (sender.Receipt{Nodes: sender.NodesUnknown}) {
			t.Errorf("to %.20s: %+v, %v", target, receipt, err)
		}
	}
}

// A message that is too large for one server's sessions can fit another's.
func TestSendTooLarge(t *testing.T) {
	manager := newManager(t)
	small := websocket.DefaultLimits()
	small.OutboxBytes = 1 << 10
	narrow, wide := serve(t, manager, small), serve(t, manager, websocket.Limits{})
	narrow.connect(t, "narrow", "type=2&id=1")
	large := websocket.Message{Type: "a", Content: []byte(strings.Repeat("x", 2<<10))}
	s := local.New(manager)
	if receipt, err := s.Send(t.Context(), websocket.ToAll(), large); !errors.Is(err, websocket.ErrMessageTooLarge) || receipt.Local != 0 {
		t.Errorf("receipt %+v, error %v", receipt, err)
	}
	wide.connect(t, "wide", "type=2&id=2")
	if receipt, err := s.Send(t.Context(), websocket.ToAll(), large); !errors.Is(err, websocket.ErrMessageTooLarge) || receipt.Local != 1 {
		t.Errorf("receipt %+v, error %v", receipt, err)
	}
	if got := narrow.received(t, ""); got != nil {
		t.Errorf("%q got it", got)
	}
}

func TestSendThatIsNotTried(t *testing.T) {
	n := serve(t, newManager(t), websocket.Limits{})
	n.connect(t, "admin", "type=2&id=1")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	closed := local.New(n.manager)
	for range 2 {
		if err := closed.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
	for name, test := range map[string]struct {
		sender *local.Sender
		ctx    context.Context
		want   error
	}{
		"canceled":            {local.New(n.manager), canceled, context.Canceled},
		"expired":             {local.New(n.manager), expired, context.DeadlineExceeded},
		"closed":              {closed, t.Context(), sender.ErrClosed},
		"closed and canceled": {closed, canceled, sender.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			if receipt, err := test.sender.Send(test.ctx, websocket.ToAll(), message); !errors.Is(err, test.want) || receipt != (sender.Receipt{Nodes: sender.NodesUnknown}) {
				t.Errorf("receipt %+v, error %v", receipt, err)
			}
			if got := n.received(t, messageFrame); got != nil {
				t.Errorf("%q got it", got)
			}
		})
	}
	// Closing a sender closes no session.
	if receipt, err := local.New(n.manager).Send(t.Context(), websocket.ToAll(), message); err != nil || receipt.Local != 1 {
		t.Errorf("receipt %+v, error %v", receipt, err)
	}
}

func TestOpen(t *testing.T) {
	n := serve(t, newManager(t), websocket.Limits{})
	n.connect(t, "admin", "type=2&id=1")
	s, err := sender.Open(t.Context(), "local", sender.OpenOptions{Manager: n.manager, Decode: func(any) error {
		t.Error("it asked for a configuration")
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if receipt, err := s.Send(t.Context(), websocket.ToAll(), message); err != nil || receipt.Local != 1 {
		t.Errorf("receipt %+v, error %v", receipt, err)
	}
}

// Messages of one goroutine arrive in the order of their sends, each once.
func TestOrder(t *testing.T) {
	n := serve(t, newManager(t), websocket.Limits{})
	n.connect(t, "admin", "type=2&id=1")
	s := local.New(n.manager)
	const count = 500
	for i := range count {
		if _, err := sender.SendJSON(t.Context(), s, websocket.ToUser(websocket.Admin, "1"), "a", i); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := range count {
		_, got, err := n.conns["admin"].Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"type":"a","content":"` + strconv.Itoa(i) + `"}`; string(got) != want {
			t.Fatalf("message %d is %s, want %s", i, got, want)
		}
	}
}
