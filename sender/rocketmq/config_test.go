package rocketmq_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rocketmq"
)

func TestConfigIsReadByItsKeys(t *testing.T) {
	drivertest.ReadByKeys(t, rocketmq.Defaults, map[string]any{
		"name-servers":   []string{"names1:9876", "names2:9876"},
		"topic":          "chat",
		"consumer-group": "chat-nodes",
		"access-key":     "app",
		"secret-key":     "hunter2",
		"create-topic":   true,
		"tls":            true,
		"tls-ca-file":    "ca.pem",
		"tls-cert-file":  "cert.pem",
		"tls-key-file":   "key.pem",
	}, rocketmq.Config{
		NameServers: []string{"names1:9876", "names2:9876"}, Topic: "chat", ConsumerGroup: "chat-nodes",
		AccessKey: "app", SecretKey: "hunter2", CreateTopic: true,
		TLS: true, TLSCAFile: "ca.pem", TLSCertFile: "cert.pem", TLSKeyFile: "key.pem",
	})
}

func TestConfigValidate(t *testing.T) {
	refuses := drivertest.Refuses(t, rocketmq.Defaults, rocketmq.New)
	refuses("no name servers", func(c *rocketmq.Config) { c.NameServers = nil }, "name-servers is empty")
	refuses("no port", func(c *rocketmq.Config) { c.NameServers = []string{"localhost"} }, `"localhost", which is not host:port`)
	refuses("port 0", func(c *rocketmq.Config) { c.NameServers = []string{"localhost:0"} }, "not host:port")
	refuses("no host", func(c *rocketmq.Config) { c.NameServers = []string{":9876"} }, "not host:port")
	refuses("several in one", func(c *rocketmq.Config) { c.NameServers = []string{"a:9876;b:9876"} }, "not host:port")
	refuses("a URL", func(c *rocketmq.Config) { c.NameServers = []string{"http://me:hunter2@localhost:9876"} }, "keys of their own")
	refuses("one of two", func(c *rocketmq.Config) { c.NameServers = []string{"localhost:9876", "other"} }, `"other"`)
	refuses("no topic", func(c *rocketmq.Config) { c.Topic = "" }, "topic must have")
	refuses("a topic's dot", func(c *rocketmq.Config) { c.Topic = "a.b" }, `not "a.b"`)
	refuses("a long topic", func(c *rocketmq.Config) { c.Topic = strings.Repeat("a", 128) }, "1 to 127")
	refuses("no group", func(c *rocketmq.Config) { c.ConsumerGroup = "" }, "consumer-group must have")
	refuses("a long group", func(c *rocketmq.Config) { c.ConsumerGroup = strings.Repeat("a", 121) }, "1 to 120")
	refuses("half an account", func(c *rocketmq.Config) { c.AccessKey = "app" }, "need each other")
	refuses("the other half", func(c *rocketmq.Config) { c.SecretKey = "hunter2" }, "need each other")
	refuses("CA without TLS", func(c *rocketmq.Config) { c.TLSCAFile = "ca.pem" }, "need tls")
	refuses("certificate without key", func(c *rocketmq.Config) { c.TLS, c.TLSCertFile = true, "cert.pem" }, "tls-cert-file and tls-key-file need each other")
	if _, err := rocketmq.New(rocketmq.Defaults(), ""); err == nil {
		t.Error("New took a node without a name")
	}
}

func TestConfigTLSFiles(t *testing.T) {
	drivertest.RefusesFiles(t, rocketmq.New, func(ca, cert, key string) rocketmq.Config {
		c := rocketmq.Defaults()
		c.TLS, c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile = true, ca, cert, key
		return c
	})
}

// An error is what an operator has when nothing works: it says what was tried.
func TestUnreachable(t *testing.T) {
	c := settings("127.0.0.1:1", "chat")
	c.NameServers = append(c.NameServers, "127.0.0.1:2")
	c.AccessKey, c.SecretKey = "app", "hunter2"
	b := open(t, c, "n1")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for what, err := range map[string]error{
		"Subscribe": b.Subscribe(ctx),
		"Publish":   b.Publish(ctx, []sender.Packet{{Payload: []byte("x")}}),
	} {
		if err == nil || ctx.Err() != nil {
			t.Fatalf("%s: got %v, with the context %v", what, err, ctx.Err())
		}
		for _, want := range []string{"127.0.0.1:1", "127.0.0.1:2", "topic chat", "connection refused"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error of %s does not say %q: %v", what, want, err)
			}
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %x", b, b, b, b); strings.Contains(text, "hunter2") {
		t.Error("the broker printed shows the secret")
	}
}

// One name server of several is enough.
func TestNameServers(t *testing.T) {
	c := settings("127.0.0.1:1", fresh())
	c.NameServers = append(c.NameServers, shared.Address)
	b := subscribed(t, c, "n1")
	publish(t, b, "through the second")
	expect(t, b, "through the second")
}

// What was published before Subscribe is never received, however short before.
func TestNothingFromBefore(t *testing.T) {
	noLeaks(t)
	c := settings(shared.Address, fresh())
	from := open(t, c, "from")
	for i := range 30 {
		publish(t, from, numbered(fmt.Sprintf("before %d", i), 50)...)
		to := subscribed(t, c, "to")
		text := fmt.Sprintf("after %d", i)
		publish(t, from, text)
		expect(t, to, text)
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A call whose time is over says so.
func TestDeadlines(t *testing.T) {
	b := open(t, settings(shared.Address, fresh()), "n1")
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if err := b.Publish(ctx, []sender.Packet{{Payload: []byte("late")}}); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("Publish past its deadline: %v", err)
	}
	if err := b.Subscribe(ctx); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("Subscribe past its deadline: %v", err)
	}
}
