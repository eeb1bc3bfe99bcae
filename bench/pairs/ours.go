package pairs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/metrics"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/kafka"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/sender/rocketmq"
	"github.com/switchboard-go/switchboard/websocket"
)

// node is a node of Switchboard with everything on.
type node struct {
	manager *websocket.SessionManager
	server  *websocket.Server
	sender  sender.Sender
}

// openNode makes a node that is linked by a sender with its default settings.
func openNode(ctx context.Context, r Role, kind string) (n *node, err error) {
	n = &node{}
	if n.manager, err = websocket.NewSessionManager(r.Side); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	n.server, err = websocket.NewServer(n.manager, websocket.Options{
		Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
			return websocket.LoginUser{ID: r.URL.Query().Get("user"), Type: websocket.Member}, nil
		},
		Dispatcher: listener.NewMux(),
		Logger:     log,
	})
	if err != nil {
		return nil, err
	}
	n.sender, err = sender.Open(ctx, kind, sender.OpenOptions{
		Manager: n.manager,
		Decode:  r.decode,
		Cluster: sender.ClusterOptions{Logger: log},
	})
	if err != nil {
		return nil, err
	}
	prometheus.MustRegister(metrics.New(n.server, n.manager, n.sender))
	return n, nil
}

// decode says where the broker is, and what is this run's on it.
func (r Role) decode(section any) error {
	switch c := section.(type) {
	case *redis.Config:
		c.Addrs, c.Channel = []string{r.Address}, r.Name
	case *kafka.Config:
		c.Brokers, c.Topic = []string{r.Address}, r.Name
	case *rabbitmq.Config:
		c.URL = sender.Secret("amqp://guest:guest@" + r.Address + "/")
		c.Exchange, c.Queue = r.Name, r.Name
		c.Persistent = !strings.HasSuffix(r.Pair, "transient")
	case *rocketmq.Config:
		c.NameServers, c.Topic = []string{r.Address}, r.Name
	default:
		return fmt.Errorf("a section of type %T", section)
	}
	return nil
}

// send implements link.
func (n *node) send(ctx context.Context, to []uint16, messages [][]byte) error {
	for i, m := range messages {
		if _, err := n.sender.Send(ctx, websocket.ToUser(websocket.Member, userName(to[i])), websocket.Message{Type: "bench", Content: m}); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) close() error {
	ctx := context.Background()
	return errors.Join(n.sender.Shutdown(ctx), n.server.Shutdown(ctx))
}

// userNames are there once, as they are in an application.
var userNames = func() (names [users]string) {
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	return names
}()

func userName(user uint16) string { return userNames[user] }

func sendOurs(ctx context.Context, r Role) (link, error) {
	kind, _, _ := strings.Cut(r.Pair, "/")
	return openNode(ctx, r, kind)
}

func receiveOurs(ctx context.Context, r Role, _ *stream) (reply, link, error) {
	kind, _, _ := strings.Cut(r.Pair, "/")
	n, err := openNode(ctx, r, kind)
	if err != nil {
		return reply{}, nil, err
	}
	address, err := serve(ctx, n.server)
	return reply{Address: address, Path: "/"}, n, err
}

// receiveLocal is a node without others, which sends to its own sockets.
func receiveLocal(ctx context.Context, r Role, _ *stream) (reply, link, error) {
	n, err := openNode(ctx, r, "local")
	if err != nil {
		return reply{}, nil, err
	}
	address, err := serve(ctx, n.server)
	return reply{Address: address, Path: "/"}, n, err
}

// serve serves on a free port for as long as the process lives.
func serve(ctx context.Context, h http.Handler) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), nil
}
