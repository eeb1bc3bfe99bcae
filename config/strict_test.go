package config_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/config"
)

// load loads options with every section of the tests, and returns the error with
// the path of the file cut to its name.
func load(t *testing.T, options config.Options) (*config.Error, string) {
	t.Helper()
	chat, redis := defaultChat(), defaultRedis()
	options.Sections = map[string]any{"chat": &chat, "websocket.sender-redis": &redis}
	got, err := config.Load(options)
	if err == nil {
		t.Fatalf("no error, but %+v", got)
	}
	first, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatalf("error %q is a %T, not an *Error", err, err)
	}
	return first, strings.ReplaceAll(err.Error(), filepath.Dir(options.File)+string(filepath.Separator), "")
}

func TestFileErrors(t *testing.T) {
	for _, test := range []struct{ name, file, key, want string }{
		{"unknown key", "websocket:\n\n  sender-typ: redis", "websocket.sender-typ",
			"app.yaml:3: unknown key websocket.sender-typ, did you mean websocket.sender-type?"},
		{"unknown key, nothing near", "websocket:\n  colour: red", "websocket.colour",
			"app.yaml:2: unknown key websocket.colour"},
		{"unknown key that fits another section", "websocket:\n  rooms: 1", "websocket.rooms",
			"app.yaml:2: unknown key websocket.rooms"},
		{"unknown section", "websoket:\n  path: /ws", "websoket",
			"app.yaml:1: unknown key websoket, did you mean websocket?"},
		{"unknown section below", "websocket:\n  sender-reddis: {}", "websocket.sender-reddis",
			"app.yaml:2: unknown key websocket.sender-reddis, did you mean websocket.sender-redis?"},
		{"unknown key of a driver", "websocket:\n  sender-redis:\n    chanel: x", "websocket.sender-redis.chanel",
			"app.yaml:3: unknown key websocket.sender-redis.chanel, did you mean websocket.sender-redis.channel?"},
		{"unknown dotted key", "websocket.pat: /ws", "websocket.pat",
			"app.yaml:1: unknown key websocket.pat"},
		{"keys have a case", "websocket:\n  Path: /ws", "websocket.Path",
			"app.yaml:2: unknown key websocket.Path, did you mean websocket.path?"},
		{"key that breaks the line", "websocket:\n  \"a\\nb\": 1", "websocket.a",
			"app.yaml:2: unknown key websocket.a…"},
		{"key without a space behind it", "websocket: {path:/ws}", "websocket.path",
			"app.yaml:1: unknown key websocket.path…, did you mean websocket.path?"},
		{"long key", strings.Repeat("x", 200) + ": 1", strings.Repeat("x", 80),
			"app.yaml:1: unknown key " + strings.Repeat("x", 80) + "…"},
		{"empty key", "websocket:\n  '': 1", "websocket.", "app.yaml:2: unknown key websocket."},
		{"key that is no text", "websocket:\n  ? [path]\n  : /ws", "websocket",
			"app.yaml:2: websocket has a name that is no text"},
		{"alias for a key", "chat:\n  room: &websocket x\n  ? *websocket\n  : x", "chat",
			"app.yaml:3: chat has a name that is no text"},
		{"no text in a map", "chat:\n  labels: {[a]: b}", "chat.labels",
			"app.yaml:2: chat.labels has a name that is no text"},
		{"merge key", "websocket:\n  <<: {path: /ws}", "websocket.<<",
			"app.yaml:2: unknown key websocket.<<"},

		{"duplicate key", "websocket:\n  path: /a\n  path: /b", "websocket.path",
			"app.yaml:3: websocket.path is set twice, first in line 2"},
		{"duplicate section", "websocket: {path: /a}\nwebsocket: {path: /b}", "websocket",
			"app.yaml:2: websocket is set twice, first in line 1"},
		{"duplicate in another form", "websocket:\n  path: /a\nwebsocket.path: /b", "websocket.path",
			"app.yaml:3: websocket.path is set twice, first in line 2"},
		{"duplicate in a map", "chat:\n  labels:\n    a: b\n    a: c", "chat.labels",
			"app.yaml:2: chat.labels has a name twice, again in line 4"},

		{"empty section", "websocket:", "websocket",
			"app.yaml:1: websocket is a section with nothing in it; give it keys or leave it out"},
		{"empty section before another", "\nwebsocket:\n\nchat: {room: a}", "websocket",
			"app.yaml:2: websocket is a section with nothing in it; give it keys or leave it out"},
		{"section with its keys beside it", "chat:\n# the room\nchat.room: a", "chat",
			"app.yaml:1: chat is a section with nothing in it; give it keys or leave it out"},
		{"null for a section", "websocket: null", "websocket",
			"app.yaml:1: websocket is a section with nothing in it; give it keys or leave it out"},
		{"tilde for a section", "chat: ~", "chat",
			"app.yaml:1: chat is a section with nothing in it; give it keys or leave it out"},
		{"empty map", "chat: {}", "chat",
			"app.yaml:1: chat is a section with nothing in it; give it keys or leave it out"},
		{"only comments in a section", "websocket:\n  # path: /ws\n", "websocket",
			"app.yaml:1: websocket is a section with nothing in it; give it keys or leave it out"},
		{"empty section below", "chat:\n  room: a\n  tls:\n", "chat.tls",
			"app.yaml:3: chat.tls is a section with nothing in it; give it keys or leave it out"},
		{"empty section of a driver", "websocket:\n  sender-redis: {}\n", "websocket.sender-redis",
			"app.yaml:2: websocket.sender-redis is a section with nothing in it; give it keys or leave it out"},
		{"empty section with a dotted name", "websocket.sender-redis:\n", "websocket.sender-redis",
			"app.yaml:1: websocket.sender-redis is a section with nothing in it; give it keys or leave it out"},
		{"empty map as null", "chat: !!null {}", "chat",
			"app.yaml:1: chat is a section with nothing in it; give it keys or leave it out"},
		{"null as a text", "chat: !!null", "chat",
			"app.yaml:1: chat is a section and has keys below it, no value"},
		{"empty text for a section", "chat: ''", "chat",
			"app.yaml:1: chat is a section and has keys below it, no value"},

		{"not a section", "websocket: 5", "websocket",
			"app.yaml:1: websocket is a section and has keys below it, no value"},
		{"list for a section", "chat:\n  tls: [a]", "chat.tls",
			"app.yaml:2: chat.tls is a section and has keys below it, no value"},
		{"null as a tag", "websocket: !!null {path: /ws}\nchat: !!null 5", "chat",
			"app.yaml:2: chat is a section and has keys below it, no value"},
		{"not a map at all", "just text", "",
			"app.yaml:1: must have sections at its top, such as websocket"},
		{"no value", "websocket:\n  path:", "websocket.path",
			"app.yaml:2: websocket.path has no value; leave the key out to keep the default"},
		{"no value in a list", "websocket:\n  allowed-origins: [a, ~]", "websocket.allowed-origins",
			"app.yaml:2: websocket.allowed-origins has no value; leave the key out to keep the default"},
		{"no value in a map", "chat:\n  labels: {a: }", "chat.labels",
			"app.yaml:2: chat.labels has no value; leave the key out to keep the default"},

		{"bool", "websocket:\n  enable: yes", "websocket.enable",
			`app.yaml:2: websocket.enable must be true or false, not "yes"`},
		{"empty bool", "websocket:\n  enable: ''", "websocket.enable",
			`app.yaml:2: websocket.enable must be true or false, not ""`},
		{"int", "websocket:\n  outbox-messages: many", "websocket.outbox-messages",
			`app.yaml:2: websocket.outbox-messages must be a whole number, not "many"`},
		{"float for an int", "websocket:\n  outbox-messages: 1.5", "websocket.outbox-messages",
			`app.yaml:2: websocket.outbox-messages must be a whole number, not "1.5"`},
		{"empty int", "websocket:\n  outbox-messages: ''", "websocket.outbox-messages",
			`app.yaml:2: websocket.outbox-messages must be a whole number, not ""`},
		{"int past its type", "chat:\n  history: 128", "chat.history",
			`app.yaml:2: chat.history must be a whole number, not "128"`},
		{"negative uint", "chat:\n  shards: -1", "chat.shards",
			`app.yaml:2: chat.shards must be a whole number, not "-1"`},
		{"float", "chat:\n  sample: half", "chat.sample",
			`app.yaml:2: chat.sample must be a number, not "half"`},
		{"duration", "websocket:\n  ping-interval: 25", "websocket.ping-interval",
			`app.yaml:2: websocket.ping-interval must be a duration such as 25s, not "25"`},
		{"size", "websocket:\n  read-limit: 64KB", "websocket.read-limit",
			`app.yaml:2: websocket.read-limit must be a size such as 64KiB, not "64KB"`},
		{"own type", "chat:\n  admin: nobody", "chat.admin",
			`app.yaml:2: chat.admin must be a netip.Addr, not "nobody"`},
		{"map for an own type", "chat:\n  admin: {}", "chat.admin",
			"app.yaml:2: chat.admin must be a netip.Addr"},
		{"list for a text", "websocket:\n  path: [/ws]", "websocket.path",
			"app.yaml:2: websocket.path must be text"},
		{"map for a text", "websocket:\n  path: {a: b}", "websocket.path",
			"app.yaml:2: websocket.path must be text"},
		{"text for a list", "websocket:\n  allowed-origins: https://a.example", "websocket.allowed-origins",
			`app.yaml:2: websocket.allowed-origins must be a list, each item text, not "https://a.example"`},
		{"map for a list", "websocket:\n  allowed-origins: {}", "websocket.allowed-origins",
			"app.yaml:2: websocket.allowed-origins must be a list, each item text"},
		{"list in a list", "websocket:\n  allowed-origins: [[a]]", "websocket.allowed-origins",
			"app.yaml:2: websocket.allowed-origins must be a list, each item text"},
		{"item of a list", "chat:\n  retries: [1s, 2]", "chat.retries",
			"app.yaml:2: chat.retries must be a list, each item a duration such as 25s"},
		{"list for a map", "chat:\n  labels: []", "chat.labels",
			"app.yaml:2: chat.labels must be a map, each value text"},
		{"map in a map", "chat:\n  labels: {a: {b: c}}", "chat.labels",
			"app.yaml:2: chat.labels must be a map, each value text"},
		{"long value", "websocket:\n  enable: " + strings.Repeat("x", 1000), "websocket.enable",
			`app.yaml:2: websocket.enable must be true or false, not "` + strings.Repeat("x", 40) + `"`},

		{"path", "websocket:\n  path: ws", "websocket.path",
			`app.yaml:2: websocket.path must start with /, not be "ws"`},
		{"choice", "websocket:\n  sender-type: redsi", "websocket.sender-type",
			`app.yaml:2: websocket.sender-type must be one of local, redis, not "redsi", did you mean redis?`},
		{"choice, nothing near", "websocket:\n  sender-type: nats", "websocket.sender-type",
			`app.yaml:2: websocket.sender-type must be one of local, redis, not "nats"`},

		{"alias", "chat:\n  room: &a x\n  rpc-secret: *a", "chat.rpc-secret",
			"app.yaml:3: chat.rpc-secret is a YAML alias, which is not read; a value that starts with * needs quotes"},
		{"tag", "chat:\n  rpc-secret: !hunter2 x", "chat.rpc-secret",
			"app.yaml:2: chat.rpc-secret has a YAML tag, which is not read; a value that starts with ! needs quotes"},
		{"syntax", "websocket:\n  path: /ws\n\tenable: true", "",
			"app.yaml:2: not YAML from here on: found a tab character that violates indentation"},
		{"syntax in the first line", "}", "",
			"app.yaml: not YAML: did not find expected node content"},
		{"binary", "\xff\xfe\x00", "",
			"app.yaml: not YAML: incomplete UTF-16 character"},
		{"second document", "websocket:\n  path: /a\n---\nwebsocket:\n  path: /b", "",
			"app.yaml:3: a second document, and only one is read"},
		{"syntax in a second document", "websocket: {path: /a}\n---\n}", "",
			"app.yaml:2: not YAML from here on: did not find expected node content"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err, text := load(t, config.Options{
				File:    write(t, test.file),
				Choices: map[string][]string{"websocket.sender-type": {"redis", "local"}},
			})
			if text != test.want {
				t.Errorf("error:\n got %s\nwant %s", text, test.want)
			}
			if err.Key != test.key {
				t.Errorf("key %q, want %q", err.Key, test.key)
			}
			if origin, _, _ := strings.Cut(test.want, ": "); filepath.Base(err.Origin) != origin {
				t.Errorf("origin %q, want %q", err.Origin, origin)
			}
		})
	}
}

func TestInvalidLimits(t *testing.T) {
	for _, test := range []struct{ file, key, want string }{
		{"read-limit: 0", "websocket.read-limit", "app.yaml:2: limit websocket.read-limit is 0, it must be positive"},
		{"inbox-messages: 0", "websocket.inbox-messages", "app.yaml:2: limit websocket.inbox-messages is 0, it must be positive"},
		{"max-sessions-per-user: -1", "websocket.max-sessions-per-user", "app.yaml:2: limit websocket.max-sessions-per-user is negative"},
		{"ping-interval: -1s", "websocket.ping-interval", "app.yaml:2: limit websocket.ping-interval is negative"},
		{"pong-timeout: 0s", "websocket.pong-timeout", "app.yaml:2: limit websocket.ping-interval is 25s, so websocket.pong-timeout must be positive"},
		{"close-timeout: 0s", "websocket.close-timeout", "app.yaml:2: limits websocket.write-timeout (5s) and websocket.close-timeout (0s) must be positive"},
		{"slow-consumer: clos", "websocket.slow-consumer", `app.yaml:2: limit websocket.slow-consumer is "clos", it must be "close" or "drop"`},
	} {
		t.Run(test.file, func(t *testing.T) {
			err, text := load(t, config.Options{File: write(t, "websocket:\n  "+test.file)})
			if text != test.want || err.Key != test.key {
				t.Errorf("error of key %q: %s\nwant %q: %s", err.Key, text, test.key, test.want)
			}
		})
	}
}

func TestUnreadableFiles(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "app.yaml")
	err, text := load(t, config.Options{File: missing})
	if want := "app.yaml: cannot be read: no such file or directory"; text != want {
		t.Errorf("error %q, want %q", text, want)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	if err, _ := load(t, config.Options{File: t.TempDir()}); !strings.Contains(err.Error(), ": cannot be read: ") {
		t.Errorf("error of a folder: %v", err)
	}
}

func TestEnvironmentErrors(t *testing.T) {
	for _, test := range []struct{ variable, key, want string }{
		{"WEBSOCKET_SENDER_TYP=redis", "", "environment variable WEBSOCKET_SENDER_TYP: stands for no key, did you mean WEBSOCKET_SENDER_TYPE?"},
		{"WEBSOCKET_COLOUR=red", "", "environment variable WEBSOCKET_COLOUR: stands for no key"},
		{"WEBSOCKET_=red", "", "environment variable WEBSOCKET_: stands for no key"},
		{"CHAT_RPC_SECRT=hunter2", "", "environment variable CHAT_RPC_SECRT: stands for no key, did you mean CHAT_RPC_SECRET?"},
		{"CHAT_A\nB=free", "", "environment variable CHAT_A…: stands for no key"},
		{"CHAT_LABELS_TIER=free", "", "environment variable CHAT_LABELS_TIER: stands for no key"},
		{"CHAT_LABELS=free", "chat.labels", `environment variable CHAT_LABELS: chat.labels must be a map, each value text, not "free"`},
		{"CHAT_RETRIES=1s,2", "chat.retries", "environment variable CHAT_RETRIES: chat.retries must be a list, each item a duration such as 25s"},
		{"WEBSOCKET_READ_LIMIT=", "websocket.read-limit", `environment variable WEBSOCKET_READ_LIMIT: websocket.read-limit must be a size such as 64KiB, not ""`},
		{"WEBSOCKET_READ_LIMIT=0", "websocket.read-limit", "environment variable WEBSOCKET_READ_LIMIT: limit websocket.read-limit is 0, it must be positive"},
		{"WEBSOCKET_PATH=ws", "websocket.path", `environment variable WEBSOCKET_PATH: websocket.path must start with /, not be "ws"`},
		{"WEBSOCKET_SENDER_TYPE=kafka", "websocket.sender-type", `environment variable WEBSOCKET_SENDER_TYPE: websocket.sender-type must be one of local, redis, not "kafka"`},
	} {
		t.Run(test.variable, func(t *testing.T) {
			err, text := load(t, config.Options{
				Environ: []string{test.variable},
				Choices: map[string][]string{"websocket.sender-type": {"redis", "local"}},
			})
			if text != test.want || err.Key != test.key {
				t.Errorf("error of key %q: %s\nwant %q: %s", err.Key, text, test.key, test.want)
			}
		})
	}
}

func TestOtherVariablesAreIgnored(t *testing.T) {
	environ := []string{"PATH=/bin", "WEBSOCKETS=1", "WEBSOCKET=1", "websocket_path=ws", "CHATTY_X=1", "no equals sign", ""}
	if _, err := config.Load(config.Options{Environ: environ, Sections: map[string]any{"chat": &chat{}}}); err != nil {
		t.Error(err)
	}
}

func TestFlagErrors(t *testing.T) {
	for _, test := range []struct{ flag, value, want string }{
		{"websocket.sender-typ", "redis", "flag --websocket.sender-typ: unknown key websocket.sender-typ, did you mean websocket.sender-type?"},
		{"websocket.a\nb", "redis", "flag --websocket.a…: unknown key websocket.a…"},
		{"websocket", "redis", "flag --websocket: unknown key websocket"},
		{"websocket.idle-timeout", "60", `flag --websocket.idle-timeout: websocket.idle-timeout must be a duration such as 25s, not "60"`},
		{"websocket.max-keys", "0", "flag --websocket.max-keys: limit websocket.max-keys is 0, it must be positive"},
	} {
		t.Run(test.flag, func(t *testing.T) {
			err, text := load(t, config.Options{Flags: map[string]string{test.flag: test.value}})
			key, _, _ := strings.Cut(test.flag, "\n")
			if text != test.want || err.Key != key {
				t.Errorf("error of key %q: %s\nwant %q: %s", err.Key, text, key, test.want)
			}
		})
	}
}

func TestOverriddenValuesMustFitToo(t *testing.T) {
	_, text := load(t, config.Options{
		File:  write(t, "websocket:\n  enable: perhaps"),
		Flags: map[string]string{"websocket.enable": "true"},
	})
	if want := `app.yaml:2: websocket.enable must be true or false, not "perhaps"`; text != want {
		t.Errorf("error %q, want %q", text, want)
	}
}

func TestTheDefaultMustBeAChoice(t *testing.T) {
	err, text := load(t, config.Options{Choices: map[string][]string{"websocket.sender-type": {"redis"}}})
	if want := `default: websocket.sender-type must be one of redis, not "local"`; text != want || err.Origin != "default" {
		t.Errorf("error %q of %q, want %q", text, err.Origin, want)
	}
}

// Of two limits that do not go together the first that was set is blamed.
func TestLimitsThatDoNotGoTogether(t *testing.T) {
	_, text := load(t, config.Options{File: write(t, "websocket:\n  ping-interval: 30s\n  pong-timeout: 0s")})
	if want := "app.yaml:2: limit websocket.ping-interval is 30s, so websocket.pong-timeout must be positive"; text != want {
		t.Errorf("error %q, want %q", text, want)
	}
}

func TestTheLastLayerIsBlamed(t *testing.T) {
	_, text := load(t, config.Options{
		File:    write(t, "websocket:\n  path: /ws"),
		Environ: []string{"WEBSOCKET_PATH=ws"},
	})
	if want := `environment variable WEBSOCKET_PATH: websocket.path must start with /, not be "ws"`; text != want {
		t.Errorf("error %q, want %q", text, want)
	}
}

func TestUnexportedFieldsAreNoKeys(t *testing.T) {
	section := struct {
		hidden string `koanf:"hidden"`
	}{"kept"}
	_, err := config.Load(config.Options{
		Flags:    map[string]string{"driver.hidden": "x"},
		Sections: map[string]any{"driver": &section},
	})
	if want := "flag --driver.hidden: unknown key driver.hidden"; err == nil || err.Error() != want || section.hidden != "kept" {
		t.Errorf("error %v, want %s", err, want)
	}
}

// All that is wrong is told at once, in the order of the layers and the file.
// What values mean comes last, since it is known only after all of them.
func TestSeveralProblems(t *testing.T) {
	_, text := load(t, config.Options{
		File:    write(t, "chat:\n  colour: red\n  history: long\nwebsocket:\n  enable: perhaps\n"),
		Environ: []string{"CHAT_COLOUR=red"},
		Flags:   map[string]string{"chat.b": "", "chat.a": "", "websocket.path": "ws"},
	})
	want := strings.Join([]string{
		"app.yaml:2: unknown key chat.colour",
		`app.yaml:3: chat.history must be a whole number, not "long"`,
		`app.yaml:5: websocket.enable must be true or false, not "perhaps"`,
		"environment variable CHAT_COLOUR: stands for no key",
		"flag --chat.a: unknown key chat.a",
		"flag --chat.b: unknown key chat.b",
		`flag --websocket.path: websocket.path must start with /, not be "ws"`,
	}, "\n")
	if text != want {
		t.Errorf("error:\n%s\nwant:\n%s", text, want)
	}
}

// Mistakes of the program are found with any configuration.
func TestMistakesInTheProgram(t *testing.T) {
	type list []struct{ A int }
	for _, test := range []struct {
		name    string
		options config.Options
		want    string
	}{
		{"no pointer", config.Options{Sections: map[string]any{"chat": chat{}}},
			"config: section chat must be a pointer to a struct, not config_test.chat"},
		{"nil", config.Options{Sections: map[string]any{"chat": nil}},
			"config: section chat must be a pointer to a struct, not <nil>"},
		{"nil pointer", config.Options{Sections: map[string]any{"chat": (*chat)(nil)}},
			"config: section chat must be a pointer to a struct, not *config_test.chat"},
		{"type without text", config.Options{Sections: map[string]any{"chat": &struct {
			Rooms list `koanf:"rooms"`
		}{}}}, "config: key chat.rooms cannot have the type config_test.list"},
		{"pointer to a section", config.Options{Sections: map[string]any{"chat": &struct {
			TLS *tls `koanf:"tls"`
		}{}}}, "config: key chat.tls cannot have the type *config_test.tls"},
		{"same variable", config.Options{Sections: map[string]any{"chat": &struct {
			A string `koanf:"a-b"`
			B struct {
				B string `koanf:"b"`
			} `koanf:"a"`
		}{}}}, "config: keys chat.a-b and chat.a.b have the same environment variable CHAT_A_B"},
		{"key taken", config.Options{Sections: map[string]any{"websocket": &struct {
			Path string `koanf:"path"`
		}{}}}, "config: keys websocket.path and websocket.path have the same environment variable WEBSOCKET_PATH"},
		{"section where a key is", config.Options{Sections: map[string]any{"websocket.path": &tls{}}},
			"config: websocket.path cannot be a section, it is a key"},
		{"check of no key", config.Options{Checks: map[string]func(config.Config) error{"websocket.sender": nil}},
			"Options.Checks: unknown key websocket.sender"},
		{"choices of no key", config.Options{Choices: map[string][]string{"websocket.sender": {"local"}}},
			"Options.Choices: unknown key websocket.sender"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := config.Load(test.options)
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}
