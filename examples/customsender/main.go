package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	client "github.com/coder/websocket"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "customsender:", err)
		os.Exit(1)
	}
}

// run connects a client to node1 and sends to it from node2, and prints what arrives.
func run(ctx context.Context, out io.Writer) (err error) {
	nats, err := startNATS(&server.Options{Host: "127.0.0.1", Port: -1})
	if err != nil {
		return err
	}
	defer nats.WaitForShutdown()
	defer nats.Shutdown()
	node := func(name string) (sender.Sender, *websocket.SessionManager, error) {
		manager, err := websocket.NewSessionManager(name)
		if err != nil {
			return nil, nil, err
		}
		s, err := sender.Open(ctx, "nats", sender.OpenOptions{Manager: manager, Decode: func(section any) error {
			section.(*Config).URL = config.Secret(nats.ClientURL()) // in an application, what its configuration says
			return nil
		}})
		return s, manager, err
	}
	first, manager, err := node("node1")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, first.Shutdown(ctx)) }()
	second, _, err := node("node2")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, second.Shutdown(ctx)) }()
	return talk(ctx, manager, second, out)
}

// talk connects user 1024 to the node of manager, and sends from another node.
func talk(ctx context.Context, manager *websocket.SessionManager, elsewhere sender.Sender, out io.Writer) (err error) {
	login := func(*http.Request) (websocket.LoginUser, error) {
		return websocket.LoginUser{ID: "1024", Type: websocket.Member}, nil
	}
	sockets, err := websocket.NewServer(manager, websocket.Options{Authenticator: login, Dispatcher: listener.NewMux()})
	if err != nil {
		return err
	}
	web := httptest.NewServer(sockets)
	defer web.Close()
	defer func() { err = errors.Join(err, sockets.Shutdown(ctx)) }()
	conn, _, err := client.Dial(ctx, web.URL, nil) //nolint:bodyclose // it is the connection
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	for _, target := range []websocket.Target{websocket.ToAll(), websocket.ToUserType(websocket.Member)} {
		receipt, err := sender.SendJSON(ctx, elsewhere, target, "greet", target.String())
		if err != nil {
			return err
		}
		_, frame, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "node2 sends to %s (published: %t), user 1024 on node1 gets %s\n", target, receipt.Published, frame)
		if err != nil {
			return err
		}
	}
	return nil
}

// startNATS runs a server in this process.
func startNATS(o *server.Options) (*server.Server, error) {
	o.NoSigs = true
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, errors.New("the NATS server does not start")
	}
	return s, nil
}
