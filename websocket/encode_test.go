package websocket_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

// probeProtocol is the JSON protocol with its calls counted and changed by a test.
type probeProtocol struct {
	websocket.Protocol
	unshared bool
	opened   func(*websocket.Session)
	encode   func(*websocket.Session, websocket.Message) ([]byte, error)
	encodes  atomic.Int64
}

func (p *probeProtocol) Shared() bool { return !p.unshared }

func (p *probeProtocol) Open(s *websocket.Session) websocket.Conversation {
	if p.opened != nil {
		p.opened(s)
	}
	return &probeConversation{p.Protocol.Open(s), p, s}
}

type probeConversation struct {
	websocket.Conversation
	protocol *probeProtocol
	session  *websocket.Session
}

func (c *probeConversation) AppendEncode(b []byte, m websocket.Message) ([]byte, error) {
	c.protocol.encodes.Add(1)
	if c.protocol.encode != nil {
		payload, err := c.protocol.encode(c.session, m)
		return append(b, payload...), err
	}
	return c.Conversation.AppendEncode(b, m)
}

// second serves another Server with the manager of n, on a port of its own.
func (n *node) second(t testing.TB, o websocket.Options) *node {
	t.Helper()
	other := newNodeOf(t, n.manager, o)
	other.listen(t)
	return other
}

// compressed connects with permessage-deflate.
func (n *node) compressed(t testing.TB, user string) *client.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := client.Dial(ctx, n.url(user), &client.DialOptions{CompressionMode: client.CompressionNoContextTakeover})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func TestMessagesAreEncodedOnceForEachFormat(t *testing.T) {
	shared := &probeProtocol{Protocol: websocket.JSON}
	one := serve(t, websocket.Options{Protocols: []websocket.Protocol{shared}, Compression: true})
	two := one.second(t, websocket.Options{Protocols: []websocket.Protocol{shared}})
	conns := []*client.Conn{
		one.connect(t, "1"), one.connect(t, "1"), one.connect(t, "2"),
		two.connect(t, "1"), two.connect(t, "3"), two.connect(t, "4"),
	}
	for _, step := range []struct {
		messageType string
		target      websocket.Target
		taken       int
		encodes     int64
	}{
		{"all", websocket.ToAll(), 6, 1},
		{"user", websocket.ToUser(websocket.Admin, "1"), 3, 1},
		{"absent", websocket.ToKey("none"), 0, 0},
	} {
		shared.encodes.Store(0)
		if got := deliver(t, one.manager, step.target, step.messageType); got != step.taken {
			t.Errorf("%s: %d sessions of both servers took it, want %d", step.messageType, got, step.taken)
		}
		if got := shared.encodes.Load(); got != step.encodes {
			t.Errorf("%s: it was encoded %d times, want %d", step.messageType, got, step.encodes)
		}
	}
	conns = append(conns, one.compressed(t, "5"), one.compressed(t, "6"))
	shared.encodes.Store(0)
	if got := deliver(t, one.manager, websocket.ToAll(), strings.Repeat("long", 500)); got != 8 {
		t.Errorf("%d sessions took it, want 8", got)
	}
	if got := shared.encodes.Load(); got != 2 {
		t.Errorf("for plain and compressed sessions it was encoded %d times, want 2", got)
	}
	deliver(t, one.manager, websocket.ToAll(), "end")
	for i, conn := range conns {
		got := until(t, conn, "end")
		if got[len(got)-1] != strings.Repeat("long", 500) {
			t.Errorf("client %d got %v", i, got)
		}
	}
}

func TestUnsharedProtocolsEncodeForEachSession(t *testing.T) {
	p := &probeProtocol{Protocol: websocket.JSON, unshared: true}
	p.encode = func(s *websocket.Session, m websocket.Message) ([]byte, error) {
		if s.User().ID == "none" {
			return nil, nil
		}
		return []byte(m.Type + " for " + s.User().ID), nil
	}
	n := serve(t, websocket.Options{Protocols: []websocket.Protocol{p}})
	users := []string{"1", "2", "none", "3"}
	conns := make(map[string]*client.Conn)
	for _, user := range users {
		conns[user] = n.connect(t, user)
	}
	if got := deliver(t, n.manager, websocket.ToAll(), "hello"); got != 3 {
		t.Errorf("%d sessions took it, want 3", got)
	}
	if got := p.encodes.Load(); got != 4 {
		t.Errorf("it was encoded %d times, want 4", got)
	}
	if err := n.session(t, "none").Send(websocket.Message{Type: "hello"}); err != nil {
		t.Errorf("a message that its session is not to get is answered %v", err)
	}
	for _, user := range users {
		if user == "none" {
			continue
		}
		if got := read(t, conns[user]); got != "hello for "+user {
			t.Errorf("user %s got %q", user, got)
		}
	}
}
