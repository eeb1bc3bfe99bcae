package websocket_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

// upgrade returns a correct handshake request, to be spoiled.
func upgrade(t testing.TB, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	return r
}

// problem is the JSON body of a refusal.
type problem struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// refused checks that an answer is a refusal as it should be.
func refused(t testing.TB, answer *http.Response, status int, code string) problem {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var p problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("status %d with body %q: %v", answer.StatusCode, body, err)
	}
	if answer.StatusCode != status || p.Status != status || p.Code != code || p.Message == "" {
		t.Errorf("refused with status %d and %s, want %d %s", answer.StatusCode, body, status, code)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("the refusal's type is %q", got)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the refusal's Cache-Control is %q", got)
	}
	return p
}

func TestRefusedHandshakes(t *testing.T) {
	set := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
	}
	fails := func(err error) websocket.Authenticator {
		return func(*http.Request) (websocket.LoginUser, error) { return websocket.LoginUser{}, err }
	}
	finds := func(user websocket.LoginUser) websocket.Authenticator {
		return func(*http.Request) (websocket.LoginUser, error) { return user, nil }
	}
	limited := &websocket.Refusal{Status: 429, Code: "too_fast", Message: "slow down", RetryAfter: 1500 * time.Millisecond, Err: errors.New("secret")}
	for _, test := range []struct {
		name         string
		spoil        func(*http.Request)
		authenticate websocket.Authenticator
		status       int
		code         string
		header       []string // name and value, in pairs
	}{
		{"no upgrade", func(r *http.Request) { r.Header = nil }, nil, 426, "upgrade_required", []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "13"}},
		{"upgrade to something else", set("Upgrade", "h2c, websockets"), nil, 426, "upgrade_required", nil},
		{"no Connection", set("Connection", "keep-alive"), nil, 426, "upgrade_required", nil},
		{"POST", func(r *http.Request) { r.Method = http.MethodPost }, nil, 400, "bad_handshake", nil},
		{"version 12", set("Sec-WebSocket-Version", "12"), nil, 426, "unsupported_version", []string{"Sec-WebSocket-Version", "13"}},
		{"no version", set("Sec-WebSocket-Version"), nil, 426, "unsupported_version", []string{"Sec-WebSocket-Version", "13"}},
		{"no key", set("Sec-WebSocket-Key"), nil, 400, "bad_handshake", nil},
		{"key of 15 bytes", set("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1"), nil, 400, "bad_handshake", nil},
		{"key that is not base64", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"), nil, 400, "bad_handshake", nil},
		{"page of another host", set("Origin", "https://evil.example"), nil, 403, "origin_not_allowed", nil},
		{"page of another port", set("Origin", "http://127.0.0.1:1"), nil, 403, "origin_not_allowed", nil},
		{"page of no host", set("Origin", "null"), nil, 403, "origin_not_allowed", nil},
		{"empty origin", set("Origin", ""), nil, 403, "origin_not_allowed", nil},
		{"origin that is no URL", set("Origin", "http://[::1"), nil, 403, "origin_not_allowed", nil},
		{"nobody", func(r *http.Request) { r.URL.RawQuery = "" }, nil, 401, "unauthenticated", []string{"WWW-Authenticate", "Bearer"}},
		{"refusal", nil, fails(limited), 429, "too_fast", []string{"Retry-After", "2"}},
		{"wrapped refusal", nil, fails(fmt.Errorf("outer: %w", limited)), 429, "too_fast", []string{"Retry-After", "2"}},
		{"refusal without a delay", nil, fails(&websocket.Refusal{Status: 403, Code: "banned", Message: "no"}), 403, "banned", []string{"Retry-After", ""}},
		{"refusal without a status", nil, fails(&websocket.Refusal{Code: "odd", Message: "no"}), 500, "internal_error", nil},
		{"refusal that is none", nil, fails(&websocket.Refusal{Status: 101, Code: "odd", Message: "no"}), 500, "internal_error", nil},
		{"user without an id", nil, finds(websocket.LoginUser{}), 401, "unauthenticated", nil},
		{"user with too long an id", nil, finds(websocket.LoginUser{ID: strings.Repeat("1", websocket.MaxNameLength+1)}), 401, "unauthenticated", nil},
		{"user with too long a tenant", nil, finds(websocket.LoginUser{ID: "1", Tenant: strings.Repeat("1", websocket.MaxNameLength+1)}), 401, "unauthenticated", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := serve(t, websocket.Options{Authenticator: test.authenticate})
			r := upgrade(t, n.http.URL+"/?user=1")
			if test.spoil != nil {
				test.spoil(r)
			}
			answer, err := n.http.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			p := refused(t, answer, test.status, test.code)
			if strings.Contains(p.Message, "secret") || strings.Contains(p.Message, "user") {
				t.Errorf("the client is told %q", p.Message)
			}
			for pair := range slices.Chunk(test.header, 2) {
				if got := answer.Header.Get(pair[0]); got != pair[1] {
					t.Errorf("header %s is %q, want %q", pair[0], got, pair[1])
				}
			}
			if stats := n.Stats(); stats.Refused != 1 || stats.Opened != 0 || stats.Panics != 0 {
				t.Errorf("the counters are %+v", stats)
			}
			if sessions, scopes, groups := n.manager.Leftovers(); sessions+scopes+groups != 0 {
				t.Errorf("the indexes hold %d sessions, %d scopes and %d groups", sessions, scopes, groups)
			}
		})
	}
}

// Raw requests that Go's client cannot send.
func TestRefusedRawHandshakes(t *testing.T) {
	for name, request := range map[string]string{
		"HTTP/1.0":    strings.Replace(upgradeRequest("1"), "HTTP/1.1", "HTTP/1.0", 1),
		"two origins": upgradeRequest("1", "Origin: http://localhost", "Origin: http://localhost"),
	} {
		t.Run(name, func(t *testing.T) {
			n := serve(t, websocket.Options{})
			conn := dialRaw(t, n.http.Listener.Addr())
			send(t, conn, request)
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode < 400 || answer.StatusCode > 403 {
				t.Errorf("answered %s", answer.Status)
			}
		})
	}
}

func dialRaw(t testing.TB, address net.Addr) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestAcceptedHandshakes(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers []string
		check   func(*http.Request) bool
	}{
		{"no Origin", nil, nil},
		{"page of the same host", []string{"Origin: https://LOCALHOST"}, nil},
		{"page that the application allows", []string{"Origin: https://other.example"}, func(r *http.Request) bool { return r.Header.Get("Origin") == "https://other.example" }},
		{"headers on several lines", []string{"Connection: close", "Upgrade: h2c"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := serve(t, websocket.Options{CheckOrigin: test.check})
			conn := dialRaw(t, n.http.Listener.Addr())
			request := upgradeRequest("1", test.headers...)
			if strings.Contains(request, "h2c") { // of which the last line counts
				request = strings.Replace(request, "Upgrade: websocket\r\nConnection: Upgrade\r\n", "", 1)
				request = strings.TrimSuffix(request, "\r\n") + "Connection: keep-alive, UPGRADE\r\nUpgrade: websocket\r\n\r\n"
			}
			send(t, conn, request)
			answer, err := http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != http.StatusSwitchingProtocols || answer.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Errorf("answered %s with %v", answer.Status, answer.Header)
			}
			send(t, conn, frame(fin|text, message("1")))
			if _, got := next(t, conn); got != message("1") {
				t.Errorf("received %s", got)
			}
		})
	}
}

func TestPanicsInTheHandshakeAreContained(t *testing.T) {
	for _, test := range []struct {
		name    string
		options websocket.Options
	}{
		{"authenticator", websocket.Options{Authenticator: func(*http.Request) (websocket.LoginUser, error) { panic("boom") }}},
		{"interceptor", websocket.Options{Interceptors: []websocket.HandshakeInterceptor{func(websocket.Authenticator) websocket.Authenticator {
			return func(*http.Request) (websocket.LoginUser, error) { panic("boom") }
		}}}},
		{"origin check", websocket.Options{CheckOrigin: func(*http.Request) bool { panic("boom") }}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log logbook
			test.options.Logger = log.logger()
			n := serve(t, test.options)
			answer, err := n.http.Client().Do(upgrade(t, n.http.URL+"/?user=1&token=hidden"))
			if err != nil {
				t.Fatal(err)
			}
			if p := refused(t, answer, 500, "internal_error"); strings.Contains(p.Message, "boom") {
				t.Errorf("the client is told %q", p.Message)
			}
			if stats := n.Stats(); stats.Panics != 1 || stats.Refused != 1 {
				t.Errorf("the counters are %+v", stats)
			}
			lines := log.at(slog.LevelError)
			if len(lines) != 1 || lines[0]["panic"] != "boom" || !strings.Contains(lines[0]["stack"].(string), "handshake_test.go") {
				t.Errorf("logged %v", lines)
			}
		})
	}
}

func TestQueryIsNotLogged(t *testing.T) {
	var log logbook
	n := serve(t, websocket.Options{
		Logger: log.logger(),
		Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
			switch r.URL.Query().Get("user") {
			case "panic":
				panic("boom")
			case "refused":
				return websocket.LoginUser{}, websocket.Unauthenticated(errors.New("bad signature"))
			}
			return userFromQuery(r)
		},
		OnClose: func(*websocket.Session) { panic("boom") },
	})
	for _, user := range []string{"panic", "refused", ""} {
		answer, err := n.http.Client().Do(upgrade(t, n.http.URL+"/?token=hidden&user="+user))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	conn := n.connect(t, "1&token=hidden")
	s := n.session(t, "1")
	_ = conn.Close(client.StatusNormalClosure, "")
	ended(t, s)
	n.stop(t)
	if text := log.String(); strings.Contains(text, "hidden") || !strings.Contains(text, "bad signature") || !strings.Contains(text, "session ended") {
		t.Errorf("the log is %s", text)
	}
}

func TestMaxSessions(t *testing.T) {
	limits := websocket.DefaultLimits()
	limits.MaxSessions = 2
	ends := make(chan *websocket.Session, 10)
	n := serve(t, websocket.Options{Limits: limits, OnClose: func(s *websocket.Session) { ends <- s }})
	first := n.connect(t, "1")
	n.connect(t, "2")
	answer, err := n.http.Client().Do(upgrade(t, n.http.URL+"/?user=3"))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, answer, 503, "too_many_connections")
	if answer.Header.Get("Retry-After") != "5" {
		t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
	}
	_ = first.Close(client.StatusNormalClosure, "")
	await(t, ends)
	n.connect(t, "3")
}

// Fifty handshakes of one user at a time: exactly as many as allowed succeed.
func TestMaxSessionsPerUser(t *testing.T) {
	const clients, allowed = 50, 7
	limits := websocket.DefaultLimits()
	limits.MaxSessionsPerUser = allowed
	gathered, open := make(chan struct{}, clients), make(chan struct{})
	n := serve(t, websocket.Options{Limits: limits, Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
		if user, err := userFromQuery(r); err != nil || user.ID != "popular" {
			return user, err
		}
		gathered <- struct{}{}
		<-open
		return websocket.LoginUser{ID: "popular"}, nil
	}})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	statuses := make(chan int, clients)
	for range clients {
		go func() {
			conn, answer, err := client.Dial(ctx, n.url("popular"), nil)
			switch {
			case answer == nil:
				t.Error(err)
				statuses <- 0
			case err == nil:
				t.Cleanup(func() { _ = conn.CloseNow() })
				fallthrough
			default:
				statuses <- answer.StatusCode
			}
		}()
	}
	for range clients {
		await(t, gathered)
	}
	close(open)
	count := map[int]int{}
	for range clients {
		count[await(t, statuses)]++
	}
	if count[101] != allowed || count[429] != clients-allowed {
		t.Errorf("the answers are %v", count)
	}
	if got := n.manager.Count(websocket.ToUser(0, "popular")); got != allowed {
		t.Errorf("the user has %d sessions", got)
	}
	n.connect(t, "other")
}

func TestInterceptorsWrapInOrder(t *testing.T) {
	var (
		mu    sync.Mutex
		steps []string
	)
	step := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		steps = append(steps, name)
	}
	interceptor := func(name string) websocket.HandshakeInterceptor {
		return func(next websocket.Authenticator) websocket.Authenticator {
			return func(r *http.Request) (websocket.LoginUser, error) {
				step(name + " before")
				user, err := next(r)
				step(name + " after")
				user.Attributes = map[string]string{"by": name}
				return user, err
			}
		}
	}
	n := serve(t, websocket.Options{
		Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
			step("authenticator")
			return userFromQuery(r)
		},
		Interceptors: []websocket.HandshakeInterceptor{interceptor("first"), interceptor("second")},
	})
	n.connect(t, "1")
	if got := n.session(t, "1").User().Attributes["by"]; got != "first" {
		t.Errorf("the last word has %q", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if got, want := strings.Join(steps, ", "), "first before, second before, authenticator, second after, first after"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
}
