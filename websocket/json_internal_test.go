package websocket

import (
	"bytes"
	"encoding/json"
	"testing"
)

func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "a", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "<&>\u2028\u2029", "你😀", "\xff\xc0\x80", "a\xed\xa0\x80b", "\xf4\x90\x80\x80", "\ufffd", "é\xc3"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		got := appendString([]byte("x"), text)
		if !bytes.Equal(text, before) || got[0] != 'x' {
			t.Fatalf("%q became %q, behind %q", before, text, got[:1])
		}
		// encoding/json replaces invalid UTF-8 byte for byte as well.
		reference, err := json.Marshal(string(text))
		if err != nil {
			t.Fatal(err)
		}
		var back, want string
		if err := json.Unmarshal(got[1:], &back); err != nil {
			t.Fatalf("%q became %s: %v", text, got, err)
		}
		if err := json.Unmarshal(reference, &want); err != nil {
			t.Fatal(err)
		}
		if back != want {
			t.Errorf("%q became %q, want %q", text, back, want)
		}
	})
}

// FuzzReadPlain compares the short way of reading a frame with encoding/json's,
// which decides. A frame that is left to that is as it was.
func FuzzReadPlain(f *testing.F) {
	for _, seed := range []string{
		`{"type":"t","content":""}`,
		`{"type":"t","content":"{\"a\":\"\\\"\"}"}`,
		`{"type":"t","content":"\"\\\/\b\f\n\r\t"}`,
		`{"type":"t","content":"\u4f60 \x"}`,
		`{"type":"t","content":"\`,
		`{"type":"t\n","content":"1"}`,
		`{"type":"t","content":"1","type":"u"}`,
		`{"type":"t","content":1}`,
		"{\"type\":\"t\",\"content\":\"\n\"}",
		"{\"type\":\"\xff\",\"content\":\"é\xc3\"}",
		`{"type":"","content":"1"} `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		want, wantOK, err := readAny(bytes.Clone(payload))
		got, ok := readPlain(payload)
		switch {
		case !ok && !bytes.Equal(payload, before):
			t.Errorf("%q became %q", before, payload)
		case ok && (!wantOK || err != nil):
			t.Errorf("%q is read, but encoding/json says %v", before, err)
		case ok && (got.Type != want.Type || !bytes.Equal(got.Content, want.Content) || (got.Content == nil) != (want.Content == nil)):
			t.Errorf("%q is read as %q, want %q", before, got, want)
		}
	})
}
