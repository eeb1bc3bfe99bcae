package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/websocket"
)

// patience bounds every wait. A test that meets it has failed.
const patience = 30 * time.Second

var broker *brokers.Broker

func TestMain(m *testing.M) {
	brokers.Main(m, brokers.Redis, func(b *brokers.Broker) { broker = b })
}

// connect returns the connection of an admin to a node on the broker.
func connect(ctx context.Context, t *testing.T) *client.Conn {
	t.Helper()
	manager, err := websocket.NewSessionManager("")
	if err != nil {
		t.Fatal(err)
	}
	server, err := websocket.NewServer(manager, websocket.Options{
		Authenticator: func(*http.Request) (websocket.LoginUser, error) {
			return websocket.LoginUser{ID: "1", Type: websocket.Admin}, nil
		},
		Dispatcher: listener.NewMux(),
	})
	if err != nil {
		t.Fatal(err)
	}
	node, err := sender.Open(ctx, "redis", sender.OpenOptions{Manager: manager, Decode: func(section any) error {
		section.(*redis.Config).Addrs = []string{broker.Address}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(server)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(server.Shutdown(ctx), node.Shutdown(ctx)); err != nil {
			t.Error(err)
		}
		site.Close()
	})
	conn, _, err := client.Dial(ctx, strings.Replace(site.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

func TestNotice(t *testing.T) {
	before := goleak.IgnoreCurrent() // the broker's
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn := connect(ctx, t)
	var output bytes.Buffer
	err := run(ctx, []string{"--websocket.sender-type=redis", "Lunch", "It is served."}, []string{"WEBSOCKET_SENDER_REDIS_ADDRS=" + broker.Address}, &output)
	if got, want := output.String(), "{Local:0 Published:true Nodes:1}\n"; err != nil || got != want {
		t.Errorf("the receipt is %s, want %s: %v", got, want, err)
	}
	_, frame, err := conn.Read(ctx)
	if want := `{"type":"notice-push","content":"{\"content\":\"It is served.\",\"title\":\"Lunch\"}"}`; err != nil || string(frame) != want {
		t.Errorf("the admin got %s, want %s: %v", frame, want, err)
	}
}

func TestRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for args, want := range map[string]string{
		"":                            "usage: emitter",
		"title":                       "usage: emitter",
		"title content more":          "usage: emitter",
		"title content":               "open sender local: a local sender needs a session manager",
		"title content --websocket.x": "flag --websocket.x: unknown key websocket.x",
		"title content --websocket.sender-type=redis --websocket.sender-redis.mode=x": "open sender redis: redis: mode must be pubsub or stream",
		"title content --websocket.sender-type=nats":                                  `unknown sender "nats"`,
	} {
		var output bytes.Buffer
		err := run(ctx, strings.Fields(args), nil, &output)
		if err == nil || !strings.HasPrefix(err.Error(), want) || output.Len() > 0 {
			t.Errorf("emitter %s: %v, printed %q", args, err, output.String())
		}
	}
}
