package main

import (
	"fmt"
	"strings"
	"testing"

	client "github.com/coder/websocket"
)

// Started with no set-up, a chat speaks with yudao's front end: these are the
// frames of its page byte for byte.
func TestFramesOfYudaosFrontEnd(t *testing.T) {
	n := start(t)
	sender, receiver := connect(t, n.url, "test1"), connect(t, n.url, "test1024")

	write(t, sender, `{"type":"demo-message-send","content":"{\"text\":\"hi\",\"toUserId\":1024}"}`)
	if got, want := next(t, receiver), `{"type":"demo-message-receive","content":"{\"fromUserId\":1,\"text\":\"hi\",\"single\":true}"}`; got != want {
		t.Errorf("a message to one came as\n%s, want\n%s", got, want)
	}
	write(t, sender, `{"type":"demo-message-send","content":"{\"text\":\"你好 \\\"all\\\"\",\"toUserId\":\"\"}"}`)
	for _, conn := range []*client.Conn{receiver, sender} { // and so the one to 1024 had no echo
		if got, want := next(t, conn), `{"type":"demo-message-receive","content":"{\"fromUserId\":1,\"text\":\"你好 \\\"all\\\"\",\"single\":false}"}`; got != want {
			t.Errorf("a message to everybody came as\n%s, want\n%s", got, want)
		}
	}
	write(t, sender, "ping")
	if got := next(t, sender); got != "pong" {
		t.Errorf("ping was answered %s", got)
	}
}

func TestWhoGetsAMessage(t *testing.T) {
	n := start(t)
	tokens := []string{"test1", "test2", "test9007199254740993", "test5:1", "test2:1"}
	conns := make(map[string]*client.Conn)
	for _, token := range tokens {
		conns[token] = connect(t, n.url, token)
	}
	const all = "test1 test2 test9007199254740993"
	for _, test := range []struct{ name, from, content, receivers, single string }{
		{"number", "test1", `{"toUserId":2,"text":"hi"}`, "test2", "true"},
		{"string", "test1", `{"toUserId":"2","text":"hi"}`, "test2", "true"},
		{"number beyond 2^53", "test1", `{"toUserId":9007199254740993,"text":"hi"}`, "test9007199254740993", "true"},
		{"string beyond 2^53", "test1", `{"toUserId":"9007199254740993","text":"hi"}`, "test9007199254740993", "true"},
		{"the sender", "test1", `{"toUserId":1,"text":"hi"}`, "test1", "true"},
		{"from the other type", "test5:1", `{"toUserId":2,"text":"hi"}`, "test2", "true"},
		{"of the other type", "test1", `{"toUserId":5,"text":"hi"}`, "", ""},
		{"somebody away", "test1", `{"toUserId":77,"text":"hi"}`, "", ""},

		{"empty", "test1", `{"toUserId":"","text":"hi"}`, all, "false"},
		{"null", "test1", `{"toUserId":null,"text":"hi"}`, all, "false"},
		{"missing", "test1", `{"text":"hi"}`, all, "false"},
		{"group, from the other type", "test5:1", `{"text":"hi"}`, all, "false"},
		{"unknown field", "test1", `{"text":"hi","toUserName":"x"}`, all, "false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sender := conns[test.from]
			write(t, sender, `{"type":"demo-message-send","content":`+quote(t, test.content)+`}`)
			from, _, _ := strings.Cut(strings.TrimPrefix(test.from, "test"), ":")
			want := `{"type":"demo-message-receive","content":` +
				quote(t, fmt.Sprintf(`{"fromUserId":%s,"text":"hi","single":%s}`, from, test.single)) + `}`
			for token := range strings.FieldsSeq(test.receivers) {
				if got := next(t, conns[token]); got != want {
					t.Errorf("%s got\n%s, want\n%s", token, got, want)
				}
			}
			// Messages are handled in order, so by the answer to this one it has
			// been sent to everybody who gets it.
			write(t, sender, `{"type":"unknown"}`)
			if got := next(t, sender); !strings.Contains(got, "unknown_type") {
				t.Errorf("the sender got %s", got)
			}
			marker := mark(t, n.url, `"userType":2`)
			mark(t, n.url, `"userType":1`)
			for token, conn := range conns {
				if got := next(t, conn); got != marker {
					t.Errorf("%s got %s as well", token, got)
				}
			}
		})
	}
}

func TestWhoAMessageIsFrom(t *testing.T) {
	n := start(t)
	receiver := connect(t, n.url, "test2")
	for token, want := range map[string]string{
		"test1":                `1`,
		"test5:1":              `5`,
		"test9007199254740991": `9007199254740991`,
		"test9007199254740992": `"9007199254740992"`,
		"test9007199254740993": `"9007199254740993"`,
		"test007":              `"007"`,
		"testalice":            `"alice"`,
	} {
		write(t, connect(t, n.url, token), `{"type":"demo-message-send","content":{"toUserId":2,"text":"hi"}}`)
		frame := `{"type":"demo-message-receive","content":` + quote(t, `{"fromUserId":`+want+`,"text":"hi","single":true}`) + `}`
		if got := next(t, receiver); got != frame {
			t.Errorf("from %s came\n%s, want\n%s", token, got, frame)
		}
	}
}

// What is wrong with a message is answered to the sender, who stays connected.
func TestMessagesThatAreWrong(t *testing.T) {
	n := start(t, "--websocket.outbox-bytes=8KiB")
	conn := connect(t, n.url, "test1")
	long := strings.Repeat("x", 513)
	for _, test := range []struct{ name, frame, want string }{
		{"fraction", `{"type":"demo-message-send","content":"{\"toUserId\":1.5}"}`, `"code":"invalid_content"`},
		{"bool", `{"type":"demo-message-send","content":"{\"toUserId\":true}"}`, `"code":"invalid_content"`},
		{"object", `{"type":"demo-message-send","content":"{\"toUserId\":{}}"}`, `"code":"invalid_content"`},
		{"text is a number", `{"type":"demo-message-send","content":"{\"text\":5}"}`, `"code":"invalid_content"`},
		{"content is no JSON", `{"type":"demo-message-send","content":"hi"}`, `"code":"invalid_content"`},
		{"id too long", `{"type":"demo-message-send","content":{"toUserId":"` + long + `"}}`, `"detail":"toUserId or text is too long"`},
		{"text too long", `{"type":"demo-message-send","content":{"text":"` + strings.Repeat(long, 16) + `"}}`, `"detail":"toUserId or text is too long"`},
		{"unknown type", `{"type":"demo-message"}`, `"code":"unknown_type"`},
		{"no frame", `hello`, `"code":"invalid_message"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, conn, test.frame)
			// The content is JSON in a string.
			if got := strings.ReplaceAll(next(t, conn), `\`, ""); !strings.HasPrefix(got, `{"type":"error"`) || !strings.Contains(got, test.want) {
				t.Errorf("the answer is %s, want an error with %s", got, test.want)
			}
			write(t, conn, "ping")
			if got := next(t, conn); got != "pong" {
				t.Errorf("ping was answered %s", got)
			}
		})
	}
	if text := n.console.String(); strings.Contains(text, "ERROR") {
		t.Errorf("a client's mistake was logged as an error: %s", text)
	}
}
