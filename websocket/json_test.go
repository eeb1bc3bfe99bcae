package websocket_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchboard-go/switchboard/websocket"
)

// receive gives a frame to the JSON protocol, as a session would.
func receive(payload string) (websocket.Message, bool, error) {
	// Only the exact ping needs a session.
	return websocket.JSON.Open(nil).Receive([]byte(payload))
}

func TestJSONReceive(t *testing.T) {
	text := strings.Repeat("a", 64<<10)
	longest := strings.Repeat("t", websocket.MaxNameLength)
	for _, test := range []struct {
		name, payload string
		messageType   string
		content       string // empty: none
	}{
		{"content in a string", `{"type":"t","content":"{\"a\":\"\\\"\"}"}`, "t", `{"a":"\""}`},
		{"object", `{"type":"t","content":{"a": 1}}`, "t", `{"a": 1}`},
		{"array", `{"type":"t","content":[1,"2"]}`, "t", `[1,"2"]`},
		{"number", `{"type":"t","content":12345678901234567890.5}`, "t", `12345678901234567890.5`},
		{"bool", `{"type":"t","content":false}`, "t", `false`},
		{"null", `{"type":"t","content":null}`, "t", ""},
		{"null in a string", `{"type":"t","content":"null"}`, "t", "null"},
		{"missing content", `{"type":"t"}`, "t", ""},
		{"empty string", `{"type":"t","content":""}`, "t", ""},
		{"text that is no JSON", `{"type":"t","content":"hi"}`, "t", "hi"},
		{"any order and white space", " \r\n\t{ \"content\" : \"1\" , \"type\" : \"t\" } \n", "t", "1"},
		{"the last one counts", `{"type":"a","content":"1","type":"b","content":"2"}`, "b", "2"},
		{"the last one counts, if null", `{"type":"t","content":"1","content":null}`, "t", ""},
		{"unknown fields", `{"type":"t","content":"1","id":7,"more":{"type":"x"}}`, "t", "1"},
		{"no type", `{"content":"1"}`, "", "1"},
		{"empty type", `{"type":"","content":"1"}`, "", "1"},
		{"null type", `{"type":null,"content":"1"}`, "", "1"},
		{"empty object", `{}`, "", ""},
		{"longest type", `{"type":"` + longest + `"}`, longest, ""},
		{"64 KiB", `{"type":"t","content":"` + text + `"}`, "t", text},
		{"escapes", `{"type":"t\u00fc","content":"\u4f60\ud83d\ude00\n\u0000"}`, "tü", "你😀\n\x00"},
		{"half a surrogate pair", `{"type":"t","content":"\ud83d"}`, "t", "\ufffd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, ok, err := receive(test.payload)
			if err != nil || !ok {
				t.Fatalf("message: %t, error: %v", ok, err)
			}
			if m.Type != test.messageType || string(m.Content) != test.content || m.Key != "" {
				t.Errorf("the message is %.200q", m)
			}
		})
	}
}

func TestJSONRefuses(t *testing.T) {
	for name, payload := range map[string]string{
		"no JSON":               `hello`,
		"cut off":               `{"type":"t","content":"`,
		"two values":            `{"type":"t"}{"type":"u"}`,
		"trailing comma":        `{"type":"t",}`,
		"an array":              `[{"type":"t"}]`,
		"a string":              `"ping"`,
		"a number":              `1`,
		"null":                  `null`,
		"type is a number":      `{"type":1,"content":""}`,
		"type is an object":     `{"type":{},"content":""}`,
		"type is too long":      `{"type":"` + strings.Repeat("t", websocket.MaxNameLength+1) + `"}`,
		"bad escape":            `{"type":"\x41"}`,
		"deep":                  strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"deep content":          `{"type":"t","content":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_001),
		"ping in upper case":    `PING`,
		"ping and white space":  `ping `,
		"ping and a line break": "ping\n",
		"white space":           " ",
		"pong":                  `pong`,
	} {
		t.Run(name, func(t *testing.T) {
			_, ok, err := receive(payload)
			refusal, is := errors.AsType[*websocket.MessageError](err)
			if ok || !is || refusal.Code != websocket.CodeInvalidMessage {
				t.Errorf("message: %t, error: %v", ok, err)
			}
			if refusal.Detail == "" || len(refusal.Detail) > 100 {
				t.Errorf("the client is told %q", refusal.Detail)
			}
		})
	}
	if _, ok, err := receive(""); ok || err != nil {
		t.Errorf("an empty frame is a message: %t, error: %v", ok, err)
	}
}

// What clients see when their messages are not handled, to the letter.
func TestJSONAnswers(t *testing.T) {
	secret := errors.New("password of the database")
	listeners := dispatcher(func(_ context.Context, s *websocket.Session, m websocket.Message) error {
		switch m.Type {
		case "echo":
			return s.Send(m)
		case "content":
			return &websocket.MessageError{Code: websocket.CodeInvalidContent, Detail: `"text" is missing`, Err: secret}
		case "own":
			return fmt.Errorf("wrapped: %w", &websocket.MessageError{Code: "muted", Err: secret})
		case "fail":
			return secret
		case "panic":
			panic(secret)
		}
		return &websocket.MessageError{Code: websocket.CodeUnknownType}
	})
	steps := []struct{ in, out string }{
		{"ping", "pong"},
		{"Ping", `{"type":"error","content":"{\"code\":\"invalid_message\",\"detail\":\"the frame is not a JSON object with a type and a content\"}"}`},
		{`{"type":"none"}`, `{"type":"error","content":"{\"code\":\"unknown_type\",\"type\":\"none\"}"}`},
		{`{"content":"1"}`, `{"type":"error","content":"{\"code\":\"unknown_type\"}"}`},
		{`{"type":"content"}`, `{"type":"error","content":"{\"code\":\"invalid_content\",\"type\":\"content\",\"detail\":\"\\\"text\\\" is missing\"}"}`},
		{`{"type":"own"}`, `{"type":"error","content":"{\"code\":\"muted\",\"type\":\"own\"}"}`},
		{`{"type":"fail"}`, `{"type":"error","content":"{\"code\":\"listener_failed\",\"type\":\"fail\"}"}`},
		{`{"type":"panic"}`, `{"type":"error","content":"{\"code\":\"listener_failed\",\"type\":\"panic\"}"}`},
		{`{"type":"` + strings.Repeat("x", 600) + `"}`, `{"type":"error","content":"{\"code\":\"invalid_message\",\"detail\":\"the type is too long\"}"}`},
		{`{"type":"echo","content":{"a":"<&>\u2028"}}`, `{"type":"echo","content":"{\"a\":\"<&>\\u2028\"}"}`},
	}
	t.Run("told", func(t *testing.T) {
		n := serve(t, websocket.Options{Dispatcher: listeners})
		conn := n.connect(t, "1")
		for _, step := range steps {
			write(t, conn, step.in)
			if got := read(t, conn); got != step.out {
				t.Errorf("%.50s was answered\n%s, want\n%s", step.in, got, step.out)
			}
		}
		write(t, conn, "")
		write(t, conn, "ping")
		if got := read(t, conn); got != "pong" {
			t.Errorf("an empty frame was answered %q", got)
		}
		got := n.Stats()
		want := map[websocket.ErrorCode]uint64{
			websocket.CodeInvalidMessage: 2, websocket.CodeUnknownType: 2, websocket.CodeInvalidContent: 1, websocket.CodeListenerFailed: 3,
		}
		if fmt.Sprint(got.Errors) != fmt.Sprint(want) || got.Panics != 1 || got.Received != 7 {
			t.Errorf("the counters are %+v", got)
		}
	})
	t.Run("suppressed", func(t *testing.T) {
		n := serve(t, websocket.Options{Dispatcher: listeners, SuppressErrors: true})
		conn := n.connect(t, "1")
		for _, step := range steps {
			write(t, conn, step.in)
			if !strings.HasPrefix(step.out, `{"type":"error"`) {
				if got := read(t, conn); got != step.out {
					t.Errorf("%.50s was answered %s, want %s", step.in, got, step.out)
				}
			}
		}
	})
}

func TestMessageErrorSaysWhatItKnows(t *testing.T) {
	cause := errors.New("cause")
	for want, err := range map[string]*websocket.MessageError{
		"busy":                {Code: websocket.CodeBusy},
		"busy: detail":        {Code: websocket.CodeBusy, Detail: "detail"},
		"busy: cause":         {Code: websocket.CodeBusy, Err: cause},
		"busy: detail: cause": {Code: websocket.CodeBusy, Detail: "detail", Err: cause},
	} {
		if got := err.Error(); got != want || errors.Is(err, cause) != (err.Err != nil) {
			t.Errorf("the error is %q, want %q", got, want)
		}
	}
}

func FuzzJSONReceive(f *testing.F) {
	for _, seed := range []string{
		`{"type":"t","content":"{\"a\":1}"}`, `{"type":"t","content":{"a":[1,null]}}`, `{"type":"\u00e4\ud800","content":"\u0000\ud83d\ude00"}`,
		`{"content":null}`, `{"content":"","type":"a","type":"b"}`, "[]", "null", "", "\xff", `{"type":"t","content":"` + "\xff" + `"}`, ` {"Content": 1e5 }`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if string(payload) == "ping" {
			return // which wants a session
		}
		conversation := websocket.JSON.Open(nil)
		m, ok, err := conversation.Receive(payload)
		if !ok || err != nil {
			if ok || m.Type != "" || m.Content != nil {
				t.Errorf("with error %v came %v, %q", err, ok, m)
			}
			return
		}
		frame, err := conversation.AppendEncode(nil, m)
		if err != nil {
			t.Fatalf("%q cannot be encoded: %v", m, err)
		}
		if !json.Valid(frame) || !utf8.Valid(frame) {
			t.Fatalf("%q is encoded as %q", m, frame)
		}
		again, ok, err := conversation.Receive(frame)
		if !ok || err != nil {
			// Bytes that are not UTF-8 grow when they are replaced; a session lets none through.
			if utf8.Valid(payload) {
				t.Fatalf("%q is not accepted again: %v", frame, err)
			}
			return
		}
		if utf8.Valid(payload) && (again.Type != m.Type || !bytes.Equal(again.Content, m.Content)) {
			t.Errorf("%q came back as %q", m, again)
		}
	})
}
