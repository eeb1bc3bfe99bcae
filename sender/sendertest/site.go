package sendertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// site is a whole node: sessions of a websocket.Server, linked by a Cluster.
type site struct {
	s       *suite
	name    string
	manager *websocket.SessionManager
	cluster *sender.Cluster
	url     string
	gaps    chan sender.Gap
}

// site starts a node. wrap, where it is not nil, comes between the cluster and
// the driver.
func (s *suite) site(name string, o sender.ClusterOptions, wrap func(sender.Broker) sender.Broker) *site {
	s.Helper()
	n := &site{s: s, name: name, gaps: make(chan sender.Gap, 100)}
	var err error
	if n.manager, err = websocket.NewSessionManager(name); err != nil {
		s.Fatal(err)
	}
	b := s.h.Open(s.TB, s.app, name)
	if wrap != nil {
		b = wrap(b)
	}
	o.ProbeInterval = s.h.probes
	o.OnGap = func(g sender.Gap) {
		select {
		case n.gaps <- g:
		default:
		}
	}
	ctx, cancel := s.context()
	defer cancel()
	if n.cluster, err = sender.NewCluster(ctx, b, n.manager, "", o); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(n.shutdown)
	limits := websocket.DefaultLimits()
	limits.OutboxBytes = 2 * largestMessage
	server, err := websocket.NewServer(n.manager, websocket.Options{Authenticator: login, Dispatcher: silence{}, Limits: limits})
	if err != nil {
		s.Fatal(err)
	}
	listener := httptest.NewServer(server)
	n.url = strings.Replace(listener.URL, "http", "ws", 1)
	s.Cleanup(func() {
		listener.Close()
		ctx, cancel := s.context()
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			s.Errorf("Shutdown of the server of %s: %v", name, err)
		}
	})
	return n
}

// login believes the client: ?user=ID&type=N&tenant=T.
func login(r *http.Request) (websocket.LoginUser, error) {
	q := r.URL.Query()
	number, err := strconv.Atoi(q.Get("type"))
	return websocket.LoginUser{ID: q.Get("user"), Type: websocket.UserType(number), Tenant: q.Get("tenant")}, err
}

// silence is a dispatcher for clients that only listen.
type silence struct{}

func (silence) Dispatch(context.Context, *websocket.Session, websocket.Message) error { return nil }

func (n *site) shutdown() {
	n.s.Helper()
	n.s.within("Shutdown of "+n.name, func() {
		ctx, cancel := n.s.context()
		defer cancel()
		if err := n.cluster.Shutdown(ctx); err != nil {
			n.s.Errorf("Shutdown of %s: %v", n.name, err)
		}
	})
}

// person is a connected client and its session.
type person struct {
	s       *suite
	name    string
	user    websocket.LoginUser
	conn    *client.Conn
	session *websocket.Session
}

// join connects a client.
func (n *site) join(user websocket.LoginUser) *person {
	n.s.Helper()
	ctx, cancel := n.s.context()
	defer cancel()
	//nolint:bodyclose // the body of a handshake's answer is the connection, says client.Dial
	conn, _, err := client.Dial(ctx, fmt.Sprintf("%s/?user=%s&type=%d&tenant=%s", n.url, user.ID, user.Type, user.Tenant), nil)
	if err != nil {
		n.s.Fatal(err)
	}
	conn.SetReadLimit(-1)
	n.s.Cleanup(func() { _ = conn.CloseNow() })
	p := &person{s: n.s, name: user.ID + " on " + n.name, user: user, conn: conn}
	for session := range n.manager.Sessions(websocket.ToUser(user.Type, user.ID)) {
		p.session = session
	}
	if p.session == nil {
		n.s.Fatalf("%s has no session", p.name)
	}
	return p
}

// next returns the content of the next message.
func (p *person) next() string {
	p.s.Helper()
	ctx, cancel := p.s.context()
	defer cancel()
	_, frame, err := p.conn.Read(ctx)
	if err != nil {
		p.s.Fatalf("%s received nothing for %s: %v", p.name, p.s.h.Patience, err)
	}
	var message struct{ Type, Content string }
	if err := json.Unmarshal(frame, &message); err != nil || message.Type != "text" {
		p.s.Fatalf("%s received %s: %v", p.name, short(frame), err)
	}
	return message.Content
}

// until receives until text comes, and returns the others.
func (p *person) until(text string) (before []string) {
	p.s.Helper()
	for {
		got := p.next()
		if got == text {
			return before
		}
		before = append(before, got)
	}
}

// send sends a text, which must work.
func (n *site) send(to websocket.Target, text string) sender.Receipt {
	n.s.Helper()
	receipt, err := n.trySend(to, text)
	if err != nil {
		n.s.Fatalf("%s sends to %s: %v", n.name, to, err)
	}
	return receipt
}

func (n *site) trySend(to websocket.Target, text string) (receipt sender.Receipt, err error) {
	n.s.Helper()
	n.s.within("Send to "+to.String(), func() {
		ctx, cancel := n.s.context()
		defer cancel()
		receipt, err = n.cluster.Send(ctx, to, websocket.Message{Type: "text", Content: []byte(text)})
	})
	return receipt, err
}

// reach sends to a target from this site until exactly the people get it whom
// it is for, which with routing by address takes a moment after they came.
func (n *site) reach(to websocket.Target, all []*person, wanted ...*person) {
	n.s.Helper()
	deadline := time.Now().Add(n.s.h.Patience)
	for attempt := 1; ; attempt++ {
		text, mark := fmt.Sprintf("attempt %d for %s", attempt, to), fmt.Sprintf("mark %d for %s", attempt, to)
		n.send(to, text)
		n.send(websocket.ToAll(), mark)
		missed := ""
		for _, p := range all {
			if slices.Contains(p.until(mark), text) != slices.Contains(wanted, p) {
				missed = p.name
			}
		}
		if missed == "" {
			return
		}
		if time.Now().After(deadline) {
			n.s.Fatalf("what %s sends to %s comes to %s or not, against its target", n.name, to, missed)
		}
		pause(10 * time.Millisecond)
	}
}

// ready waits until the site trusts its link.
func (n *site) ready() {
	n.s.Helper()
	deadline := time.Now().Add(n.s.h.Patience)
	for {
		err := n.cluster.Ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			n.s.Fatalf("%s is not ready after %s: %v", n.name, n.s.h.Patience, err)
		}
		pause(20 * time.Millisecond)
	}
}

// gap waits for a report.
func (n *site) gap() sender.Gap {
	n.s.Helper()
	select {
	case g := <-n.gaps:
		return g
	case <-time.After(n.s.h.Patience):
		n.s.Fatalf("%s has reported no gap for %s", n.name, n.s.h.Patience)
	}
	panic("unreachable")
}
