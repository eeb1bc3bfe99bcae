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
