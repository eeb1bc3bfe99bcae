package websocket_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/websocket"
)

func TestTargetText(t *testing.T) {
	for want, target := range map[string]websocket.Target{
		"":                                  {},
		"session/n-1":                       websocket.ToSession("n-1"),
		"user/2/1024":                       websocket.ToUser(websocket.Admin, "1024"),
		"user/-7/a%2Fb":                     websocket.ToUser(-7, "a/b"),
		"user/0/%3Fx=1%20%25":               websocket.ToUser(0, "?x=1 %"),
		"type/2":                            websocket.ToUserType(websocket.Admin),
		"key/%E6%88%BF":                     websocket.ToKey("房"),
		"key/..":                            websocket.ToKey(".."),
		"all":                               websocket.ToAll(),
		"all?tenant=t":                      websocket.ToAll().InTenant("t"),
		"all?except=n-1":                    websocket.ToAll().Except("n-1"),
		"type/1?tenant=a%26except%3Dn+%2B":  websocket.ToUserType(1).InTenant("a&except=n +"),
		"key/k?tenant=t&except=n-1":         websocket.ToKey("k").Except("n-1").InTenant("t"),
		"session/n-1?tenant=%3F&except=%23": websocket.ToSession("n-1").InTenant("?").Except("#"),
	} {
		if got := target.String(); got != want {
			t.Errorf("%#v is %q, want %q", target, got, want)
		}
		if want == "" {
			continue
		}
		if got, err := websocket.ParseTarget(want); err != nil || got != target {
			t.Errorf("%q reads as %q (%v)", want, got, err)
		}
	}
}

func TestTargetsThatNameNobody(t *testing.T) {
	long := strings.Repeat("x", websocket.MaxNameLength)
	for _, target := range []websocket.Target{
		{}, websocket.ToSession(""), websocket.ToUser(1, ""), websocket.ToKey(""), (websocket.Target{}).InTenant("t"),
		websocket.ToSession(long + "x"), websocket.ToKey(long + "x"), websocket.ToUser(1, long+"x"),
		websocket.ToAll().InTenant(long + "x"), websocket.ToAll().Except(long + "x"),
	} {
		if err := target.Validate(); !errors.Is(err, websocket.ErrInvalidTarget) {
			t.Errorf("%.30s: %v", target, err)
		}
		if _, err := websocket.ParseTarget(target.String()); !errors.Is(err, websocket.ErrInvalidTarget) {
			t.Errorf("%.30s parses: %v", target, err)
		}
	}
	for _, target := range []websocket.Target{
		websocket.ToSession(long), websocket.ToKey(long), websocket.ToUser(0, long), websocket.ToUserType(0),
		websocket.ToAll().InTenant(long).Except(long), websocket.ToAll().InTenant("").Except(""),
	} {
		if err := target.Validate(); err != nil {
			t.Errorf("%.30s: %v", target, err)
		}
	}
}

func TestTextsThatAreNoTarget(t *testing.T) {
	for _, text := range []string{
		"nobody", "all/", "all/x", "ALL", " all", "session", "session/", "user", "user/", "user/1", "user/1/", "user/x/1", "user//1",
		"type", "type/", "type/x", "type/1/2", "type/99999999999999999999", "key", "key/", "key/%", "key/%zz", "session/%2",
		"user/1/%f", "all?x=1", "all?tenant=%", "all?tenant=a;except=b", "all?TENANT=a", "all?tenant",
	} {
		target, err := websocket.ParseTarget(text)
		if text == "all?tenant" { // as good as an empty one
			if err != nil || target != websocket.ToAll() {
				t.Errorf("%q reads as %s (%v)", text, target, err)
			}
			continue
		}
		if !errors.Is(err, websocket.ErrInvalidTarget) || target != (websocket.Target{}) {
			t.Errorf("%q reads as %s (%v)", text, target, err)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{
		"all", "session/n-1", "user/2/1024?tenant=t&except=n-1", "type/-1", "key/a%2Fb%00", "key/a/b", "all?tenant=+%2B&tenant=x", "user/01/é", "key/\xff", "?", "all?&",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := websocket.ParseTarget(text)
		if err != nil {
			if !errors.Is(err, websocket.ErrInvalidTarget) || target != (websocket.Target{}) {
				t.Errorf("%q reads as %s with %v", text, target, err)
			}
			return
		}
		if err := target.Validate(); err != nil {
			t.Errorf("%q reads as a target that is not valid: %v", text, err)
		}
		if again, err := websocket.ParseTarget(target.String()); err != nil || again != target {
			t.Errorf("%q is %q, which reads as %q (%v)", text, target, again, err)
		}
	})
}
