package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/sender"
)

// taken returns an address that something listens on already.
func taken(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// exit returns the exit status of a chat that does not start, and what it prints.
// Its address is taken, so that it fails otherwise if it comes to listening.
func exit(t *testing.T, environ []string, args ...string) (status int, output string) {
	t.Helper()
	checkLeaks(t)
	console := newConsole()
	status = run(t.Context(), append([]string{"--addr", taken(t)}, args...), environ, console)
	return status, console.String()
}

// file writes a configuration file.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "chat.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLayersOfTheConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		file    string
		environ []string
		args    []string
		path    string
	}{
		"nothing":       {"", nil, nil, "infra/ws"},
		"only comments": {"# websocket:\n", nil, nil, "infra/ws"},
		"file":          {"websocket:\n  path: /from-file", nil, nil, "from-file"},
		"environment":   {"websocket:\n  path: /from-file", []string{"WEBSOCKET_PATH=/from-env", "HOME=/"}, nil, "from-env"},
		"flag":          {"websocket:\n  path: /from-file", []string{"WEBSOCKET_PATH=/from-env"}, []string{"--websocket.path=/from-flag"}, "from-flag"},
		"one hyphen":    {"", nil, []string{"-websocket.path=/from-flag"}, "from-flag"},
		"equals sign":   {"", nil, []string{"--websocket.path=/a=b"}, "a=b"},
	} {
		t.Run(name, func(t *testing.T) {
			n := startIn(t, test.environ, append([]string{"--config", file(t, test.file)}, test.args...)...)
			if _, response := dial(t, n.url+test.path+"?token=test1", nil); response.StatusCode != http.StatusSwitchingProtocols {
				t.Errorf("the handshake at /%s was answered %s", test.path, response.Status)
			}
		})
	}
}

func TestNodeID(t *testing.T) {
	n := start(t, "--websocket.node-id=node-7")
	if text := n.console.String(); !strings.Contains(text, "node=node-7 sender=local") {
		t.Errorf("the chat printed %s", text)
	}
}

// What is wrong with the configuration is told in one line, before anything
// listens.
func TestConfigurationErrors(t *testing.T) {
	production := "--websocket.development=false"
	for _, test := range []struct {
		name, file string
		environ    []string
		args       []string
		want       string
	}{
		{"unknown key", "websocket:\n\n  sender-typ: local", nil, nil,
			"chat.yaml:3: unknown key websocket.sender-typ, did you mean websocket.sender-type?"},
		{"unknown key of the chat", "chat:\n  token: [a=1]", nil, nil,
			"chat.yaml:2: unknown key chat.token, did you mean chat.tokens?"},
		{"unknown section", "websoket:\n  path: /ws", nil, nil,
			"chat.yaml:1: unknown key websoket, did you mean websocket?"},
		{"unknown variable", "", []string{"WEBSOCKET_PAHT=/ws"}, nil,
			"environment variable WEBSOCKET_PAHT: stands for no key, did you mean WEBSOCKET_PATH?"},
		{"swapped letters", "websocket:\n  paht: /ws", nil, nil,
			"chat.yaml:2: unknown key websocket.paht, did you mean websocket.path?"},
		{"unknown flag", "", nil, []string{"--websocket.pth=/ws"},
			"flag --websocket.pth: unknown key websocket.pth, did you mean websocket.path?"},
		{"wrong type", "websocket:\n  enable: perhaps", nil, nil,
			`chat.yaml:2: websocket.enable must be true or false, not "perhaps"`},
		{"wrong type in a flag", "", nil, []string{"--websocket.outbox-messages=many"},
			`flag --websocket.outbox-messages: websocket.outbox-messages must be a whole number, not "many"`},
		{"section that is a value", "websocket: 5", nil, nil,
			"chat.yaml:1: websocket is a section and has keys below it, no value"},
		{"section that is empty", "websocket:\n  path: /ws\nchat:\n", nil, nil,
			"chat.yaml:3: chat is a section with nothing in it; give it keys or leave it out"},
		{"section that is an empty map", "websocket: {}", nil, nil,
			"chat.yaml:1: websocket is a section with nothing in it; give it keys or leave it out"},
		{"section that is null", "websocket: null", nil, nil,
			"chat.yaml:1: websocket is a section with nothing in it; give it keys or leave it out"},
		{"key that is empty", "websocket:\n  path:", nil, nil,
			"chat.yaml:2: websocket.path has no value; leave the key out to keep the default"},
		{"duplicate key", "websocket:\n  path: /a\n  path: /b", nil, nil,
			"chat.yaml:3: websocket.path is set twice, first in line 2"},
		{"duplicate section", "chat: {tokens: [a=1]}\nwebsocket: {path: /ws}\nchat: {tokens: [b=2]}", nil, nil,
			"chat.yaml:3: chat is set twice, first in line 1"},
		{"bad duration", "websocket:\n  ping-interval: 25", nil, nil,
			`chat.yaml:2: websocket.ping-interval must be a duration such as 25s, not "25"`},
		{"bad size", "", []string{"WEBSOCKET_READ_LIMIT=64KB"}, nil,
			`environment variable WEBSOCKET_READ_LIMIT: websocket.read-limit must be a size such as 64KiB, not "64KB"`},
		{"bad limit", "websocket:\n  read-limit: 0", nil, nil,
			"chat.yaml:2: limit websocket.read-limit is 0, it must be positive"},
		{"bad path", "", nil, []string{"--websocket.path=ws"},
			`flag --websocket.path: websocket.path must start with /, not be "ws"`},
		{"unknown sender", "websocket:\n  sender-type: locla", nil, nil,
			`chat.yaml:2: websocket.sender-type must be one of ` + strings.Join(sender.Names(), ", ") + `, not "locla", did you mean local?`},
		{"no YAML", "}", nil, nil,
			"chat.yaml: not YAML: did not find expected node content"},

		{"bad node", "", nil, []string{"--websocket.node-id=a b"},
			`flag --websocket.node-id: websocket.node-id: node name "a b" is not 1 to 64 letters, digits, dots, underscores and hyphens`},
		{"bad origin", "websocket:\n  path: /ws\n  allowed-origins:\n    - app.example.com\n", nil, nil,
			`chat.yaml:3: websocket.allowed-origins: origin pattern "app.example.com" is none of *, scheme://host[:port] and scheme://*.domain[:port] without a path`},
		{"no secret", "", nil, []string{production},
			"default: chat.rpc-secret: needed where websocket.development is false"},
		{"empty secret", "websocket:\n  development: false\nchat:\n  rpc-secret: ''", nil, nil,
			"chat.yaml:4: chat.rpc-secret: needed where websocket.development is false"},
		{"secret of a file with a newline", "", []string{"CHAT_RPC_SECRET=hunter2\n"}, []string{production},
			"environment variable CHAT_RPC_SECRET: chat.rpc-secret: the shared secret has white space around it"},
		{"secret under a wrong name", "", []string{"CHAT_RPC_SECRT=hunter2"}, nil,
			"environment variable CHAT_RPC_SECRT: stands for no key, did you mean CHAT_RPC_SECRET?"},
		{"secret without equals sign", "", nil, []string{"--chat.rpc-secret", "hunter2"},
			"chat: an argument is not a flag; the value of a key goes behind =, as in --websocket.path=/ws"},
		{"secret without section", "", nil, []string{"--rpc-secret=hunter2"},
			"chat: flag provided but not defined: -rpc-secret; -h lists the flags"},
		{"token without user", "", nil, []string{"--chat.tokens=a=1,hunter2"},
			"flag --chat.tokens: chat.tokens: entry 2 is not TOKEN=USERID, with :USERTYPE or :USERTYPE:TENANT behind it or not"},
		{"token with an empty user", "", nil, []string{"--chat.tokens=hunter2="},
			"flag --chat.tokens: chat.tokens: entry 1 is not TOKEN=USERID, with :USERTYPE or :USERTYPE:TENANT behind it or not"},
		{"user without token", "", nil, []string{"--chat.tokens==hunter2"},
			"flag --chat.tokens: chat.tokens: entry 1 is not TOKEN=USERID, with :USERTYPE or :USERTYPE:TENANT behind it or not"},
		{"token with a word for a type", "chat:\n  tokens:\n    - hunter2=1:admin", nil, nil,
			"chat.yaml:2: chat.tokens: the user type of entry 1 is not a number"},
		{"token twice", "", []string{"CHAT_TOKENS=hunter2=1,b=2,hunter2=3"}, nil,
			"environment variable CHAT_TOKENS: chat.tokens: entry 3 has the token of an earlier one"},

		{"unknown option", "", nil, []string{"--adr=:80"}, "chat: flag provided but not defined: -adr; -h lists the flags"},
		{"option without a value", "", nil, []string{"--addr"}, "chat: flag needs an argument: -addr; -h lists the flags"},
		{"argument", "", nil, []string{"serve"}, "chat: an argument is not a flag; the value of a key goes behind =, as in --websocket.path=/ws"},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := file(t, test.file)
			status, output := exit(t, test.environ, append([]string{"--config=" + name}, test.args...)...)
			output = strings.ReplaceAll(output, filepath.Dir(name)+string(filepath.Separator), "")
			if status != exitUsage || output != test.want+"\n" {
				t.Errorf("exit status %d, want %d:\n%s want\n%s", status, exitUsage, output, test.want)
			}
			if strings.Contains(output, "hunter2") {
				t.Error("a secret was printed")
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "chat.yaml")
	status, output := exit(t, nil, "--config", name)
	if want := name + ": cannot be read: no such file or directory\n"; status != exitUsage || output != want {
		t.Errorf("exit status %d: %s", status, output)
	}
}

func TestAddressInUse(t *testing.T) {
	address := taken(t)
	status, output := exit(t, nil, "--addr", address) // the last one counts
	if want := `level=ERROR msg="chat failed" error="listen tcp ` + address + `: bind: address already in use"`; status != exitFailed || !strings.HasSuffix(output, want+"\n") {
		t.Errorf("exit status %d: %s, want %s", status, output, want)
	}
}

func TestHelp(t *testing.T) {
	for _, flag := range []string{"-h", "--help"} {
		status, output := exit(t, nil, flag)
		if status != exitOK {
			t.Errorf("exit status %d", status)
		}
		for _, want := range []string{"usage: chat", "-addr host:port", "-config file", "--SECTION.KEY=VALUE"} {
			if !strings.Contains(output, want) {
				t.Errorf("%s prints no %s: %s", flag, want, output)
			}
		}
	}
}

func TestSplitKeys(t *testing.T) {
	keys, rest := splitKeys([]string{"--addr", "127.0.0.1:0", "--websocket.path=/a=b", "-chat.tokens=", "--config=a.yaml", "x.y", "--websocket.enable"})
	if len(keys) != 3 || keys["websocket.path"] != "/a=b" || keys["chat.tokens"] != "" || keys["websocket.enable"] != "" {
		t.Errorf("keys %q", keys)
	}
	if got, want := strings.Join(rest, " "), "--addr 127.0.0.1:0 --config=a.yaml x.y"; got != want {
		t.Errorf("rest %s, want %s", got, want)
	}
}
