package websocket_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/websocket"
)

func TestUserIDReads(t *testing.T) {
	digits := strings.Repeat("9", websocket.MaxNameLength)
	for text, want := range map[string]websocket.UserID{
		`1024`:                      "1024",
		`"1024"`:                    "1024",
		`0`:                         "0",
		`-0`:                        "0",
		`-5`:                        "-5",
		`""`:                        "",
		`null`:                      "",
		`"007"`:                     "007",
		`"a b"`:                     "a b",
		`"\u4f60"`:                  "你",
		`9007199254740991`:          "9007199254740991",
		`9007199254740993`:          "9007199254740993",
		`"9007199254740993"`:        "9007199254740993",
		`1797693134862315708145274`: "1797693134862315708145274",
		digits:                      websocket.UserID(digits),
	} {
		id := websocket.UserID("before")
		if err := json.Unmarshal([]byte(text), &id); err != nil || id != want {
			t.Errorf("%.40s reads as %.40q (%v), want %.40q", text, id, err, want)
		}
	}
	for _, text := range []string{`1.0`, `1.5`, `1e3`, `1E400`, `true`, `{}`, `[]`, `[1]`, `{"id":1}`, digits + "9"} {
		var id websocket.UserID
		if err := json.Unmarshal([]byte(text), &id); err == nil {
			t.Errorf("%.40s reads as %.40q", text, id)
		}
	}
}

func TestUserIDWrites(t *testing.T) {
	for id, want := range map[websocket.UserID]string{
		"1024":                    `1024`,
		"0":                       `0`,
		"-5":                      `-5`,
		"":                        `""`,
		"-0":                      `"-0"`,
		"007":                     `"007"`,
		"+7":                      `"+7"`,
		"1_000":                   `"1_000"`,
		"1e3":                     `"1e3"`,
		"a\"b":                    `"a\"b"`,
		"9007199254740991":        `9007199254740991`,
		"9007199254740992":        `"9007199254740992"`,
		"-9007199254740991":       `-9007199254740991`,
		"-9007199254740992":       `"-9007199254740992"`,
		"99999999999999999999999": `"99999999999999999999999"`,
	} {
		got, err := json.Marshal(id)
		if err != nil || string(got) != want {
			t.Errorf("%q is written %s (%v), want %s", id, got, err, want)
		}
	}
}

func FuzzUserID(f *testing.F) {
	for _, seed := range []string{"1024", `"1024"`, "-0", "null", `"\ud800"`, "9007199254740993", "1e3", `""`, "00", "true"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var id websocket.UserID
		if err := json.Unmarshal(data, &id); err != nil {
			return
		}
		text, err := json.Marshal(id)
		if err != nil {
			t.Fatalf("%q cannot be written: %v", id, err)
		}
		var again websocket.UserID
		if err := json.Unmarshal(text, &again); err != nil || again != id {
			t.Errorf("%s reads as %q, which is written %s and reads as %q (%v)", data, id, text, again, err)
		}
		if text[0] == '"' {
			return
		}
		// A number must be one that JavaScript holds exactly.
		if n, ok := new(big.Int).SetString(string(text), 10); !ok || n.CmpAbs(big.NewInt(1<<53-1)) > 0 {
			t.Errorf("%q is written as the number %s", id, text)
		}
	})
}
