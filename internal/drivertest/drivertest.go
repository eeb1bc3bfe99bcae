package drivertest

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
)

// Patience bounds every wait. It is not a measure: a test that meets it has failed.
const Patience = 30 * time.Second

// Fresh returns a name for an application that no other test has.
func Fresh() string { return "test-" + strings.ToLower(rand.Text()[:12]) }

// Opened returns the Broker that was opened, which is closed with the test.
func Opened[B sender.Broker](t testing.TB, b B, err error) B {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

// Proxied returns a network to an address that can be broken, until the test ends.
func Proxied(t testing.TB, address string) *brokers.Proxy {
	t.Helper()
	p, err := brokers.NewProxy(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() }) //nolint:errcheck // it listens no more, which is all that it is for
	return p
}

// NoLeaks fails a test that leaves goroutines behind, apart from those that wait for a broker's process, and those that the
// proxy leaves when it is closed in a fault.
func NoLeaks(t testing.TB) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"),
			goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
	})
}

// Eventually waits until ask returns nil, asking often.
func Eventually(t testing.TB, ask func() error) {
	t.Helper()
	deadline := time.After(Patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("still, after %s: %v", Patience, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
