package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchboard-go/switchboard/config"
)

// chat is a section as an application has it, with a value of every kind.
type chat struct {
	Room      string            `koanf:"room"`
	RPCSecret config.Secret     `koanf:"rpc-secret"`
	APIToken  int               `koanf:"api-token"`
	History   int8              `koanf:"history"`
	Shards    uint16            `koanf:"shards"`
	Sample    float64           `koanf:"sample"`
	Quota     config.Bytes      `koanf:"quota"`
	Retries   []time.Duration   `koanf:"retries"`
	Labels    map[string]string `koanf:"labels"`
	Admin     netip.Addr        `koanf:"admin"`
	TLS       tls               `koanf:"tls"`

	Peers []config.Secret          `koanf:"peers"`
	Roles map[string]config.Secret `koanf:"roles"`

	Ignored  func() `koanf:"-"`
	Untagged string
}

type tls struct {
	CertFile string `koanf:"cert-file"`
	Strict   bool   `koanf:"strict"`
}

// redis is a section as a driver has it, within that of Config.
type redis struct {
	Addrs   []string `koanf:"addrs"`
	Channel string   `koanf:"channel"`
}

func defaultChat() chat {
	return chat{
		Room:    "lobby",
		Retries: []time.Duration{time.Second, 2 * time.Second, 3 * time.Second},
		Labels:  map[string]string{"tier": "free"},
		TLS:     tls{CertFile: "cert.pem", Strict: true},
	}
}

func defaultRedis() redis {
	return redis{Addrs: []string{"127.0.0.1:6379"}, Channel: "app-websocket"}
}

// write returns the path of a file app.yaml.
func write(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLaterLayersWin(t *testing.T) {
	for _, test := range []struct {
		name, file, environment, flag string
		want                          string
	}{
		{"defaults", "", "", "", "/infra/ws"},
		{"file", "/file", "", "", "/file"},
		{"environment over file", "/file", "/environment", "", "/environment"},
		{"environment over defaults", "", "/environment", "", "/environment"},
		{"flag over all", "/file", "/environment", "/flag", "/flag"},
		{"flag over file", "/file", "", "/flag", "/flag"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var options config.Options
			if test.file != "" {
				options.File = write(t, "websocket:\n  path: "+test.file)
			}
			if test.environment != "" {
				options.Environ = []string{"HOME=/root", "WEBSOCKET_PATH=" + test.environment}
			}
			if test.flag != "" {
				options.Flags = map[string]string{"websocket.path": test.flag}
			}
			got, err := config.Load(options)
			if err != nil {
				t.Fatal(err)
			}
			if got.WebSocket.Path != test.want {
				t.Errorf("path = %s, want %s", got.WebSocket.Path, test.want)
			}
			if got.WebSocket.SenderType != "local" {
				t.Errorf("sender-type = %s, which nobody set", got.WebSocket.SenderType)
			}
		})
	}
}

// A program can start from other values than Default's, which lie below all
// layers and stay as they are.
func TestDefaultsOfTheProgram(t *testing.T) {
	defaults := config.Default()
	defaults.WebSocket.Path = "/ws"
	defaults.WebSocket.AllowedOrigins = []string{"https://a.example", "https://b.example"}
	defaults.WebSocket.Development = true
	got, err := config.Load(config.Options{
		Defaults: &defaults,
		File:     write(t, "websocket: {path: /file, allowed-origins: [https://c.example]}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.WebSocket.Path = "/file"
	want.WebSocket.AllowedOrigins = []string{"https://c.example"}
	want.WebSocket.Development = true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if defaults.WebSocket.Path != "/ws" || defaults.WebSocket.AllowedOrigins[0] != "https://a.example" {
		t.Errorf("the defaults became %+v", defaults)
	}
}

// A variable is the same as the line of the file, whatever the type.
func TestSections(t *testing.T) {
	want := chat{
		Room:      "a, b",
		RPCSecret: "hunter2",
		APIToken:  7,
		History:   -8,
		Shards:    16,
		Sample:    0.5,
		Quota:     1 << 30,
		Retries:   []time.Duration{time.Minute, time.Hour},
		Labels:    map[string]string{"tier": "free"},
		Admin:     netip.MustParseAddr("10.0.0.1"),
		TLS:       tls{CertFile: "", Strict: false},
	}
	for _, test := range []struct {
		name    string
		options config.Options
	}{
		{"file", config.Options{File: write(t, `
chat:
  room: a, b
  rpc-secret: hunter2
  api-token: 7
  history: -8
  shards: 16
  sample: 0.5
  quota: 1GiB
  retries: [1m, 1h]
  labels: {tier: free}
  admin: 10.0.0.1
  tls: {cert-file: "", strict: false}
websocket:
  sender-redis:
    addrs: [a:1, b:2]
`)}},
		{"file with dotted names", config.Options{File: write(t, `
chat.room: a, b
chat:
  rpc-secret: hunter2
  api-token: 7
  history: -8
  shards: 16
  sample: 0.5
  quota: 1GiB
  retries: [1m, 1h]
  admin: 10.0.0.1
  tls.cert-file: ""
  tls.strict: false
websocket.sender-redis: {addrs: [a:1, b:2]}
`)}},
		{"environment", config.Options{Environ: []string{
			"CHAT_ROOM=a, b",
			"CHAT_RPC_SECRET=hunter2",
			"CHAT_API_TOKEN=7",
			"CHAT_HISTORY=-8",
			"CHAT_SHARDS=16",
			"CHAT_SAMPLE=0.5",
			"CHAT_QUOTA=1GiB",
			"CHAT_RETRIES=1m, 1h",
			"CHAT_ADMIN=10.0.0.1",
			"CHAT_TLS_CERT_FILE=",
			"CHAT_TLS_STRICT=false",
			"WEBSOCKET_SENDER_REDIS_ADDRS=a:1,b:2",
		}}},
		{"flags", config.Options{Flags: map[string]string{
			"chat.room":                    "a, b",
			"chat.rpc-secret":              "hunter2",
			"chat.api-token":               "7",
			"chat.history":                 "-8",
			"chat.shards":                  "16",
			"chat.sample":                  "0.5",
			"chat.quota":                   "1GiB",
			"chat.retries":                 "1m,1h",
			"chat.admin":                   "10.0.0.1",
			"chat.tls.cert-file":           "",
			"chat.tls.strict":              "false",
			"websocket.sender-redis.addrs": "a:1,b:2",
		}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			chat, redis := defaultChat(), defaultRedis()
			chat.Untagged = "kept"
			test.options.Sections = map[string]any{"chat": &chat, "websocket.sender-redis": &redis}
			if _, err := config.Load(test.options); err != nil {
				t.Fatal(err)
			}
			want := want
			want.Untagged = "kept"
			if diff := cmp.Diff(want, chat, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("chat (-want +got):\n%s", diff)
			}
			wantRedis := defaultRedis()
			wantRedis.Addrs = []string{"a:1", "b:2"}
			if diff := cmp.Diff(wantRedis, redis); diff != "" {
				t.Errorf("sender-redis (-want +got):\n%s", diff)
			}
		})
	}
}

// The text of YAML with nothing in it is null, and null wipes everything if it is
// merged.
func TestEmptyFilesKeepDefaults(t *testing.T) {
	for _, test := range []struct{ name, file string }{
		{"empty file", ""},
		{"comments", "# nothing\n"},
		{"empty document", "---\n"},
		{"null", "null\n"},
		{"tilde", "~\n"},
		{"empty map", "{}\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			chat, redis := defaultChat(), defaultRedis()
			got, err := config.Load(config.Options{
				File:     write(t, test.file),
				Sections: map[string]any{"chat": &chat, "websocket.sender-redis": &redis},
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(config.Default(), got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(defaultChat(), chat, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("chat (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(defaultRedis(), redis); diff != "" {
				t.Errorf("sender-redis (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListsAndMapsReplaceTheirDefaults(t *testing.T) {
	chat := defaultChat()
	retries, labels := chat.Retries, chat.Labels
	_, err := config.Load(config.Options{
		File:     write(t, "chat: {retries: [5s], labels: {a.b: c, .: d, '': e, .f: g}}"),
		Sections: map[string]any{"chat": &chat},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Duration{5 * time.Second}, chat.Retries); diff != "" {
		t.Errorf("retries (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"a.b": "c", ".": "d", "": "e", ".f": "g"}, chat.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	// The application may have more than one section with these defaults.
	if retries[0] != time.Second || labels["tier"] != "free" {
		t.Errorf("the defaults became %v and %v", retries, labels)
	}
}

func TestListsCanBeEmptied(t *testing.T) {
	for _, options := range []config.Options{
		{File: write(t, "websocket: {sender-redis: {addrs: []}}")},
		{Environ: []string{"WEBSOCKET_SENDER_REDIS_ADDRS="}},
		{Flags: map[string]string{"websocket.sender-redis.addrs": ""}},
	} {
		redis := defaultRedis()
		options.Sections = map[string]any{"websocket.sender-redis": &redis}
		if _, err := config.Load(options); err != nil {
			t.Fatal(err)
		}
		if len(redis.Addrs) != 0 {
			t.Errorf("addrs = %v, want none", redis.Addrs)
		}
	}
}

func TestAnErrorLeavesTheSectionsAlone(t *testing.T) {
	redis := defaultRedis()
	_, err := config.Load(config.Options{
		Flags:    map[string]string{"websocket.sender-redis.channel": "other", "websocket.path": "no-slash"},
		Sections: map[string]any{"websocket.sender-redis": &redis},
	})
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(defaultRedis(), redis); diff != "" {
		t.Errorf("sender-redis (-want +got):\n%s", diff)
	}
}

// What the program lacks matters only if it is asked for in the end.
func TestAnOverriddenChoiceIsNotChecked(t *testing.T) {
	got, err := config.Load(config.Options{
		File:    write(t, "websocket: {sender-type: kafka}"),
		Environ: []string{"WEBSOCKET_SENDER_TYPE=redis"},
		Choices: map[string][]string{"websocket.sender-type": {"local", "redis"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.WebSocket.SenderType != "redis" {
		t.Errorf("sender-type = %s, want redis", got.WebSocket.SenderType)
	}
}
