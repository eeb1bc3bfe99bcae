package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	client "github.com/coder/websocket"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/security"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// room is the key that members are bound to.
const room = "room/7"

// node is an application, which in earnest has a machine to itself, and a client.
type node struct {
	name, address string
	sender        *sender.Cluster
	sockets       *websocket.Server
	web           *httptest.Server
	user          string
	conn          *client.Conn
}

// start runs a node on a free port and has a user connect, ID:TYPE.
func start(ctx context.Context, name, user, broker string, decode func(any) error) (*node, error) {
	manager, err := websocket.NewSessionManager(name)
	if err != nil {
		return nil, err
	}
	opened, err := sender.Open(ctx, broker, sender.OpenOptions{
		Manager: manager,
		Decode:  decode,
		Cluster: sender.ClusterOptions{ProbeInterval: 500 * time.Millisecond}, // they know each other soon
	})
	if err != nil {
		return nil, err
	}
	push, ok := opened.(*sender.Cluster)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the sender %s links no nodes", broker), opened.Shutdown(ctx))
	}
	sockets, err := websocket.NewServer(manager, websocket.Options{
		Authenticator: security.TestTokens(slog.New(slog.DiscardHandler))(nil), // in production, security.FromToken
		Dispatcher:    listener.NewMux(),
		OnOpen: func(s *websocket.Session) {
			if s.User().Type == websocket.Member {
				_ = s.Bind(room) // fails where the session has ended already
			}
		},
	})
	if err != nil {
		return nil, errors.Join(err, push.Shutdown(ctx))
	}
	web := httptest.NewServer(sockets)
	n := &node{name: name, address: web.Listener.Addr().String(), sender: push, sockets: sockets, web: web, user: user}
	if n.conn, _, err = client.Dial(ctx, "ws://"+n.address+"/?token=test"+user, nil); err != nil {
		return nil, errors.Join(err, n.shutdown(ctx))
	}
	return n, nil
}

// shutdown ends the node and the connection to it.
func (n *node) shutdown(ctx context.Context) error {
	if n.conn != nil {
		_ = n.conn.CloseNow()
	}
	defer n.web.Close()
	return errors.Join(n.sockets.Shutdown(ctx), n.sender.Shutdown(ctx))
}

// peers returns the names of the other nodes when all of these are among them.
func (n *node) peers(ctx context.Context, nodes []*node) ([]string, error) {
	for {
		var names []string
		for _, peer := range n.sender.Peers() {
			names = append(names, peer.Node)
		}
		slices.Sort(names)
		if !slices.ContainsFunc(nodes, func(other *node) bool { return other != n && !slices.Contains(names, other.name) }) {
			return names, nil
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("%s knows %q: %w", n.name, names, err)
		}
	}
}

// news reads what the user gets until the end of the news, and reports whether
// there was any.
func (n *node) news(ctx context.Context) (found bool, err error) {
	for {
		_, frame, err := n.conn.Read(ctx)
		switch {
		case err != nil:
			return false, fmt.Errorf("user %s: %w", n.user, err)
		case strings.Contains(string(frame), `"end of news"`):
			return found, nil
		}
		found = true
	}
}
