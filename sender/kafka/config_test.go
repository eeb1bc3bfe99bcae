package kafka_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender/kafka"
)

func TestConfigIsReadByItsKeys(t *testing.T) {
	drivertest.ReadByKeys(t, kafka.Defaults, map[string]any{
		"brokers":            []string{"kafka1:9093", "kafka2:9093"},
		"topic":              "chat.production",
		"consumer-group":     "chat",
		"create-topic":       false,
		"partitions":         6,
		"replication-factor": 3,
		"retention":          "1h",
		"max-payload":        2000000,
		"username":           "app",
		"password":           "hunter2",
		"mechanism":          "scram-sha-512",
		"tls":                true,
		"tls-ca-file":        "ca.pem",
		"tls-cert-file":      "cert.pem",
		"tls-key-file":       "key.pem",
	}, kafka.Config{
		Brokers: []string{"kafka1:9093", "kafka2:9093"}, Topic: "chat.production", ConsumerGroup: "chat",
		Partitions: 6, ReplicationFactor: 3, Retention: time.Hour, MaxPayload: 2_000_000,
		Username: "app", Password: "hunter2", Mechanism: kafka.ScramSHA512,
		TLS: true, TLSCAFile: "ca.pem", TLSCertFile: "cert.pem", TLSKeyFile: "key.pem",
	})
}

func TestConfigValidate(t *testing.T) {
	refuses := drivertest.Refuses(t, kafka.Defaults, kafka.New)
	refuses("no brokers", func(c *kafka.Config) { c.Brokers = nil }, "brokers is empty")
	refuses("no port", func(c *kafka.Config) { c.Brokers = []string{"localhost"} }, `"localhost", which is not host:port`)
	refuses("port 0", func(c *kafka.Config) { c.Brokers = []string{"localhost:0"} }, "not host:port")
	refuses("no host", func(c *kafka.Config) { c.Brokers = []string{":9092"} }, "not host:port")
	refuses("a URL", func(c *kafka.Config) { c.Brokers = []string{"kafka://me:hunter2@localhost:9092"} }, "keys of their own")
	refuses("one of two", func(c *kafka.Config) { c.Brokers = []string{"localhost:9092", "other"} }, `"other"`)
	refuses("no topic", func(c *kafka.Config) { c.Topic = "" }, "topic must have 1 to 249")
	refuses("a slash", func(c *kafka.Config) { c.Topic = "a/b" }, `"a/b"`)
	refuses("a dot", func(c *kafka.Config) { c.Topic = "." }, `topic must have`)
	refuses("two dots", func(c *kafka.Config) { c.Topic = ".." }, `topic must have`)
	refuses("a long topic", func(c *kafka.Config) { c.Topic = strings.Repeat("a", 250) }, "topic must have")
	refuses("no group", func(c *kafka.Config) { c.ConsumerGroup = "" }, "consumer-group must have")
	refuses("a space", func(c *kafka.Config) { c.ConsumerGroup = "a b" }, `"a b"`)
	refuses("no partitions", func(c *kafka.Config) { c.Partitions = 0 }, "partitions must be from 1 to 100, not 0")
	refuses("many partitions", func(c *kafka.Config) { c.Partitions = 101 }, "not 101")
	refuses("negative replication", func(c *kafka.Config) { c.ReplicationFactor = -1 }, "replication-factor must be from 0")
	refuses("short retention", func(c *kafka.Config) { c.Retention = time.Second }, "retention must be at least 1m, not 1s")
	refuses("small packets", func(c *kafka.Config) { c.MaxPayload = 1 }, "max-payload must be from 65536 to 16777216, not 1")
	refuses("large packets", func(c *kafka.Config) { c.MaxPayload = 1 << 30 }, "max-payload must be")
	refuses("user without password", func(c *kafka.Config) { c.Username = "u" }, "username and password need each other")
	refuses("password without user", func(c *kafka.Config) { c.Password = "hunter2" }, "username and password need each other")
	refuses("mechanism", func(c *kafka.Config) { c.Mechanism = "gssapi" }, `mechanism must be plain, scram-sha-256 or scram-sha-512, not "gssapi"`)
	refuses("CA without TLS", func(c *kafka.Config) { c.TLSCAFile = "ca.pem" }, "need tls")
	refuses("certificate without key", func(c *kafka.Config) { c.TLS, c.TLSCertFile = true, "cert.pem" }, "tls-cert-file and tls-key-file need each other")
}

// What SCRAM forbids is found out where a password is prepared for it.
func TestPasswordForSCRAM(t *testing.T) {
	c := kafka.Defaults()
	c.Username, c.Password, c.Mechanism = "u", "hunter2\x00", kafka.ScramSHA512
	if _, err := kafka.New(c, "n1"); err == nil || !strings.Contains(err.Error(), "SCRAM forbids") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestConfigTLSFiles(t *testing.T) {
	drivertest.RefusesFiles(t, kafka.New, func(ca, cert, key string) kafka.Config {
		c := kafka.Defaults()
		c.TLS, c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile = true, ca, cert, key
		return c
	})
}

func TestNodeNames(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("a", 256)} {
		if _, err := kafka.New(kafka.Defaults(), name); err == nil || !strings.Contains(err.Error(), "a node's name has 1 to 255 bytes") {
			t.Errorf("got %v for a name of %d bytes", err, len(name))
		}
	}
}
