package redis_test

import (
	"context"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestConfigIsReadByItsKeys(t *testing.T) {
	drivertest.ReadByKeys(t, redis.Defaults, map[string]any{
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
	}, redis.Config{
		Addrs: []string{"sentinel1:26379", "sentinel2:26379"}, Cluster: true, MasterName: "chat",
		Username: "app", Password: "hunter2", SentinelUsername: "watch", SentinelPassword: "hunter3",
		DB: 3, TLS: true, TLSCAFile: "ca.pem", TLSCertFile: "cert.pem", TLSKeyFile: "key.pem", Channel: "chat-production", Mode: redis.Stream, StreamMaxLen: 5000,
	})
}

func TestConfigValidate(t *testing.T) {
	refuses := drivertest.Refuses(t, redis.Defaults, redis.Open)
	refuses("no addrs", func(c *redis.Config) { c.Addrs = nil }, "addrs is empty")
	refuses("no port", func(c *redis.Config) { c.Addrs = []string{"localhost"} }, `"localhost", which is not host:port`)
	refuses("port 0", func(c *redis.Config) { c.Addrs = []string{"localhost:0"} }, "not host:port")
	refuses("a port by name", func(c *redis.Config) { c.Addrs = []string{"localhost:redis"} }, "not host:port")
	refuses("no host", func(c *redis.Config) { c.Addrs = []string{":6379"} }, "not host:port")
	refuses("a URL", func(c *redis.Config) { c.Addrs = []string{"redis://me:hunter2@localhost:6379"} }, "keys of their own")
	refuses("one of two", func(c *redis.Config) { c.Addrs = []string{"localhost:6379", "other"} }, `"other"`)
	refuses("cluster of sentinels", func(c *redis.Config) { c.Cluster, c.MasterName = true, "main" }, "exclude each other")
	refuses("sentinel password alone", func(c *redis.Config) { c.SentinelPassword = "hunter2" }, "need master-name")
	refuses("sentinel user without password", func(c *redis.Config) { c.MasterName, c.SentinelUsername = "main", "u" }, "sentinel-username needs")
	refuses("user without password", func(c *redis.Config) { c.Username = "u" }, "username needs password")
	refuses("negative db", func(c *redis.Config) { c.DB = -1 }, "db must not be negative")
	refuses("db of a cluster", func(c *redis.Config) { c.Cluster, c.DB = true, 2 }, "db must be 0, not 2")
	refuses("db of several servers", func(c *redis.Config) { c.Addrs, c.DB = []string{"a:1", "b:1"}, 2 }, "db must be 0, not 2")
	refuses("CA without TLS", func(c *redis.Config) { c.TLSCAFile = "ca.pem" }, "tls-key-file need tls")
	refuses("a certificate without its key", func(c *redis.Config) { c.TLS, c.TLSCertFile = true, "cert.pem" }, "need each other")
	refuses("no channel", func(c *redis.Config) { c.Channel = "" }, "channel must have")
	refuses("a brace", func(c *redis.Config) { c.Channel = "a}b" }, `not "a}b"`)
	refuses("a space", func(c *redis.Config) { c.Channel = "a b" }, "without spaces")
	refuses("a control character", func(c *redis.Config) { c.Channel = "a\x00" }, "channel must have")
	refuses("a long channel", func(c *redis.Config) { c.Channel = strings.Repeat("a", 201) }, "200 bytes")
	refuses("no mode", func(c *redis.Config) { c.Mode = "" }, "mode must be pubsub or stream")
	refuses("another mode", func(c *redis.Config) { c.Mode = "queue" }, `not "queue"`)
	refuses("a short stream", func(c *redis.Config) { c.StreamMaxLen = 999 }, "stream-max-len must be at least 1000, not 999")
}

func TestConfigTLSFiles(t *testing.T) {
	drivertest.RefusesFiles(t, redis.Open, func(ca, cert, key string) redis.Config {
		c := redis.Defaults()
		c.TLS, c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile = true, ca, cert, key
		return c
	})
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
