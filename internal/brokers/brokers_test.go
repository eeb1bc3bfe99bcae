package brokers_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

var kinds = []brokers.Kind{brokers.Redis, brokers.RabbitMQ, brokers.Kafka, brokers.RocketMQ}

func TestStart(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			begin := time.Now()
			b, err := brokers.Start(kind)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("started after %v", time.Since(begin))
			t.Cleanup(func() { b.Close() })
			roundTrip(t, b, "first")

			must(t, b.Stop())
			if reachable(b.Address) {
				t.Error("a stopped broker accepts connections")
			}
			if err := b.Pause(); err == nil {
				t.Error("a stopped broker can be paused")
			}
			must(t, b.Restart())
			roundTrip(t, b, "second")

			must(t, b.Close())
			must(t, b.Close())
			if _, err := os.Stat(b.Dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the data of a closed broker is there: %v", err)
			}
			if err := b.Restart(); err == nil {
				t.Error("a closed broker can be restarted")
			}
		})
	}
}

// All that can happen to one broker happens behind its proxy, so that a client that gets past the proxy is noticed.
func TestStartBehindProxy(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			b, p, err := brokers.StartBehindProxy(kind)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { p.Close(); b.Close() })
			if b.Address != p.Address {
				t.Errorf("clients dial %s, the proxy listens on %s", b.Address, p.Address)
			}
			roundTrip(t, b, "whole")
			standing := connect(t, kind, b.Address)
			must(t, standing(t.Context(), "whole, too"))

			must(t, p.Cut())
			if reachable(b.Address) {
				t.Error("a cut network lets connections through")
			}
			fails(t, "over a cut network", standing)
			must(t, p.Heal())
			roundTrip(t, b, "healed")

			must(t, p.Blackhole())
			if !reachable(b.Address) {
				t.Error("a black hole refuses connections")
			}
			fails(t, "into a black hole", standing)
			must(t, p.Heal())
			roundTrip(t, b, "healed again")

			must(t, b.Pause())
			if !reachable(b.Address) {
				t.Error("a paused broker refuses connections")
			}
			fails(t, "to a paused broker", connect(t, kind, b.Address))
			must(t, b.Resume())
			roundTrip(t, b, "resumed")

			client := clients[kind]
			must(t, client.send(t.Context(), b.Address, "kept"))
			must(t, b.Kill())
			must(t, b.Restart())
			must(t, client.await(t.Context(), b.Address, "kept"))
		})
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", "")
	for _, kind := range kinds {
		b, err := brokers.Start(kind)
		if err == nil {
			b.Close()
			t.Fatalf("%s started without a PATH", kind)
		}
		if !strings.Contains(err.Error(), "scripts/install-brokers.sh") {
			t.Errorf("%s: the error does not say how to install it: %v", kind, err)
		}
	}
	if _, err := brokers.Start("carrier pigeon"); err == nil {
		t.Error("started a carrier pigeon")
	}
}

func TestStartTLSWhereThereIsNone(t *testing.T) {
	b, err := brokers.StartTLS(brokers.Redis, brokers.Certificates{})
	if err == nil {
		b.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "not run with TLS") {
		t.Errorf("got %v", err)
	}
}

func TestStartAtTakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	b, err := brokers.StartAt(brokers.Redis, taken.Addr().(*net.TCPAddr).Port)
	if err == nil {
		b.Close()
		t.Fatal("started on a port that is taken")
	}
	if !strings.Contains(err.Error(), "in use") {
		t.Errorf("the error does not say why: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func roundTrip(t *testing.T, b *brokers.Broker, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client := clients[b.Kind]
	err := client.send(ctx, b.Address, text)
	if err == nil {
		err = client.await(ctx, b.Address, text)
	}
	if err != nil {
		t.Fatalf("%q: %v\n%s", text, err, b.Logs())
	}
}

func fails(t *testing.T, where string, send func(context.Context, string) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := send(ctx, "lost"); err == nil {
		t.Errorf("sent %s", where)
	}
}

// reachable tells whether a connection can be made.
func reachable(address string) bool {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
