package redis_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-viper/mapstructure/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestConfigIsReadByItsKeys(t *testing.T) {
	got := redis.Defaults()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{Result: &got, TagName: "koanf", ErrorUnused: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(map[string]any{
		"addrs":             []string{"sentinel1:26379", "sentinel2:26379"},
		"cluster":           true,
		"master-name":       "chat",
		"username":          "app",
		"password":          "hunter2",
		"sentinel-username": "watch",
		"sentinel-password": "hunter3",
		"db":                3,
		"tls":               true,
		"tls-ca-file":       "ca.pem",
		"tls-cert-file":     "cert.pem",
		"tls-key-file":      "key.pem",
		"channel":           "chat-production",
		"mode":              "stream",
		"stream-max-len":    5000,
	}); err != nil {
		t.Fatal(err)
	}
	want := redis.Config{
		Addrs: []string{"sentinel1:26379", "sentinel2:26379"}, Cluster: true, MasterName: "chat",
		Username: "app", Password: "hunter2", SentinelUsername: "watch", SentinelPassword: "hunter3",
		DB: 3, TLS: true, TLSCAFile: "ca.pem", TLSCertFile: "cert.pem", TLSKeyFile: "key.pem", Channel: "chat-production", Mode: redis.Stream, StreamMaxLen: 5000,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	if err := redis.Defaults().Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestConfigValidate(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*redis.Config)
		want  string
	}{
		{"no addrs", func(c *redis.Config) { c.Addrs = nil }, "addrs is empty"},
		{"no port", func(c *redis.Config) { c.Addrs = []string{"localhost"} }, `"localhost", which is not host:port`},
		{"port 0", func(c *redis.Config) { c.Addrs = []string{"localhost:0"} }, "not host:port"},
		{"a port by name", func(c *redis.Config) { c.Addrs = []string{"localhost:redis"} }, "not host:port"},
		{"no host", func(c *redis.Config) { c.Addrs = []string{":6379"} }, "not host:port"},
		{"a URL", func(c *redis.Config) { c.Addrs = []string{"redis://me:hunter2@localhost:6379"} }, "keys of their own"},
		{"one of two", func(c *redis.Config) { c.Addrs = []string{"localhost:6379", "other"} }, `"other"`},
		{"cluster of sentinels", func(c *redis.Config) { c.Cluster, c.MasterName = true, "main" }, "exclude each other"},
		{"sentinel password alone", func(c *redis.Config) { c.SentinelPassword = "hunter2" }, "need master-name"},
		{"sentinel user without password", func(c *redis.Config) { c.MasterName, c.SentinelUsername = "main", "u" }, "sentinel-username needs"},
		{"user without password", func(c *redis.Config) { c.Username = "u" }, "username needs password"},
		{"negative db", func(c *redis.Config) { c.DB = -1 }, "db must not be negative"},
		{"db of a cluster", func(c *redis.Config) { c.Cluster, c.DB = true, 2 }, "db must be 0, not 2"},
		{"db of several servers", func(c *redis.Config) { c.Addrs, c.DB = []string{"a:1", "b:1"}, 2 }, "db must be 0, not 2"},
		{"CA without TLS", func(c *redis.Config) { c.TLSCAFile = "ca.pem" }, "tls-key-file need tls"},
		{"a certificate without its key", func(c *redis.Config) { c.TLS, c.TLSCertFile = true, "cert.pem" }, "need each other"},
		{"no channel", func(c *redis.Config) { c.Channel = "" }, "channel must have"},
		{"a brace", func(c *redis.Config) { c.Channel = "a}b" }, `not "a}b"`},
		{"a space", func(c *redis.Config) { c.Channel = "a b" }, "without spaces"},
		{"a control character", func(c *redis.Config) { c.Channel = "a\x00" }, "channel must have"},
		{"a long channel", func(c *redis.Config) { c.Channel = strings.Repeat("a", 201) }, "200 bytes"},
		{"no mode", func(c *redis.Config) { c.Mode = "" }, "mode must be pubsub or stream"},
		{"another mode", func(c *redis.Config) { c.Mode = "queue" }, `not "queue"`},
		{"a short stream", func(c *redis.Config) { c.StreamMaxLen = 999 }, "stream-max-len must be at least 1000, not 999"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := redis.Defaults()
			test.spoil(&c)
			err := c.Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want something with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("the error shows a password: %v", err)
			}
			if b, err := redis.Open(c, "n1"); err == nil {
				b.Close()
				t.Fatal("Open took it")
			}
		})
	}
}

func TestConfigTLSFiles(t *testing.T) {
	c := redis.Defaults()
	c.TLS, c.TLSCAFile = true, filepath.Join(t.TempDir(), "missing.pem")
	if _, err := redis.Open(c, "n1"); err == nil || !strings.Contains(err.Error(), "tls-ca-file: open "+c.TLSCAFile) {
		t.Errorf("got %v for a file that is not there", err)
	}
	if err := os.WriteFile(c.TLSCAFile, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := redis.Open(c, "n1"); err == nil || !strings.Contains(err.Error(), "has no certificates in PEM") {
		t.Errorf("got %v for a file without certificates", err)
	}
	c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile = "", c.TLSCAFile, c.TLSCAFile
	if _, err := redis.Open(c, "n1"); err == nil || !strings.Contains(err.Error(), "tls-cert-file and tls-key-file: ") {
		t.Errorf("got %v for a certificate of one's own that is none", err)
	}
}

func TestNewTakesOnlyWhatItCanUse(t *testing.T) {
	ring := goredis.NewRing(&goredis.RingOptions{Addrs: map[string]string{"a": shared.Address}})
	defer ring.Close()
	if _, err := redis.New(ring, redis.Config{}, "n1"); err == nil || !strings.Contains(err.Error(), "*redis.Ring cannot be used") {
		t.Errorf("a ring: %v", err)
	}
	if _, err := redis.New(client(t, shared.Address), redis.Config{}, ""); err == nil || !strings.Contains(err.Error(), "no name") {
		t.Errorf("no name: %v", err)
	}
	if _, err := redis.New(client(t, shared.Address), redis.Config{Channel: "a b"}, "n1"); err == nil || !strings.Contains(err.Error(), "channel") {
		t.Errorf("a wrong channel: %v", err)
	}
}

// An error is what an operator has when nothing works: it says what was tried.
func TestUnreachable(t *testing.T) {
	manager, err := websocket.NewSessionManager("n1")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*redis.Config)
		wants  []string
	}{
		{"server", func(*redis.Config) {}, []string{"sender redis", "redis 127.0.0.1:1", "connection refused"}},
		{"cluster", func(c *redis.Config) { c.Cluster = true }, []string{"redis cluster 127.0.0.1:1", "connection refused"}},
		{"sentinels", func(c *redis.Config) { c.MasterName = "main" }, []string{"redis main of the sentinels 127.0.0.1:1"}},
	}
	modes(t, func(t *testing.T, mode redis.Mode) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second) // it tries until then
				defer cancel()
				_, err := sender.Open(ctx, "redis", sender.OpenOptions{Manager: manager, Decode: func(c any) error {
					o := c.(*redis.Config)
					o.Addrs, o.Mode, o.Password = []string{"127.0.0.1:1"}, mode, "hunter2"
					test.change(o)
					return nil
				}})
				if err == nil {
					t.Fatal("it was opened")
				}
				for _, want := range test.wants {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("the error does not say %q: %v", want, err)
					}
				}
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error shows the password: %v", err)
				}
			})
		}
	})
}

// A wrong password is told from a server that is away.
func TestWrongPassword(t *testing.T) {
	modes(t, func(t *testing.T, mode redis.Mode) {
		c := settings(shared.Address, fresh(), mode)
		c.Username, c.Password = "app", "hunter2"
		b := open(t, c, "n1")
		err := b.Subscribe(t.Context())
		if err == nil || !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Subscribe: %v", err)
		}
		err = b.Publish(t.Context(), []sender.Packet{{Payload: []byte("x")}})
		if err == nil || !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Publish: %v", err)
		}
	})
}
