package kafka_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-viper/mapstructure/v2"

	"github.com/switchboard-go/switchboard/sender/kafka"
)

func TestConfigIsReadByItsKeys(t *testing.T) {
	got := kafka.Defaults()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: &got, TagName: "koanf", ErrorUnused: true, DecodeHook: mapstructure.StringToTimeDurationHookFunc(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(map[string]any{
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
	}); err != nil {
		t.Fatal(err)
	}
	want := kafka.Config{
		Brokers: []string{"kafka1:9093", "kafka2:9093"}, Topic: "chat.production", ConsumerGroup: "chat",
		Partitions: 6, ReplicationFactor: 3, Retention: time.Hour, MaxPayload: 2_000_000,
		Username: "app", Password: "hunter2", Mechanism: kafka.ScramSHA512,
		TLS: true, TLSCAFile: "ca.pem", TLSCertFile: "cert.pem", TLSKeyFile: "key.pem",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	if err := kafka.Defaults().Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestConfigValidate(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*kafka.Config)
		want  string
	}{
		{"no brokers", func(c *kafka.Config) { c.Brokers = nil }, "brokers is empty"},
		{"no port", func(c *kafka.Config) { c.Brokers = []string{"localhost"} }, `"localhost", which is not host:port`},
		{"port 0", func(c *kafka.Config) { c.Brokers = []string{"localhost:0"} }, "not host:port"},
		{"no host", func(c *kafka.Config) { c.Brokers = []string{":9092"} }, "not host:port"},
		{"a URL", func(c *kafka.Config) { c.Brokers = []string{"kafka://me:hunter2@localhost:9092"} }, "keys of their own"},
		{"one of two", func(c *kafka.Config) { c.Brokers = []string{"localhost:9092", "other"} }, `"other"`},
		{"no topic", func(c *kafka.Config) { c.Topic = "" }, "topic must have 1 to 249"},
		{"a slash", func(c *kafka.Config) { c.Topic = "a/b" }, `"a/b"`},
		{"a dot", func(c *kafka.Config) { c.Topic = "." }, `topic must have`},
		{"two dots", func(c *kafka.Config) { c.Topic = ".." }, `topic must have`},
		{"a long topic", func(c *kafka.Config) { c.Topic = strings.Repeat("a", 250) }, "topic must have"},
		{"no group", func(c *kafka.Config) { c.ConsumerGroup = "" }, "consumer-group must have"},
		{"a space", func(c *kafka.Config) { c.ConsumerGroup = "a b" }, `"a b"`},
		{"no partitions", func(c *kafka.Config) { c.Partitions = 0 }, "partitions must be from 1 to 100, not 0"},
		{"many partitions", func(c *kafka.Config) { c.Partitions = 101 }, "not 101"},
		{"negative replication", func(c *kafka.Config) { c.ReplicationFactor = -1 }, "replication-factor must be from 0"},
		{"short retention", func(c *kafka.Config) { c.Retention = time.Second }, "retention must be at least 1m, not 1s"},
		{"small packets", func(c *kafka.Config) { c.MaxPayload = 1 }, "max-payload must be from 65536 to 16777216, not 1"},
		{"large packets", func(c *kafka.Config) { c.MaxPayload = 1 << 30 }, "max-payload must be"},
		{"user without password", func(c *kafka.Config) { c.Username = "u" }, "username and password need each other"},
		{"password without user", func(c *kafka.Config) { c.Password = "hunter2" }, "username and password need each other"},
		{"mechanism", func(c *kafka.Config) { c.Mechanism = "gssapi" }, `mechanism must be plain, scram-sha-256 or scram-sha-512, not "gssapi"`},
		{"CA without TLS", func(c *kafka.Config) { c.TLSCAFile = "ca.pem" }, "need tls"},
		{"certificate without key", func(c *kafka.Config) { c.TLS, c.TLSCertFile = true, "cert.pem" }, "tls-cert-file and tls-key-file need each other"},
		{"password for SCRAM", func(c *kafka.Config) { c.Username, c.Password, c.Mechanism = "u", "hunter2\x00", kafka.ScramSHA512 }, "SCRAM forbids"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := kafka.Defaults()
			test.spoil(&c)
			b, err := kafka.New(c, "n1")
			if err == nil {
				b.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want something with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("the error shows a password: %v", err)
			}
		})
	}
}

func TestConfigTLSFiles(t *testing.T) {
	c := kafka.Defaults()
	c.TLS, c.TLSCAFile = true, filepath.Join(t.TempDir(), "missing.pem")
	if _, err := kafka.New(c, "n1"); err == nil || !strings.Contains(err.Error(), "tls-ca-file: open "+c.TLSCAFile) {
		t.Errorf("got %v for a file that is not there", err)
	}
	if err := os.WriteFile(c.TLSCAFile, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kafka.New(c, "n1"); err == nil || !strings.Contains(err.Error(), "has no certificates in PEM") {
		t.Errorf("got %v for a file without certificates", err)
	}
	c.TLSCertFile, c.TLSKeyFile, c.TLSCAFile = c.TLSCAFile, c.TLSCAFile, ""
	if _, err := kafka.New(c, "n1"); err == nil || !strings.Contains(err.Error(), "tls-cert-file and tls-key-file: ") {
		t.Errorf("got %v for a file without a certificate and key", err)
	}
}

func TestNodeNames(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("a", 256)} {
		if _, err := kafka.New(kafka.Defaults(), name); err == nil || !strings.Contains(err.Error(), "a node's name has 1 to 255 bytes") {
			t.Errorf("got %v for a name of %d bytes", err, len(name))
		}
	}
}
