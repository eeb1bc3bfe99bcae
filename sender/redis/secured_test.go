package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
)

// The rights that the package comment names are enough.
func TestRightsOfAnACLUser(t *testing.T) {
	noLeaks(t)
	c, channel := client(t, shared.Address), fresh()
	if err := c.Do(t.Context(), "ACL", "SETUSER", channel, "on", ">hunter2", "+@all", "resetkeys", "resetchannels",
		"&{"+channel+"}:*", "~{"+channel+"}:stream").Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Do(context.Background(), "ACL", "DELUSER", channel) })
	modes(t, func(t *testing.T, mode redis.Mode) {
		s := settings(shared.Address, channel, mode)
		s.Username, s.Password = channel, "hunter2"
		n := subscribed(t, s, "n1")
		publish(t, n, "a", "b")
		expect(t, n, "a", "b")
		n.Take("user/2/1", true)
		publish(t, n, "c")
		expect(t, n, "c")
	})
}

// Redis with TLS asks for certificates of the clients, too, unless told not to.
func TestTLS(t *testing.T) {
	noLeaks(t)
	files := drivertest.Certify(t, "127.0.0.1")
	port := freePort(t)
	server := startServer(t, "--tls-port", fmt.Sprint(port), "--tls-cert-file", files.Cert, "--tls-key-file", files.Key, "--tls-ca-cert-file", files.CA)
	modes(t, func(t *testing.T, mode redis.Mode) {
		s := settings(fmt.Sprintf("127.0.0.1:%d", port), fresh(), mode)
		s.TLS = true
		if err := open(t, s, "n1").Subscribe(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("a server that nobody vouches for: %v", err)
		}
		s.TLSCAFile = files.CA
		if err := open(t, s, "n1").Subscribe(t.Context()); err == nil { // a reset, or that a certificate is required
			t.Error("Subscribe works without a certificate of our own")
		}
		s.TLSCertFile, s.TLSKeyFile = files.Cert, files.Key
		n := subscribed(t, s, "n1")
		publish(t, n, "encrypted")
		expect(t, n, "encrypted")
		kill(t, server.Client, map[redis.Mode]string{redis.PubSub: "pubsub", redis.Stream: "normal"}[mode])
		expect(t, n, "down", "up")
		drivertest.Insist(t, n, "again")
		expect(t, n, "again")
	})
}

// A shutdown does not wait for a Redis that hangs: it was what the shutdown was for.
func TestCloseWhileRedisHangs(t *testing.T) {
	noLeaks(t)
	server := ownServer(t)
	modes(t, func(t *testing.T, mode redis.Mode) {
		n := subscribed(t, settings(server.Address, fresh(), mode), "n1")
		publish(t, n, "before")
		expect(t, n, "before")
		if err := server.Pause(); err != nil {
			t.Fatal(err)
		}
		defer server.Resume()
		published, received := make(chan error, 1), make(chan error, 1)
		go func() {
			published <- n.Publish(context.Background(), []sender.Packet{{Payload: []byte("hangs")}})
		}()
		go func() {
			_, err := n.Receive(context.Background())
			received <- err
		}()
		select {
		case err := <-published:
			t.Fatalf("Publish returned %v from a Redis that hangs", err)
		case <-time.After(100 * time.Millisecond):
		}
		began := time.Now()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("Close took %s", took)
		}
		if err := <-published; !errors.Is(err, sender.ErrClosed) {
			t.Errorf("Publish returned %v", err)
		}
		if err := <-received; !errors.Is(err, sender.ErrClosed) {
			t.Errorf("Receive returned %v", err)
		}
	})
}

// A deadline ends a publish in time, and the next one works.
func TestPublishDeadlineWhileRedisHangs(t *testing.T) {
	server := ownServer(t)
	modes(t, func(t *testing.T, mode redis.Mode) {
		n := subscribed(t, settings(server.Address, fresh(), mode), "n1")
		if err := server.Pause(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := n.Publish(ctx, []sender.Packet{{Payload: []byte("hangs")}})
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
			t.Errorf("Publish returned %v after %s", err, took)
		}
		if err := server.Resume(); err != nil {
			t.Fatal(err)
		}
		publish(t, n, "after")
		if got := text(next(t, n)); got != "after" { // what was given up may have come
			if got != "hangs" {
				t.Fatalf("received %s", got)
			}
			expect(t, n, "after")
		}
	})
}
