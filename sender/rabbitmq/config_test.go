package rabbitmq_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
)

func TestConfigIsReadByItsKeys(t *testing.T) {
	drivertest.ReadByKeys(t, rabbitmq.Defaults, map[string]any{
		"url":              "amqps://app:hunter2@broker/chat",
		"exchange":         "chat-exchange",
		"queue":            "chat-queue",
		"queue-expiry":     "2m",
		"queue-max-length": 5000,
		"queue-max-bytes":  8_000_000,
		"persistent":       false,
		"max-payload":      2_000_000,
		"prefetch":         100,
		"heartbeat":        "5s",
		"tls-ca-file":      "ca.pem",
		"tls-cert-file":    "cert.pem",
		"tls-key-file":     "key.pem",
		"tls-server-name":  "broker.test",
	}, rabbitmq.Config{
		URL: "amqps://app:hunter2@broker/chat", Exchange: "chat-exchange", Queue: "chat-queue",
		QueueExpiry: 2 * time.Minute, QueueMaxLength: 5000, QueueMaxBytes: 8_000_000, MaxPayload: 2_000_000,
		Prefetch: 100, Heartbeat: 5 * time.Second,
		TLSCAFile: "ca.pem", TLSCertFile: "cert.pem", TLSKeyFile: "key.pem", TLSServerName: "broker.test",
	})
}

func TestConfigValidate(t *testing.T) {
	refuses := drivertest.Refuses(t, rabbitmq.Defaults, rabbitmq.New)
	refuses("no url", func(c *rabbitmq.Config) { c.URL = "" }, "url")
	refuses("no exchange", func(c *rabbitmq.Config) { c.Exchange = "" }, "exchange")
	refuses("an exchange of RabbitMQ's own", func(c *rabbitmq.Config) { c.Exchange = "amq.topic" }, "exchange")
	refuses("a long queue", func(c *rabbitmq.Config) { c.Queue = strings.Repeat("q", 128) }, "queue")
	refuses("no expiry", func(c *rabbitmq.Config) { c.QueueExpiry = 0 }, "queue-expiry")
	refuses("a long expiry", func(c *rabbitmq.Config) { c.QueueExpiry = 60 * 24 * time.Hour }, "queue-expiry")
	refuses("no length", func(c *rabbitmq.Config) { c.QueueMaxLength = 0 }, "queue-max-length")
	refuses("a queue too small for a packet", func(c *rabbitmq.Config) { c.QueueMaxBytes = c.MaxPayload - 1 }, "queue-max-bytes")
	refuses("no payload", func(c *rabbitmq.Config) { c.MaxPayload = 0 }, "max-payload")
	refuses("a large payload", func(c *rabbitmq.Config) { c.MaxPayload = 1 << 30 }, "max-payload")
	refuses("a large prefetch", func(c *rabbitmq.Config) { c.Prefetch = 65536 }, "prefetch")
	refuses("half a second", func(c *rabbitmq.Config) { c.Heartbeat = 1500 * time.Millisecond }, "heartbeat")
	refuses("CA without TLS", func(c *rabbitmq.Config) { c.TLSCAFile = "ca.pem" }, "amqps")
	refuses("a key without its certificate", func(c *rabbitmq.Config) { c.URL, c.TLSKeyFile = "amqps://a:b@c/", "key.pem" }, "tls-cert-file")
}

func TestConfigTLSFiles(t *testing.T) {
	drivertest.RefusesFiles(t, rabbitmq.New, func(ca, cert, key string) rabbitmq.Config {
		c := rabbitmq.Defaults()
		c.URL, c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile = "amqps://app:hunter2@broker/", ca, cert, key
		return c
	})
}

// A reserved character that is not percent-encoded has other parts of the URL
// begin within the password.
func TestErrorsOfURLsHaveNoPassword(t *testing.T) {
	for _, url := range []string{
		"hunter2",
		"http://app:hunter2@broker/",
		"amqp://app:hunter2@broker:port/",
		"amqp://app:hunter2%zz@broker/",
		"amqp://app:hun ter2@broker/",
		"amqp://app:1/hunter2@broker/",
		"amqp://app:1?hunter2@broker/",
		"amqp://app:1#hunter2@broker/",
		"amqp://app:1[hunter2@broker/",
		"amqp://app:hunter2@broker/?heartbeat=0",
		"amqp://app:hunter2@broker/?auth_mechanism=hunter2",
		"amqp://app:hunter2@broker:5672:5672/",
		"amqp:app:hunter2@broker",
	} {
		config := rabbitmq.Defaults()
		config.URL = sender.Secret(url)
		_, err := rabbitmq.New(config, "n1")
		if err == nil {
			t.Errorf("%s was taken", url)
			continue
		}
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "hunter2") || strings.Contains(text, "ter2") {
			t.Errorf("the error for %s shows the password: %v", url, err)
		}
	}
	for _, url := range []string{"amqp://broker", "amqps://app:p%40ss@broker:5671/v%2Fhost", "amqp://app:hunter2@[::1]:5672/?auth_mechanism=plain"} {
		config := rabbitmq.Defaults()
		config.URL = sender.Secret(url)
		if err := config.Validate(); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestBrokerIsPrintedWithoutPassword(t *testing.T) {
	config := rabbitmq.Defaults()
	config.URL = "amqp://app:hunter2@broker/"
	b, err := rabbitmq.New(config, "n1")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb, b); text != "rabbitmq at amqp://broker:5672/" {
			t.Errorf("%s printed %s", verb, text)
		}
	}
	if got := config.URL.Reveal(); got != "amqp://app:hunter2@broker/" {
		t.Errorf("Reveal returned %s", got)
	}
}

func TestNodeNames(t *testing.T) {
	for _, name := range []string{"", "*", "a.#", "a b", strings.Repeat("n", 65)} {
		if _, err := rabbitmq.New(rabbitmq.Defaults(), name); err == nil {
			t.Errorf("node name %q was taken", name)
		}
	}
}
