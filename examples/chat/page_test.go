package main

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	client "github.com/coder/websocket"
)

func TestPage(t *testing.T) {
	n := start(t)
	mediaTypes := map[string]string{
		".html": "text/html; charset=utf-8",
		".css":  "text/css; charset=utf-8",
		".js":   "text/javascript; charset=utf-8",
		".svg":  "image/svg+xml",
	}
	files, err := fs.ReadDir(web, "web")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := web.ReadFile("web/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(file.Name(), "index.html")
		response, body := request(t, http.MethodGet, n.url+name, "")
		if response.StatusCode != http.StatusOK || body != string(text) {
			t.Errorf("%s was answered %s with %d bytes", file.Name(), response.Status, len(body))
		}
		if got, want := response.Header.Get("Content-Type"), mediaTypes[path.Ext(file.Name())]; got != want {
			t.Errorf("%s is %q, want %q", file.Name(), got, want)
		}
	}

	for _, test := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "", http.StatusOK},
		{http.MethodHead, "", http.StatusOK},
		{http.MethodGet, "?token=test1", http.StatusOK},
		{http.MethodGet, "index.html", http.StatusMovedPermanently},
		{http.MethodPost, "", http.StatusMethodNotAllowed},
		{http.MethodGet, "nothing", http.StatusNotFound},
		{http.MethodGet, "web/app.js", http.StatusNotFound},
		{http.MethodGet, "main.go", http.StatusNotFound},
		{http.MethodGet, "%2e%2e/main.go", http.StatusNotFound},
		{http.MethodGet, "infra/ws/", http.StatusNotFound},
		{http.MethodGet, "infra/ws", http.StatusUpgradeRequired},
		{http.MethodGet, "healthz", http.StatusOK},
		{http.MethodGet, "readyz", http.StatusOK},
		{http.MethodGet, "metrics", http.StatusOK},
		{http.MethodPost, "metrics", http.StatusMethodNotAllowed},
		{http.MethodGet, "chat.json", http.StatusOK},
		{http.MethodPost, "chat.json", http.StatusMethodNotAllowed},
		{http.MethodPost, "readyz", http.StatusMethodNotAllowed},
	} {
		response, _ := request(t, test.method, n.url+test.path, "")
		if response.StatusCode != test.status {
			t.Errorf("%s /%s was answered %s, want %d", test.method, test.path, response.Status, test.status)
		}
		if test.path == "infra/ws" {
			continue
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": contentPolicy,
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer", // the address of the page can hold a token
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s /%s has %s %q, want %q", test.method, test.path, name, got, want)
			}
		}
	}
}

// Each source of the policy has to be named here before the page may use it.
func TestContentPolicyIsStrict(t *testing.T) {
	allowed := map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'", "connect-src": "'self'",
		"base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
	}
	seen := 0
	for directive := range strings.SplitSeq(contentPolicy, "; ") {
		name, sources, _ := strings.Cut(directive, " ")
		if seen++; allowed[name] != sources {
			t.Errorf("the policy has %s", directive)
		}
	}
	if seen != len(allowed) {
		t.Errorf("the policy has %d directives, want %d", seen, len(allowed))
	}
}

func TestHealth(t *testing.T) {
	n := start(t)
	for path, want := range map[string]string{"healthz": `{"status":"ok"}`, "readyz": `{"status":"ready"}`} {
		response, body := request(t, http.MethodGet, n.url+path, "")
		if body != want+"\n" || response.Header.Get("Content-Type") != "application/json; charset=utf-8" || response.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("/%s was answered %s with %v", path, body, response.Header)
		}
	}
}

// Prometheus finds the node, the process and the Go runtime.
func TestMetrics(t *testing.T) {
	n := start(t)
	connect(t, n.url, "test1")
	_, body := request(t, http.MethodGet, n.url+"metrics", "")
	for _, line := range []string{
		`switchboard_sessions{user_type="2"} 1`, "switchboard_ready 1", "go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(body, "\n"+line) {
			t.Errorf("/metrics has no line %s: %s", line, body)
		}
	}
}

// While a shutdown waits for a client, the chat says that it takes no others.
func TestDraining(t *testing.T) {
	n := start(t, "--websocket.close-timeout=1m")
	silent := connect(t, n.url, "test1") // does not read, and so answers no close frame
	n.stop()
	for deadline := time.After(patience); ; {
		response, body := request(t, http.MethodGet, n.url+"readyz", "")
		if response.StatusCode == http.StatusServiceUnavailable && body == `{"status":"draining"}`+"\n" {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("/readyz is still answered %s %s", response.Status, body)
		default:
		}
	}
	if response, body := request(t, http.MethodGet, n.url+"healthz", ""); response.StatusCode != http.StatusOK {
		t.Errorf("/healthz is answered %s %s", response.Status, body)
	}
	// The sessions are told right after that.
	if code := closed(t, silent); code != client.StatusGoingAway {
		t.Errorf("the session was closed with %d", code)
	}
	if status := <-n.exited; status != exitOK {
		t.Errorf("the chat exited with %d", status)
	}
	n.exited <- exitOK // for the cleanup
}

func TestPathOfTheWebSocket(t *testing.T) {
	for name, test := range map[string]struct {
		args         []string
		path         string
		status, page int
		told         string // to the page, which has to find it
	}{
		"default":       {nil, "infra/ws", http.StatusSwitchingProtocols, http.StatusOK, "/infra/ws"},
		"other":         {[]string{"--websocket.path=/ws"}, "ws", http.StatusSwitchingProtocols, http.StatusOK, "/ws"},
		"not the other": {[]string{"--websocket.path=/ws"}, "infra/ws", http.StatusNotFound, http.StatusOK, "/ws"},
		"to be escaped": {[]string{"--websocket.path=/a b?100%"}, "a%20b%3F100%25", http.StatusSwitchingProtocols, http.StatusOK, "/a%20b%3F100%25"},
		"of the page":   {[]string{"--websocket.path=/"}, "", http.StatusSwitchingProtocols, http.StatusUpgradeRequired, "/"},
		"disabled":      {[]string{"--websocket.enable=false"}, "infra/ws", http.StatusNotFound, http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, test.args...)
			if _, response := dial(t, n.url+test.path+"?token=test1", nil); response.StatusCode != test.status {
				t.Errorf("the handshake was answered %s, want %d", response.Status, test.status)
			}
			if response, _ := request(t, http.MethodGet, n.url, ""); response.StatusCode != test.page {
				t.Errorf("the page was answered %s, want %d", response.Status, test.page)
			}
			response, answer := request(t, http.MethodGet, n.url+"chat.json", "")
			switch {
			case test.told == "" && response.StatusCode != http.StatusNotFound,
				test.told != "" && answer != `{"path":"`+test.told+`"}`+"\n":
				t.Errorf("the page is told %s %s, want the path %s", response.Status, answer, test.told)
			}
			if status, answer := post(t, n.url+"notice/push", `{"title":"x"}`); status != http.StatusOK {
				t.Errorf("a notice was answered %d %s", status, answer)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	for name, test := range map[string]struct {
		args             []string
		allowed, refused []string
	}{
		"default": {nil, nil, []string{"https://app.example.com", "http://127.0.0.1:1", "null"}},
		"patterns": {
			[]string{"--websocket.allowed-origins=https://app.example.com, https://*.example.org"},
			[]string{"https://app.example.com", "https://a.b.example.org"},
			[]string{"http://app.example.com", "https://example.org", "https://evil-example.org", "http://127.0.0.1:1"},
		},
		"all": {[]string{"--websocket.allowed-origins=*"}, []string{"https://app.example.com", "null"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, test.args...)
			handshake := func(header http.Header, want int) {
				if _, response := dial(t, n.url+"infra/ws?token=test1", header); response.StatusCode != want {
					t.Errorf("a page with %v was answered %s, want %d", header, response.Status, want)
				}
			}
			own := strings.TrimSuffix(n.url, "/")
			for _, origin := range append(test.allowed, own) {
				handshake(http.Header{"Origin": {origin}}, http.StatusSwitchingProtocols)
			}
			for _, origin := range test.refused {
				handshake(http.Header{"Origin": {origin}}, http.StatusForbidden)
			}
			handshake(nil, http.StatusSwitchingProtocols) // no browser
		})
	}
}
