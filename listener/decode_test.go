package listener_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/websocket"
)

// base is embedded, so that its Go name is in encoding/json's errors.
type base struct {
	Number int8 `json:"number"`
}

// everything has a field of each kind that is decoded differently.
type everything struct {
	base
	Text   string           `json:"text"`
	ID     websocket.UserID `json:"id"`
	Time   time.Time        `json:"time"`
	Bytes  []byte           `json:"bytes"`
	Raw    json.RawMessage  `json:"raw"`
	Any    any              `json:"any"`
	Counts map[int]bool     `json:"counts"`
	Quoted int              `json:"quoted,string"`
	Next   *everything      `json:"next"`
	Parts  []base           `json:"parts"`
}

// accepts checks what a listener for T gets of content.
func accepts[T any](content string, want T) func(*testing.T) {
	return func(t *testing.T) {
		mux := listener.NewMux()
		calls := 0
		handle(t, mux, "a", func(_ context.Context, got T) error {
			calls++
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q gave %#v, want %#v", content, got, want)
			}
			return nil
		})
		if err := send(t.Context(), mux, "a", content); err != nil || calls != 1 {
			t.Errorf("%q: called %d times, %v", content, calls, err)
		}
	}
}

func TestDecode(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"nothing, struct":     accepts("", everything{}),
		"nothing, pointer":    accepts[*everything]("", nil),
		"nothing, string":     accepts("", ""),
		"nothing, raw":        accepts("", json.RawMessage(nil)),
		"null, struct":        accepts("null", everything{}),
		"null, pointer":       accepts[*everything]("null", nil),
		"null, string":        accepts("null", ""),
		"null, number":        accepts("null", 0),
		"null, user id":       accepts[websocket.UserID]("null", ""),
		"null, raw, as it is": accepts("null", json.RawMessage("null")),
		"struct":              accepts(`{"text":"hi"}`, everything{Text: "hi"}),
		"pointer":             accepts(`{"text":"hi"}`, &everything{Text: "hi"}),
		"unknown fields":      accepts(`{"text":"hi","base":2,"more":{"a":[]}}`, everything{Text: "hi"}),
		"embedded":            accepts(`{"number":-7}`, everything{base: base{Number: -7}}),
		"user id, number":     accepts(`{"id":9007199254740993}`, everything{ID: "9007199254740993"}),
		"user id, string":     accepts(`{"id":"9007199254740993"}`, everything{ID: "9007199254740993"}),
		"user id, null":       accepts(`{"id":null}`, everything{}),
		"string":              accepts(`"hi"`, "hi"),
		"bytes":               accepts(`"aGk="`, []byte("hi")),
		"number":              accepts(`-1.5`, -1.5),
		"any":                 accepts[any](`[1,{"a":null}]`, []any{1.0, map[string]any{"a": nil}}),
		"raw":                 accepts(`{ "a" : 1 }`, json.RawMessage(`{ "a" : 1 }`)),
		"raw, not JSON":       accepts("not JSON", json.RawMessage("not JSON")),
		"raw inside":          accepts(`{"raw":{ "a":1}}`, everything{Raw: json.RawMessage(`{ "a":1}`)}),
		"blanks around":       accepts(" \n[1] ", []int{1}),
		"empty slice":         accepts(`[]`, []int{}),
	} {
		t.Run(name, test)
	}
}

func TestRawContentIsNotCopied(t *testing.T) {
	mux := listener.NewMux()
	content := []byte(`{"large":"content"}`)
	handle(t, mux, "a", func(_ context.Context, got json.RawMessage) error {
		if &got[0] != &content[0] {
			t.Error("the content was copied")
		}
		return nil
	})
	if err := mux.Dispatch(t.Context(), &websocket.Session{}, websocket.Message{Type: "a", Content: content}); err != nil {
		t.Fatal(err)
	}
}

// refuses checks what the client is told of content that does not fit T.
func refuses[T any](content, detail string) func(*testing.T) {
	return func(t *testing.T) {
		mux := listener.NewMux()
		handle(t, mux, "a", func(context.Context, T) error {
			t.Errorf("%q reached the listener", content)
			return nil
		})
		got := answer(t, send(t.Context(), mux, "a", content))
		if got.Code != websocket.CodeInvalidContent || got.Detail != detail {
			t.Errorf("the client is told %s: %s\nwant %s", got.Code, got.Detail, detail)
		}
		if got.Err == nil {
			t.Error("the error has no cause")
		}
	}
}

func TestDecodeMisfit(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"not JSON":            refuses[everything](`{"text":x`, "content cannot be read as JSON (byte 9)"),
		"cut":                 refuses[everything](`{"text":`, "content cannot be read as JSON (byte 8)"),
		"blank":               refuses[everything](" ", "content cannot be read as JSON (byte 1)"),
		"text after":          refuses[everything](`{}{}`, "content cannot be read as JSON (byte 3)"),
		"too deep":            refuses[any](strings.Repeat("[", 10_001), "content cannot be read as JSON (byte 10001)"),
		"string for a struct": refuses[everything](`"hi"`, "string does not fit (byte 4)"),
		"array for a struct":  refuses[everything](`[]`, "array does not fit (byte 1)"),
		"object for a slice":  refuses[[]int](`{}`, "object does not fit (byte 1)"),
		"bool for a string":   refuses[string](`true`, "bool does not fit (byte 4)"),
		"field":               refuses[everything](`{"text":5}`, `number does not fit field "text" (byte 9)`),
		"embedded field":      refuses[everything](`{"number":"5"}`, `string does not fit field "number" (byte 13)`),
		"number out of range": refuses[everything](`{"number":128}`, `number does not fit field "number" (byte 13)`),
		"map key":             refuses[everything](`{"counts":{"secret":true}}`, `number does not fit field "counts" (byte 12)`),
		"nested field":        refuses[everything](`{"next":{"next":{"text":[]}}}`, `array does not fit field "text" (byte 25)`),
		"field in a slice":    refuses[everything](`{"parts":[{"number":1},{"number":{}}]}`, `object does not fit field "number" (byte 34)`),
		"own UnmarshalJSON":   refuses[everything](`{"id":1.5}`, "content does not fit"),
		"time":                refuses[everything](`{"time":"yesterday"}`, "content does not fit"),
		"quoted number":       refuses[everything](`{"quoted":"secret"}`, "content does not fit"),
	} {
		t.Run(name, test)
	}
}

// Whatever a client sends, Dispatch returns: the listener got what
// encoding/json makes of it, or the client is told where it does not fit.
func FuzzDispatch(f *testing.F) {
	for _, seed := range []string{
		"", "null", "{}", `{"text":"hi","number":1,"id":1024,"time":"2025-01-02T03:04:05Z","bytes":"aGk="}`,
		`{"next":{"raw":[1],"any":{"a":1},"counts":{"1":true},"quoted":"5","parts":[{"number":1}]}}`,
		`{"number":1e400}`, `{"id":"\ud800"}`, `{"counts":{"密":true}}`, "\xff", strings.Repeat("[", 10_001),
	} {
		f.Add("typed", []byte(seed))
	}
	f.Add("any", []byte("[]"))
	f.Add("raw", []byte("not JSON"))
	f.Add("\xff", []byte("{}"))
	f.Fuzz(func(t *testing.T, messageType string, content []byte) {
		mux := listener.NewMux()
		var got any
		handle(t, mux, "typed", func(_ context.Context, content everything) error { got = content; return nil })
		handle(t, mux, "any", func(_ context.Context, content any) error { got = content; return nil })
		handle(t, mux, "raw", func(_ context.Context, content json.RawMessage) error { got = content; return nil })

		err := send(t.Context(), mux, messageType, string(content))

		var typed everything
		var untyped any
		var want any
		var wantErr error
		switch messageType {
		case "typed":
			wantErr = json.Unmarshal(content, &typed)
			want = typed
		case "any":
			wantErr = json.Unmarshal(content, &untyped)
			want = untyped
		case "raw":
			if raw, _ := got.(json.RawMessage); err != nil || !bytes.Equal(raw, content) {
				t.Fatalf("raw content %q gave %q, %v", content, raw, err)
			}
			return
		default:
			if answer(t, err).Code != websocket.CodeUnknownType {
				t.Fatalf("type %q: %v", messageType, err)
			}
			return
		}
		if len(content) == 0 {
			wantErr = nil
		}
		if wantErr == nil {
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%q gave %#v, %v, want %#v", content, got, err, want)
			}
			return
		}
		refusal := answer(t, err)
		if refusal.Code != websocket.CodeInvalidContent || errors.Unwrap(refusal) == nil || got != nil {
			t.Fatalf("%q gave %#v, %v, want the cause %v", content, got, err, wantErr)
		}
		if len(refusal.Detail) > 100 || !utf8.ValidString(refusal.Detail) || strings.Contains(refusal.Detail, "base") {
			t.Fatalf("the client is told %q", refusal.Detail)
		}
	})
}
