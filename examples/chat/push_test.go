package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestWhomTheRPCPushesTo(t *testing.T) {
	// Besides the users of the development mode, which have no tenant.
	a, url := serveApp(t, map[string]string{"chat.tokens": "tom=11:2:7,tim=12:2:8,mia=11:1:7"})
	conns := make(map[string]*client.Conn)
	for _, token := range []string{"test1", "test9007199254740993", "test1:1", "tom", "tim", "mia"} {
		conns[token] = connect(t, url, token)
	}
	conns["test1 too"] = connect(t, url, "test1") // another device
	var session string
	for s := range a.manager.Sessions(websocket.ToUser(websocket.Member, "11")) {
		session = quote(t, s.ID())
	}
	for _, test := range []struct {
		name, to, tenant string
		receivers        []string
	}{
		{"session", `"sessionId":` + session, "", []string{"mia"}},
		{"session before user", `"sessionId":` + session + `,"userType":2,"userId":1`, "", []string{"mia"}},
		{"session of another tenant", `"sessionId":` + session, "8", []string{"mia"}},
		{"session that is not there", `"sessionId":"nowhere-1","userType":2,"userId":1`, "", nil},
		{"empty session", `"sessionId":"","userType":2,"userId":1`, "", []string{"test1", "test1 too"}},
		{"null session", `"sessionId":null,"userType":2,"userId":1`, "", []string{"test1", "test1 too"}},

		{"user", `"userType":2,"userId":1`, "", []string{"test1", "test1 too"}},
		{"user by a string", `"userType":2,"userId":"1"`, "", []string{"test1", "test1 too"}},
		{"user of the other type", `"userType":1,"userId":1`, "", []string{"test1:1"}},
		{"user beyond 2^53", `"userType":2,"userId":9007199254740993`, "", []string{"test9007199254740993"}},
		{"user beyond 2^53 by a string", `"userType":2,"userId":"9007199254740993"`, "", []string{"test9007199254740993"}},
		{"user of another tenant", `"userType":2,"userId":11`, "8", []string{"tom"}},
		{"user who is away", `"userType":2,"userId":77`, "", nil},

		{"type", `"userType":2`, "", []string{"test1", "test1 too", "test9007199254740993", "tom", "tim"}},
		{"type, null user", `"userType":1,"userId":null`, "", []string{"test1:1", "mia"}},
		{"type, empty user", `"userType":1,"userId":""`, "", []string{"test1:1", "mia"}},
		{"type in a tenant", `"userType":2`, "7", []string{"tom"}},
		{"type in a tenant of nobody", `"userType":2`, "9", nil},
		{"type of nobody", `"userType":0`, "", nil},

		{"user without a type", `"userId":1`, "", nil},
		{"nobody", `"userId":null`, "", nil},
		{"unknown fields", `"userType":1,"userId":11,"userName":"x","headers":{}`, "", []string{"mia"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, answer := post(t, url+rpcPath, `{`+test.to+`,"messageType":"notice","messageContent":"{\"title\":\"hi\"}"}`, "tenant-id", test.tenant)
			if status != http.StatusOK || answer != rpcDone {
				t.Errorf("the answer is %d %s", status, answer)
			}
			marker := mark(t, url, `"userType":2`)
			mark(t, url, `"userType":1`)
			for token, conn := range conns {
				if slices.Contains(test.receivers, token) {
					if got, want := next(t, conn), `{"type":"notice","content":"{\"title\":\"hi\"}"}`; got != want {
						t.Errorf("%s got %s, want %s", token, got, want)
					}
				}
				if got := next(t, conn); got != marker {
					t.Errorf("%s got %s as well", token, got)
				}
			}
		})
	}
}

// A push that is refused says why, and reaches nobody.
func TestPushesThatAreRefused(t *testing.T) {
	_, url := serveApp(t, map[string]string{"websocket.outbox-bytes": "8KiB"})
	conn := connect(t, url, "test1")
	const (
		fine   = `{"userType":2,"messageType":"a","messageContent":"{}"}`
		asJSON = "application/json"
	)
	long := strings.Repeat("x", 513)
	empty := "messageType and messageContent must not be empty"
	unexpected := "the body is not the JSON object that is expected here"
	media := "the content type must be application/json"
	for _, test := range []struct {
		name, body, media, tenant string
		status                    int
		message                   string
	}{
		{"no type", `{"userType":2,"messageContent":"{}"}`, asJSON, "", 400, empty},
		{"empty type", `{"userType":2,"messageType":"","messageContent":"{}"}`, asJSON, "", 400, empty},
		{"no content", `{"userType":2,"messageType":"a"}`, asJSON, "", 400, empty},
		{"empty content", `{"userType":2,"messageType":"a","messageContent":""}`, asJSON, "", 400, empty},
		{"nothing for nobody", `{}`, asJSON, "", 400, empty},
		{"null", `null`, asJSON, "", 400, empty},
		{"no body", ``, asJSON, "", 400, unexpected},
		{"no JSON", `userType=2`, asJSON, "", 400, unexpected},
		{"half", fine[:30], asJSON, "", 400, unexpected},
		{"list", `[` + fine + `]`, asJSON, "", 400, unexpected},
		{"user is an object", `{"userType":2,"userId":{},"messageType":"a","messageContent":"{}"}`, asJSON, "", 400, unexpected},
		{"user type is a word", `{"userType":"admin","messageType":"a","messageContent":"{}"}`, asJSON, "", 400, unexpected},
		{"content is an object", `{"userType":2,"messageType":"a","messageContent":{}}`, asJSON, "", 400, unexpected},
		{"session too long", `{"sessionId":"` + long + `","messageType":"a","messageContent":"{}"}`, asJSON, "", 400, "invalid target: a name is longer than 512 bytes"},
		{"tenant too long", fine, asJSON, long, 400, "invalid target: a name is longer than 512 bytes"},
		{"no content type", fine, "", "", 415, media},
		{"text", fine, "text/plain", "", 415, media},
		{"form", fine, "application/x-www-form-urlencoded", "", 415, media},
		{"more JSON than JSON", fine, "application/json-patch+json", "", 415, media},
		{"broken content type", fine, "application/json; charset", "", 415, media},
		{"body too large", `{"messageType":"` + strings.Repeat("x", maxBody) + `"}`, asJSON, "", 413, "the body is too large"},
		{"message too large", `{"userType":2,"messageType":"a","messageContent":"` + strings.Repeat("x", 9<<10) + `"}`, asJSON, "", 413, websocket.ErrMessageTooLarge.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, answer := request(t, http.MethodPost, url+rpcPath, test.body, "Content-Type", test.media, "tenant-id", test.tenant)
			want := `{"code":` + strconv.Itoa(test.status) + `,"data":null,"msg":` + quote(t, test.message) + "}\n"
			if response.StatusCode != test.status || answer != want {
				t.Errorf("the answer is %d %s, want %d %s", response.StatusCode, answer, test.status, want)
			}
			if marker, got := mark(t, url, `"userType":2`), next(t, conn); got != marker {
				t.Errorf("the user got %s", got)
			}
		})
	}
	if response, _ := request(t, http.MethodGet, url+rpcPath, ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("GET was answered %s", response.Status)
	}
}

func TestPushesThatAreJustRight(t *testing.T) {
	_, url := serveApp(t, nil)
	conn := connect(t, url, "test1")
	head, tail := `{"userType":2,"messageType":"a","messageContent":"`, `"}`
	text := strings.Repeat("x", maxBody-len(head)-len(tail))
	status, answer := post(t, url+rpcPath, head+text+tail, "Content-Type", "Application/JSON;charset=UTF-8")
	if status != http.StatusOK || answer != rpcDone {
		t.Errorf("the largest body was answered %d %s", status, answer)
	}
	conn.SetReadLimit(-1)
	if got, want := next(t, conn), `{"type":"a","content":"`+text+`"}`; got != want {
		t.Errorf("the user got %d bytes, want %d", len(got), len(want))
	}
}

func TestNotices(t *testing.T) {
	a, url := serveApp(t, nil)
	admins := []*client.Conn{connect(t, url, "test1"), connect(t, url, "test1"), connect(t, url, "test2")}
	member := connect(t, url, "test5:1")
	status, answer := post(t, url+"notice/push", `{"title":"Lunch","content":"<p>at 12</p>","id":7}`)
	if status != http.StatusOK || answer != `{"sessions":3}`+"\n" {
		t.Errorf("the answer is %d %s", status, answer)
	}
	for _, conn := range admins {
		var frame struct{ Type, Content string }
		var content notice
		if err := json.Unmarshal([]byte(next(t, conn)), &frame); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(frame.Content), &content); err != nil {
			t.Fatal(err)
		}
		if frame.Type != "notice-push" || content != (notice{"Lunch", "<p>at 12</p>"}) {
			t.Errorf("the user got %+v", frame)
		}
	}
	if marker, got := mark(t, url, `"userType":1`), next(t, member); got != marker {
		t.Errorf("the member got %s", got)
	}

	for _, test := range []struct {
		body, media string
		status      int
		message     string
	}{
		{`{"content":"x"}`, "application/json", 400, "title must not be empty"},
		{`{"title":5}`, "application/json", 400, "the body is not the JSON object that is expected here"},
		{`{"title":"x"}`, "text/plain", 415, "the content type must be application/json"},
		{`{"title":"` + strings.Repeat("x", maxBody) + `"}`, "application/json", 413, "the body is too large"},
	} {
		response, answer := request(t, http.MethodPost, url+"notice/push", test.body, "Content-Type", test.media)
		want := `{"status":` + strconv.Itoa(test.status) + `,"code":"notice_not_sent","message":` + quote(t, test.message) + "}\n"
		if response.StatusCode != test.status || answer != want {
			t.Errorf("%.20s was answered %d %s, want %d %s", test.body, response.StatusCode, answer, test.status, want)
		}
		if got := response.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
			t.Errorf("the content type is %s", got)
		}
	}

	// What a shutdown does first.
	if err := a.sender.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, answer := post(t, url+"notice/push", `{"title":"x"}`); status != http.StatusServiceUnavailable {
		t.Errorf("a notice at the end was answered %d %s", status, answer)
	}
	if status, answer := post(t, url+rpcPath, `{"userType":2,"messageType":"a","messageContent":"{}"}`); status != http.StatusServiceUnavailable {
		t.Errorf("a push at the end was answered %d %s", status, answer)
	}
}

// halved is a sender that reaches the sessions of this node and fails then.
type halved struct {
	sender.Sender
	failure error
}

func (h *halved) Send(ctx context.Context, t websocket.Target, m websocket.Message) (sender.Receipt, error) {
	receipt, err := h.Sender.Send(ctx, t, m)
	return receipt, errors.Join(err, h.failure)
}
func (h *halved) Ready() error { return h.failure }

// What reached this node's sessions only is no success, and no failure that asks
// for another try.
func TestPushesThatReachOnlyThisNode(t *testing.T) {
	a, url := serveApp(t, nil)
	h := &halved{Sender: a.sender}
	a.sender = h
	conn := connect(t, url, "test1")
	for _, h.failure = range []error{sender.ErrNotPublished, sender.ErrBusy, sender.ErrTooLarge} {
		why := quote(t, h.failure.Error())
		for path, want := range map[string]string{
			"notice/push": `{"sessions":1,"warning":` + why + "}\n",
			rpcPath:       `{"code":202,"data":null,"msg":` + why + "}\n",
		} {
			status, answer := post(t, url+path, `{"title":"x","userType":2,"messageType":"a","messageContent":"{}"}`)
			if status != http.StatusAccepted || answer != want {
				t.Errorf("%s was answered %d %s, want 202 %s", path, status, answer, want)
			}
			next(t, conn)
		}
		response, body := request(t, http.MethodGet, url+"readyz", "")
		if want := `{"reason":` + why + `,"status":"not_ready"}` + "\n"; response.StatusCode != http.StatusServiceUnavailable || body != want {
			t.Errorf("/readyz was answered %s %s, want %s", response.Status, body, want)
		}
	}
}

func TestRooms(t *testing.T) {
	_, url := serveApp(t, map[string]string{"websocket.max-keys": "1"})
	conn, outside := connect(t, url, "test1"), connect(t, url, "test1")
	write(t, conn, `{"type":"room-join","content":`+quote(t, quote(t, strings.Repeat("x", 512)))+`}`)
	if got := next(t, conn); !strings.Contains(got, "invalid_content") || !strings.Contains(got, "a name is longer than 512 bytes") {
		t.Errorf("too long a name was answered %s", got)
	}
	write(t, conn, `{"type":"room-join","content":"\"lobby\""}`)
	write(t, conn, `{"type":"room-join","content":"\"another\""}`)
	if got := next(t, conn); !strings.Contains(got, websocket.ErrTooManyKeys.Error()) {
		t.Errorf("a room too many was answered %s", got)
	}
	status, answer := post(t, url+rpcPath, `{"key":"room/lobby","messageType":"a","messageContent":"{}"}`)
	if status != http.StatusOK || answer != rpcDone {
		t.Errorf("the answer is %d %s", status, answer)
	}
	if got, want := next(t, conn), `{"type":"a","content":"{}"}`; got != want {
		t.Errorf("the member got %s, want %s", got, want)
	}
	if marker, got := mark(t, url, `"userType":2`), next(t, outside); got != marker {
		t.Errorf("somebody outside got %s", got)
	}
}

// Outside development mode only those who know the secret push, and only those
// who have a token of the configuration connect. Neither is ever shown.
func TestSecrets(t *testing.T) {
	const secret, token = "correct-horse", "battery-staple="
	n := startIn(t, []string{"CHAT_RPC_SECRET=" + secret, "CHAT_TOKENS=" + token + "=1,other=2:1"}, "--websocket.development=false", "--websocket.close-timeout=10ms")
	var answers bytes.Buffer

	for credentials, want := range map[string]int{
		"":                     http.StatusUnauthorized,
		"Bearer":               http.StatusUnauthorized,
		"Bearer wrong-horse":   http.StatusUnauthorized,
		"Bearer " + secret[1:]: http.StatusUnauthorized,
		secret:                 http.StatusUnauthorized,
		"Basic " + secret:      http.StatusUnauthorized,
		"Bearer " + secret:     http.StatusOK,
		"bearer " + secret:     http.StatusOK,
	} {
		for path, body := range map[string]string{
			rpcPath + "?token=" + secret: `{"userType":2,"messageType":"a","messageContent":"{}"}`,
			"notice/push":                `{"title":"x"}`,
		} {
			response, answer := request(t, http.MethodPost, n.url+path, body, "Content-Type", "application/json", "Authorization", credentials)
			answers.WriteString(answer)
			if response.StatusCode != want {
				t.Errorf("%s with %q was answered %s, want %d", path, credentials, response.Status, want)
			}
			if want == http.StatusUnauthorized && (!json.Valid([]byte(answer)) || response.Header.Get("Content-Type") != "application/json") {
				t.Errorf("the refusal is no JSON: %s", answer)
			}
		}
	}
	for given, want := range map[string]int{
		token:    http.StatusSwitchingProtocols,
		"other":  http.StatusSwitchingProtocols,
		"":       http.StatusUnauthorized,
		"test1":  http.StatusUnauthorized, // is for development
		"wrong":  http.StatusUnauthorized,
		secret:   http.StatusUnauthorized,
		"other=": http.StatusUnauthorized,
	} {
		conn, response := dial(t, n.url+"infra/ws?token="+given, nil)
		if response.StatusCode != want {
			t.Errorf("token %q was answered %s, want %d", given, response.Status, want)
		}
		if given == token && conn != nil {
			write(t, conn, `{"type":"no such type"}`)
			answers.WriteString(next(t, conn))
		}
	}
	n.stop()
	if status := <-n.exited; status != exitOK {
		t.Errorf("the chat exited with %d", status)
	}
	n.exited <- exitOK // for the cleanup
	for _, hidden := range []string{secret, token} {
		if text := n.console.String() + answers.String(); strings.Contains(text, hidden) {
			t.Errorf("%q is in what was printed or answered: %s", hidden, text)
		}
	}
}

// A secret that is set counts in development mode, too.
func TestSecretInDevelopment(t *testing.T) {
	n := start(t, "--chat.rpc-secret=correct-horse")
	if status, answer := post(t, n.url+"notice/push", `{"title":"x"}`); status != http.StatusUnauthorized {
		t.Errorf("without the secret: %d %s", status, answer)
	}
	if status, answer := post(t, n.url+"notice/push", `{"title":"x"}`, "Authorization", "Bearer correct-horse"); status != http.StatusOK {
		t.Errorf("with the secret: %d %s", status, answer)
	}
}
