package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"go.uber.org/goleak"
)

// patience bounds every wait. A test that meets it has failed.
const patience = 30 * time.Second

// browser makes the requests of the tests. It follows no redirects and keeps no
// connections, whose goroutines would count as leaks.
var browser = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// console is what a chat prints.
type console struct {
	mu     sync.Mutex
	text   []byte
	opened chan string // gets the URL when the chat is open
}

var openLine = regexp.MustCompile(`msg="chat is open" url=(\S+)`)

func newConsole() *console { return &console{opened: make(chan string, 1)} }

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	if match := openLine.FindSubmatch(p); match != nil {
		c.opened <- string(match[1])
	}
	return len(p), nil
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}

// node is a chat that runs as its command does, on a port of its own.
type node struct {
	url     string // ends with a slash
	console *console
	stop    context.CancelFunc
	exited  chan int // gets the exit status
}

// start runs a chat until the end of the test, where it must exit with 0 and
// leave no goroutine behind.
func start(t *testing.T, args ...string) *node {
	t.Helper()
	return startIn(t, nil, args...)
}

// startIn is start with an environment.
func startIn(t *testing.T, environ []string, args ...string) *node {
	t.Helper()
	checkLeaks(t)
	ctx, stop := context.WithCancel(context.Background())
	n := &node{console: newConsole(), stop: stop, exited: make(chan int, 1)}
	go func() { n.exited <- run(ctx, append([]string{"--addr", "127.0.0.1:0"}, args...), environ, n.console) }()
	select {
	case n.url = <-n.console.opened:
	case status := <-n.exited:
		stop()
		t.Fatalf("the chat exited with %d: %s", status, n.console)
	case <-time.After(patience):
		t.Fatalf("the chat does not open: %s", n.console)
	}
	t.Cleanup(func() {
		stop()
		select {
		case status := <-n.exited:
			if status != exitOK {
				t.Errorf("the chat exited with %d: %s", status, n.console)
			}
		case <-time.After(patience):
			t.Error("the chat does not exit")
		}
	})
	return n
}

// serveApp serves an app directly, for tests that look into it.
func serveApp(t *testing.T, keys map[string]string) (a *app, url string) {
	t.Helper()
	checkLeaks(t)
	s, err := load("", nil, keys)
	if err != nil {
		t.Fatal(err)
	}
	a, err = newApp(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(a.handler())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := a.shutdown(ctx); err != nil {
			t.Error(err)
		}
		site.Close()
	})
	return a, site.URL + "/"
}

// checkLeaks fails the test if goroutines are left when it has cleaned up.
func checkLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// dial returns the answer to a handshake, and the connection if it was accepted.
func dial(t *testing.T, url string, header http.Header) (*client.Conn, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, response, err := client.Dial(ctx, strings.Replace(url, "http", "ws", 1), &client.DialOptions{HTTPClient: browser, HTTPHeader: header})
	if response == nil {
		t.Fatal(err)
	}
	if err == nil {
		t.Cleanup(func() { conn.CloseNow() })
	}
	return conn, response
}

// connect returns the connection of whoever has the token.
func connect(t *testing.T, url, token string) *client.Conn {
	t.Helper()
	conn, response := dial(t, url+"infra/ws?token="+token, nil)
	if conn == nil {
		t.Fatalf("the handshake with token %q was answered %s", token, response.Status)
	}
	return conn
}

// write sends a text frame.
func write(t *testing.T, conn *client.Conn, frame string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := conn.Write(ctx, client.MessageText, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

// next returns the next frame.
func next(t *testing.T, conn *client.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	kind, frame, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if kind != client.MessageText {
		t.Fatalf("a frame of kind %v: %q", kind, frame)
	}
	return string(frame)
}

// closed reads until the connection is closed, and returns the code.
func closed(t *testing.T, conn *client.Conn) client.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, _, err := conn.Read(ctx)
		if end, ok := errors.AsType[client.CloseError](err); ok {
			return end.Code
		}
		if err != nil {
			t.Fatalf("the connection broke: %v", err)
		}
	}
}

// request answers an HTTP request. Headers are name, value, name, value.
func request(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for len(headers) > 1 {
		r.Header.Set(headers[0], headers[1])
		headers = headers[2:]
	}
	response, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

const rpcPath = "rpc-api/infra/websocket/send"

// post posts JSON.
func post(t *testing.T, url, body string, headers ...string) (status int, answer string) {
	t.Helper()
	response, answer := request(t, http.MethodPost, url, body, append([]string{"Content-Type", "application/json"}, headers...)...)
	return response.StatusCode, answer
}

// mark sends a last frame to the session or users that fields name, and returns
// it: whoever reads it before anything else was sent nothing else.
func mark(t *testing.T, url, fields string) string {
	t.Helper()
	status, answer := post(t, url+rpcPath, `{`+fields+`,"messageType":"marker","messageContent":"{}"}`)
	if status != http.StatusOK || answer != rpcDone {
		t.Fatalf("the marker was answered %d %s", status, answer)
	}
	return `{"type":"marker","content":"{}"}`
}

const rpcDone = `{"code":0,"data":true,"msg":""}` + "\n"

// quote returns text as a JSON string.
func quote(t *testing.T, text string) string {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(quoted)
}
