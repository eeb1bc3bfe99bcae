package kafka_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/kafka"
)

// TestTLS is with a Kafka that serves nobody without TLS, a certificate and SASL.
func TestTLS(t *testing.T) {
	noLeaks(t)
	files := drivertest.Certify(t, "127.0.0.1")
	broker, err := brokers.StartTLS(brokers.Kafka, files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	encrypted := func(mechanism kafka.Mechanism) kafka.Config {
		c := settings(fresh())
		c.Brokers = []string{broker.Address}
		c.Username, c.Password, c.Mechanism = brokers.User, brokers.Password, mechanism
		c.TLS, c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile = true, files.CA, files.Cert, files.Key
		return c
	}
	mechanisms := []kafka.Mechanism{kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512}
	for _, mechanism := range mechanisms {
		t.Run("fan-out by "+string(mechanism), func(t *testing.T) {
			c := encrypted(mechanism)
			nodes := []*kafka.Broker{subscribed(t, c, "n1"), subscribed(t, c, "n2"), subscribed(t, c, "n3")}
			payloads := append(numbered("packet", 100), "", strings.Repeat("l", c.MaxPayload))
			for _, from := range nodes {
				publish(t, from, payloads...)
				for _, to := range nodes {
					expect(t, to, payloads...)
				}
			}
		})
		t.Run("another password by "+string(mechanism), func(t *testing.T) {
			c := encrypted(mechanism)
			c.Password += "2"
			refused(t, c, "SASL Authentication Failed")
		})
	}

	_, port, _ := strings.Cut(broker.Address, ":")
	withoutTLS := func(c *kafka.Config) { c.TLS, c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile = false, "", "", "" }
	for _, refusal := range []struct {
		what  string
		spoil func(*kafka.Config)
		want  string
	}{
		{"another authority", func(c *kafka.Config) { c.TLSCAFile = drivertest.Certify(t, "127.0.0.1").CA }, "certificate signed by unknown authority"},
		{"the system's authorities", func(c *kafka.Config) { c.TLSCAFile = "" }, "certificate signed by unknown authority"},
		{"another host", func(c *kafka.Config) { c.Brokers = []string{"localhost:" + port} }, "wanted to match localhost"},
		{"no certificate", func(c *kafka.Config) { c.TLSCertFile, c.TLSKeyFile = "", "" }, "certificate"},
		{"no TLS", withoutTLS, "wants TLS or SASL and is not given it"},
		{"no user", func(c *kafka.Config) { c.Username, c.Password = "", "" }, "wants TLS or SASL and is not given it"},
		{"another user", func(c *kafka.Config) { c.Username = "nobody" }, "SASL Authentication Failed"},
		{"TLS to a broker without", func(c *kafka.Config) { c.Brokers = []string{shared.Address} }, "TLS with " + shared.Address},
		{"a user to a broker without", func(c *kafka.Config) { withoutTLS(c); c.Brokers = []string{shared.Address} }, "SASL"},
	} {
		t.Run(refusal.what, func(t *testing.T) {
			c := encrypted(kafka.ScramSHA512)
			refusal.spoil(&c)
			refused(t, c, refusal.want)
		})
	}

	site := func(t *testing.T) drivertest.Site {
		c, proxy := encrypted(kafka.ScramSHA512), drivertest.Proxied(t, broker.Address)
		return drivertest.Site{Broker: broker, Proxy: proxy, Rate: 200, Open: func(t testing.TB, node string, proxied bool) sender.Broker {
			b := open(t, c, node)
			if proxied {
				kafka.DialThrough(b, proxy.Address)
			}
			return b
		}}
	}
	drivertest.AtOnce(t, site, drivertest.Cut.OfBoth(), drivertest.HalfOpen.OfBoth())
}

// refused checks that nothing can be done, and that the error says why and shows no
// password.
func refused(t *testing.T, c kafka.Config, want string) {
	t.Helper()
	b := open(t, c, "n1")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for call, err := range map[string]error{
		"Subscribe": b.Subscribe(ctx),
		"Publish":   b.Publish(ctx, packets("not for all to read")),
	} {
		if ctx.Err() != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s returned %v, want something with %q", call, err, want)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, b, b), brokers.Password) {
			t.Errorf("the password is shown: %v", err)
		}
	}
}
