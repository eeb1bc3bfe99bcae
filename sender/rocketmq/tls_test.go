package rocketmq_test

import (
	"context"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rocketmq"
)

// TestTLS is with a RocketMQ that serves nobody without TLS, a certificate and a
// signature.
func TestTLS(t *testing.T) {
	noLeaks(t)
	files := drivertest.Certify(t, "127.0.0.1")
	broker, err := brokers.StartTLS(brokers.RocketMQ, files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	encrypted := func(topic string) rocketmq.Config {
		c := settings(broker.Address, topic)
		c.AccessKey, c.SecretKey = brokers.User, brokers.Password
		c.TLS, c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile = true, files.CA, files.Cert, files.Key
		return c
	}

	t.Run("fan-out", func(t *testing.T) {
		c := encrypted(fresh())
		nodes := []*rocketmq.Broker{subscribed(t, c, "n1"), subscribed(t, c, "n2"), subscribed(t, c, "n3")}
		payloads := append(numbered("packet", 100), "", strings.Repeat("l", nodes[0].Capabilities().MaxPayload))
		for _, from := range nodes {
			publish(t, from, payloads...)
			for _, to := range nodes {
				expect(t, to, payloads...)
			}
		}
	})

	_, port, _ := strings.Cut(broker.Address, ":")
	refusals := []struct {
		what  string
		spoil func(*rocketmq.Config)
		want  string
	}{
		{"another authority", func(c *rocketmq.Config) { c.TLSCAFile = drivertest.Certify(t, "127.0.0.1").CA }, "certificate signed by unknown authority"},
		{"the system's authorities", func(c *rocketmq.Config) { c.TLSCAFile = "" }, "certificate signed by unknown authority"},
		{"another host", func(c *rocketmq.Config) { c.NameServers = []string{"localhost:" + port} }, "wanted to match localhost"},
		{"no certificate", func(c *rocketmq.Config) { c.TLSCertFile, c.TLSKeyFile = "", "" }, "certificate"},
		{"no TLS", func(c *rocketmq.Config) {
			c.TLS, c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile = false, "", "", ""
		}, "wants TLS and is not given it"},
		{"TLS to a server without", func(c *rocketmq.Config) { c.NameServers = []string{shared.Address} }, "has no TLS"},
		{"another key", func(c *rocketmq.Config) { c.SecretKey = "hunter22" }, "refused with code"},
		{"no key", func(c *rocketmq.Config) { c.AccessKey, c.SecretKey = "", "" }, "refused with code"},
	}
	for _, refusal := range refusals {
		t.Run(refusal.what, func(t *testing.T) {
			c := encrypted(fresh())
			refusal.spoil(&c)
			b := open(t, c, "n1")
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for call, err := range map[string]error{
				"Subscribe": b.Subscribe(ctx),
				"Publish":   b.Publish(ctx, drivertest.Packets("not for all to read")),
			} {
				if ctx.Err() != nil || err == nil || !strings.Contains(err.Error(), refusal.want) || strings.Contains(err.Error(), brokers.Password) {
					t.Errorf("%s returned %v, want something with %q", call, err, refusal.want)
				}
			}
		})
	}

	site := func(t *testing.T) drivertest.Site {
		c := encrypted(fresh())
		return drivertest.Site{Broker: broker, Rate: 250, Open: func(t testing.TB, node string, _ bool) sender.Broker { return open(t, c, node) }}
	}
	drivertest.InTurn(t, site, drivertest.Paused)
}
