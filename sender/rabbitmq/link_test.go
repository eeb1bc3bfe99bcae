package rabbitmq_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
	"github.com/switchboard-go/switchboard/websocket"
)

// A cluster calls Subscribe until it succeeds, and publishes meanwhile.
func TestSubscribeAgain(t *testing.T) {
	link := proxied(t, server.Address)
	b := open(t, configured(link.Address, app(t)), "n1")
	must(t, link.Cut())
	for range 2 {
		if err := b.Subscribe(bounded(t)); err == nil || !strings.Contains(err.Error(), link.Address) {
			t.Errorf("Subscribe returned %v", err)
		}
		if err := b.Publish(bounded(t), []sender.Packet{{Payload: []byte("lost")}}); err == nil {
			t.Error("Publish succeeded")
		}
	}
	must(t, link.Heal())
	insist(t, b, "too early")
	if err := b.Subscribe(bounded(t)); err != nil {
		t.Fatal(err)
	}
	say(t, b, "", "at once")
	expect(t, b, "at once")
	if err := b.Subscribe(bounded(t)); err == nil {
		t.Error("a second subscription was made")
	}
}

// Connecting takes a dozen round trips, here of 0.4 s.
func TestFarAwayBroker(t *testing.T) {
	t.Parallel()
	link := proxied(t, server.Address)
	must(t, link.Latency(200*time.Millisecond))
	subscribe(t, configured(link.Address, app(t)), "n1")
}

// join links a node, until the test ends.
func join(t *testing.T, config rabbitmq.Config, name string) *sender.Cluster {
	t.Helper()
	manager, err := websocket.NewSessionManager(name)
	must(t, err)
	cluster, err := sender.NewCluster(t.Context(), open(t, config, name), manager, "", sender.ClusterOptions{ProbeInterval: 200 * time.Millisecond})
	must(t, err)
	t.Cleanup(func() { cluster.Shutdown(context.Background()) })
	return cluster
}

// A node whose queue is bound no more hears nothing, and its load balancer knows.
func TestUnboundNodeIsNotReady(t *testing.T) {
	config := configured(server.Address, app(t))
	cluster := join(t, config, "n1")
	conn, channel := client(t, config)
	defer conn.Close()
	must(t, channel.ExchangeDelete(config.Exchange, false, false))
	eventually(t, func() error {
		if cluster.Ready() == nil {
			return errors.New("it says that it is ready")
		}
		return nil
	})
}

// Other programs may publish to the exchange: by mistake, or as the Java
// original's nodes do while an application moves.
func TestForeignMessages(t *testing.T) {
	config := configured(server.Address, app(t))
	near, far := join(t, config, "near"), join(t, config, "far")
	conn, channel := client(t, config)
	defer conn.Close()
	for i, id := range []string{"", "550e8400-e29b-41d4-a716-446655440000", "a.1", "a.1", "a.zzzzzzzz.0"} {
		for _, key := range []string{"all", "node.near", "", "node.near.x"} {
			body := fmt.Appendf(nil, `{"sessionId":null,"userType":%d}`, i)
			if err := channel.PublishWithContext(bounded(t), config.Exchange, key, false, false, amqp.Publishing{MessageId: id, Body: body, Headers: amqp.Table{"tenant-id": 1}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	foreign := func() error {
		if n, f := near.Stats().Foreign, far.Stats().Foreign; n != 6 || f != 4 { // those that claim to be the same one count once
			return fmt.Errorf("%d and %d foreign messages came, want 6 and 4", n, f)
		}
		return nil
	}
	eventually(t, foreign)
	for range 10 {
		for _, to := range []websocket.Target{websocket.ToAll(), websocket.ToSession("far-abcdefghijklmnopqrstuvwxyz")} {
			_, err := near.Send(bounded(t), to, websocket.Message{Type: "t", Content: []byte("ours")})
			must(t, err)
		}
	}
	eventually(t, func() error {
		if got := far.Stats().Received; got != 20 {
			return fmt.Errorf("%d of 20 of ours came", got)
		}
		return nil
	})
	must(t, foreign())
}

func TestExchangeOfAnotherKind(t *testing.T) {
	config := configured(server.Address, app(t))
	config.Exchange = app(t)
	conn, channel := client(t, config)
	defer conn.Close()
	if err := channel.ExchangeDeclare(config.Exchange, "fanout", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	b := open(t, config, "n1")
	err := b.Subscribe(bounded(t))
	if err == nil || !strings.Contains(err.Error(), config.Exchange) || !strings.Contains(err.Error(), "topic") {
		t.Errorf("Subscribe returned %v", err)
	}
	err = b.Publish(bounded(t), []sender.Packet{{Payload: []byte("x")}})
	if err == nil || !strings.Contains(err.Error(), config.Exchange) {
		t.Errorf("Publish returned %v", err)
	}
}

// A failure says what was tried, and keeps the password to itself.
func TestFailures(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var trying sync.WaitGroup
	for want, url := range map[string]string{
		"amqp://127.0.0.1:1/: dial":             "amqp://guest:hunter2@127.0.0.1:1/",
		"amqp://" + server.Address + "/":        "amqp://guest:hunter2@" + server.Address + "/",
		"amqp://" + server.Address + "/nowhere": "amqp://guest:guest@" + server.Address + "/nowhere",
		"no answer in time":                     "amqp://guest:hunter2@" + silent.Addr().String() + "/",
		"tls:":                                  "amqps://guest:hunter2@" + server.Address + "/",
	} {
		config := rabbitmq.Defaults()
		config.URL = sender.Secret(url)
		b := open(t, config, "n1")
		for what, try := range map[string]func() error{
			"Subscribe": func() error { return b.Subscribe(bounded(t)) },
			"Publish":   func() error { return b.Publish(bounded(t), []sender.Packet{{Payload: []byte("x")}}) },
		} {
			trying.Go(func() {
				if err := try(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s returned %v, want %s", what, err, want)
				}
			})
		}
	}
	trying.Wait()
}

func TestNothingIsLeftRunning(t *testing.T) {
	drivertest.NoLeaks(t)
	link := proxied(t, server.Address)
	config := configured(link.Address, app(t))
	for range 3 {
		b, err := rabbitmq.New(config, "n1")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Subscribe(bounded(t)); err != nil {
			t.Fatal(err)
		}
		say(t, b, "", "x")
		must(t, link.Cut())
		hear(t, b, change(sender.LinkDown))
		must(t, link.Heal())
		hear(t, b, change(sender.LinkUp))
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
