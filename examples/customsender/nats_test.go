package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server on a port, or on a free one where that is -1.
func start(t testing.TB, port int) *server.Server {
	t.Helper()
	s, err := startNATS(&server.Options{Host: "127.0.0.1", Port: port, Username: "app", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// address is where a server is, with what it wants to know.
func address(s *server.Server) config.Secret {
	return config.Secret("nats://app:secret@" + s.Addr().String())
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func TestConformance(t *testing.T) {
	s := start(t, -1)
	t.Cleanup(func() { stop(s) })
	sendertest.Run(t, sendertest.Harness{
		Open: func(t testing.TB, app, node string) sender.Broker {
			b, err := NewBroker(Config{URL: address(s), Subject: app}, node)
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		Capabilities: &sender.Capabilities{Routing: sender.RouteAddresses, MaxPayload: 1 << 20},
		Restart: func(t testing.TB) {
			port := s.Addr().(*net.TCPAddr).Port
			stop(s)
			s = start(t, port)
		},
		Config: &sendertest.Config{
			Name: "nats",
			Unreachable: func(c any, secret string) {
				c.(*Config).URL = config.Secret("nats://app:" + secret + "@127.0.0.1:1")
			},
			Invalid: map[string]func(any){
				"no URL":            func(c any) { c.(*Config).URL = "" },
				"no host":           func(c any) { c.(*Config).URL = "nats://" },
				"another scheme":    func(c any) { c.(*Config).URL = "http://127.0.0.1:4222" },
				"a port of letters": func(c any) { c.(*Config).URL = "nats://app:hunter2-sendertest-secret@127.0.0.1:port" },
				"no subject":        func(c any) { c.(*Config).Subject = "" },
				"a wildcard":        func(c any) { c.(*Config).Subject = "*" },
			},
		},
	})
}

// What a receiver that stands still misses is told, and it hears all again.
func TestSlowReceiver(t *testing.T) {
	s := start(t, -1)
	t.Cleanup(func() { stop(s) })
	open := func(node string) *Broker {
		b, err := NewBroker(Config{URL: address(s), Subject: "app"}, node)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	slow, emitter := open("slow"), open("emitter")
	if err := slow.Subscribe(ctx); err != nil {
		t.Fatal(err)
	}
	publish := func(texts ...string) {
		packets := make([]sender.Packet, len(texts))
		for i, text := range texts {
			packets[i].Payload = []byte(text)
		}
		if err := emitter.Publish(ctx, packets); err != nil {
			t.Fatal(err)
		}
	}
	publish(slices.Repeat([]string{"one of many"}, maxWaiting+100)...)
	for len(slow.messages) < maxWaiting {
		<-time.After(time.Millisecond)
	}
	var got []string
	for !slices.Contains(got, "after") {
		event, err := slow.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch event.Link {
		case sender.LinkDown:
			got = append(got, "down")
		case sender.LinkUp:
			got = append(got, "up")
			if waiting := len(slow.messages); waiting > maxWaiting/2 {
				t.Errorf("the link is up while %d packets wait", waiting)
			}
			publish("after")
		default:
			if text := string(event.Payload); text != "one of many" {
				got = append(got, text)
			}
		}
	}
	if want := []string{"down", "up", "after"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
}

// A server that does not confirm a packet may not have it.
func TestServerHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		// It answers the ping of the handshake, and no other.
		io.WriteString(conn, "INFO {\"max_payload\":1048576}\r\nPONG\r\n")
		io.Copy(io.Discard, conn)
		conn.Close()
	}()
	t.Cleanup(func() { l.Close() })
	b, err := NewBroker(Config{URL: config.Secret("nats://" + l.Addr().String()), Subject: "app"}, "node1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	packets := []sender.Packet{{Payload: []byte("hello")}}
	if err := b.Publish(ctx, packets); !errors.Is(err, context.DeadlineExceeded) || packets[0].Done {
		t.Errorf("Publish returned %v, and Done is %t", err, packets[0].Done)
	}
	if err := b.Subscribe(ctx); err == nil {
		t.Error("Subscribe returned nil")
	}
}

// What NATS takes for a separator or a wildcard is none in an address.
func TestSubjects(t *testing.T) {
	b, err := NewBroker(Config{URL: "nats://127.0.0.1:4222", Subject: "app"}, "node1")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"key/.", "key/a..b", "key/a.*", "key/a.>", "key/ ", "key/\r\n"} {
		subject := b.subject(sender.Packet{Address: address})
		if encoded, ok := strings.CutPrefix(subject, "app.to."); !ok || strings.ContainsAny(encoded, ".*> \r\n") {
			t.Errorf("the subject of %q is %q", address, subject)
		}
	}
}

// The example's output is part of its documentation.
func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/output.txt")
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("it prints\n%swant\n%s", out.String(), want)
	}
}
