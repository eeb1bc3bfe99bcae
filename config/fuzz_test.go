package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchboard-go/switchboard/config"
)

// Any bytes are either a configuration that a server can start with, or errors
// of one line each that leave everything as it is.
func FuzzLoad(f *testing.F) {
	for _, yaml := range []string{
		"",
		"websocket:\n",
		"websocket:\n  path: /ws\n  read-limit: 1MiB\n  allowed-origins: [a, b]\n",
		"websocket:\n  sender-redis: {addrs: [a:1], channel: c}\n",
		"websocket.path: /ws\nwebsocket: {path: /ws}\n",
		"chat: {labels: {a: b}, retries: [1s], tls: {strict: true}, admin: ::1}\n",
		"a: &a [*a]\n",
		"chat: &a {labels: *a}\n",
		"? {a: b}\n: c\n",
		"\"a\\nb\": 1\n",
		"--- !!binary x\n--- y\n...\n",
		"websocket: {<<: {path: x}, ping-interval: 0s, pong-timeout: -1s}\n",
	} {
		f.Add([]byte(yaml))
	}
	path := filepath.Join(f.TempDir(), "app.yaml")
	f.Fuzz(func(t *testing.T, yaml []byte) {
		if err := os.WriteFile(path, yaml, 0o600); err != nil {
			t.Fatal(err)
		}
		chat, redis := defaultChat(), defaultRedis()
		got, err := config.Load(config.Options{
			File:     path,
			Sections: map[string]any{"chat": &chat, "websocket.sender-redis": &redis},
		})
		if err == nil {
			if err := got.WebSocket.Limits().Validate(); err != nil || !strings.HasPrefix(got.WebSocket.Path, "/") {
				t.Errorf("loaded %+v (%v)", got, err)
			}
			return
		}
		for line := range strings.Lines(err.Error()) {
			if !strings.HasPrefix(line, path) {
				t.Errorf("line without its origin: %q", line)
			}
		}
		if diff := cmp.Diff(defaultChat(), chat, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("chat changed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(defaultRedis(), redis); diff != "" {
			t.Errorf("sender-redis changed (-want +got):\n%s", diff)
		}
	})
}
