package redis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
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
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certify(t, ca, cert, key)
	port := freePort(t)
	server := startServer(t, "--tls-port", fmt.Sprint(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", ca)
	modes(t, func(t *testing.T, mode redis.Mode) {
		s := settings(fmt.Sprintf("127.0.0.1:%d", port), fresh(), mode)
		s.TLS = true
		if err := open(t, s, "n1").Subscribe(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("a server that nobody vouches for: %v", err)
		}
		s.TLSCAFile = ca
		if err := open(t, s, "n1").Subscribe(t.Context()); err == nil { // a reset, or that a certificate is required
			t.Error("Subscribe works without a certificate of our own")
		}
		s.TLSCertFile, s.TLSKeyFile = cert, key
		n := subscribed(t, s, "n1")
		publish(t, n, "encrypted")
		expect(t, n, "encrypted")
		kill(t, server.Client, map[redis.Mode]string{redis.PubSub: "pubsub", redis.Stream: "normal"}[mode])
		expect(t, n, "down", "up")
		eventually(t, func() error { return n.Publish(t.Context(), []sender.Packet{{Payload: []byte("again")}}) })
		expect(t, n, "again")
	})
}

// certify writes a CA and what it has signed for 127.0.0.1.
func certify(t testing.TB, caFile, certFile, keyFile string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(file, kind string, der []byte) {
		t.Helper()
		check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	check(err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redis"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, ca, key.Public(), caKey)
	check(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	write(caFile, "CERTIFICATE", caDER)
	write(certFile, "CERTIFICATE", der)
	write(keyFile, "PRIVATE KEY", keyDER)
}

// A shutdown does not wait for a Redis that hangs: it was what the shutdown was for.
func TestCloseWhileRedisHangs(t *testing.T) {
	noLeaks(t)
	server, err := brokers.Start(brokers.Redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
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
	server, err := brokers.Start(brokers.Redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
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
		for got := ""; got != "after"; { // what was given up may have come
			if got = text(next(t, n)); got != "after" && got != "hangs" {
				t.Fatalf("received %s", got)
			}
		}
	})
}
