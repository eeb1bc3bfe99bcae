package websocket_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

// What a client sends together with the handshake is not lost, however much.
func TestFramesBehindTheHandshake(t *testing.T) {
	long := message(strings.Repeat("x", 5000))
	for _, test := range []struct {
		name         string
		early, later string
		want         []string
	}{
		{"one frame", frame(fin|text, message("1")), "", []string{message("1")}},
		{"several frames", frame(fin|text, message("1")) + frame(fin|text, message("2")), frame(fin|text, message("3")), []string{message("1"), message("2"), message("3")}},
		{"part of a frame", frame(fin|text, message("1"))[:7], frame(fin|text, message("1"))[7:], []string{message("1")}},
		{"more than a buffer", frame(fin|text, long) + frame(fin|text, message("2")), "", []string{long, message("2")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := serve(t, websocket.Options{})
			conn := dialRaw(t, n.http.Listener.Addr())
			send(t, conn, upgradeRequest("1")+test.early)
			answer, err := http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil)
			if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
				t.Fatal(answer, err)
			}
			send(t, conn, test.later)
			for _, want := range test.want {
				if _, got := next(t, conn); got != want {
					t.Errorf("received %.100s, want %.100s", got, want)
				}
			}
		})
	}
	t.Run("bad frame", func(t *testing.T) {
		n := serve(t, websocket.Options{})
		conn := dialRaw(t, n.http.Listener.Addr())
		send(t, conn, upgradeRequest("1")+announced(fin|text, 1<<64-1)+strings.Repeat("garbage", 10<<10))
		if _, err := http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil); err != nil {
			t.Fatal(err)
		}
		if got := farewell(t, conn); got.code != websocket.CloseProtocolError {
			t.Errorf("the client was told %+v", got)
		}
	})
}

// namedProtocol is JSON under a name, which it sends before each message.
type namedProtocol string

func (p namedProtocol) Subprotocol() string { return string(p) }
func (p namedProtocol) Shared() bool        { return true }
func (p namedProtocol) Open(s *websocket.Session) websocket.Conversation {
	return namedConversation{websocket.JSON.Open(s), string(p)}
}

type namedConversation struct {
	websocket.Conversation
	name string
}

func (c namedConversation) AppendEncode(b []byte, m websocket.Message) ([]byte, error) {
	return c.Conversation.AppendEncode(append(b, c.name+" "...), m)
}

func TestSubprotocols(t *testing.T) {
	n := serve(t, websocket.Options{Protocols: []websocket.Protocol{namedProtocol("v1"), namedProtocol("v2"), namedProtocol("")}})
	for _, test := range []struct {
		name    string
		headers []string
		chosen  string
		speaks  string
	}{
		{"none", nil, "", "v1"},
		{"the second", []string{"Sec-WebSocket-Protocol: v2"}, "v2", "v2"},
		{"the server's favourite counts", []string{"Sec-WebSocket-Protocol: v2, v1"}, "v1", "v1"},
		{"unknown", []string{"Sec-WebSocket-Protocol: v3"}, "", "v1"},
		{"part of a name", []string{"Sec-WebSocket-Protocol: v22, av1"}, "", "v1"},
		{"empty", []string{"Sec-WebSocket-Protocol: ,"}, "", "v1"},
		{"behind unknown ones", []string{"Sec-WebSocket-Protocol: v3,v4 ,v2"}, "v2", "v2"},
		{"on another line", []string{"Sec-WebSocket-Protocol: v3", "Sec-WebSocket-Protocol: v2"}, "v2", "v2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn := dialRaw(t, n.http.Listener.Addr())
			send(t, conn, upgradeRequest("1", test.headers...))
			answer, err := http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil)
			if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
				t.Fatal(answer, err)
			}
			if got := strings.Join(answer.Header.Values("Sec-WebSocket-Protocol"), "|"); got != test.chosen {
				t.Errorf("the server chose %q, want %q", got, test.chosen)
			}
			send(t, conn, frame(fin|text, message("1")))
			if _, got := next(t, conn); got != test.speaks+" "+message("1") {
				t.Errorf("received %s", got)
			}
		})
	}
}

// unwrapping is what middleware makes of a ResponseWriter.
type unwrapping struct{ http.ResponseWriter }

func (w unwrapping) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// plainWriter hides what the ResponseWriter can do.
type plainWriter struct{ http.ResponseWriter }

func TestServerAsAHandler(t *testing.T) {
	n := serve(t, websocket.Options{})
	mux := http.NewServeMux()
	mux.Handle("GET /infra/ws", n.Server)
	mux.Handle("/under/", http.StripPrefix("/under", n.Server))
	mux.HandleFunc("/unwrapping", func(w http.ResponseWriter, r *http.Request) {
		n.ServeHTTP(unwrapping{unwrapping{w}}, r)
	})
	mux.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) { n.ServeHTTP(plainWriter{w}, r) })
	site := httptest.NewServer(mux)
	defer site.Close()

	dial := func(path string) (*client.Conn, *http.Response, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return client.Dial(ctx, strings.Replace(site.URL, "http", "ws", 1)+path, nil)
	}
	for _, path := range []string{"/infra/ws?user=1", "/under/any/path?user=1", "/unwrapping?user=1"} {
		conn, _, err := dial(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		write(t, conn, message(path))
		if got := read(t, conn); got != message(path) {
			t.Errorf("%s: received %s", path, got)
		}
		_ = conn.Close(client.StatusNormalClosure, "")
	}
	_, answer, err := dial("/plain?user=2")
	if err == nil || answer == nil {
		t.Fatalf("a connection that cannot be taken over was upgraded: %v", err)
	}
	refused(t, answer, 500, "internal_error")
	if n.manager.Count(websocket.ToUser(websocket.Admin, "2")) != 0 {
		t.Error("its session is left")
	}
}

// The deadlines of a http.Server are for its requests: a session outlives them.
func TestSessionsOutliveTheDeadlinesOfHTTP(t *testing.T) {
	const deadline = 500 * time.Millisecond
	limits := websocket.DefaultLimits()
	limits.PingInterval, limits.PongTimeout = 2*deadline, patience
	n := serve(t, websocket.Options{Limits: limits})
	site := httptest.NewUnstartedServer(n.Server)
	site.Config.ReadTimeout, site.Config.WriteTimeout, site.Config.IdleTimeout = deadline, deadline, deadline
	site.Start()
	defer site.Close()
	conn := dialRaw(t, site.Listener.Addr())
	send(t, conn, upgradeRequest("1"))
	if _, err := http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil); err != nil {
		t.Fatal(err)
	}
	if first, _ := next(t, conn); first != fin|ping { // comes when they are past
		t.Fatalf("frame %#x", first)
	}
	send(t, conn, frame(fin|text, message("1")))
	if _, got := next(t, conn); got != message("1") {
		t.Errorf("received %s", got)
	}
}

// The connection may be lost, and the session ended, before the handshake is done.
func TestHandshakeThatFails(t *testing.T) {
	for name, hijack := range map[string]func(n *piping, near, far net.Conn){
		"client has gone":               func(_ *piping, near, _ net.Conn) { _ = near.Close() },
		"client takes nothing":          func(*piping, net.Conn, net.Conn) {},
		"session was closed long since": func(n *piping, _, _ net.Conn) { n.closeAll(); <-time.After(2 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, websocket.Options{}, func(t *testing.T, n *piping) {
				near, far := net.Pipe()
				w := &hijackable{conn: far, before: func() { hijack(n, near, far) }}
				r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(upgradeRequest("1"))))
				if err != nil {
					t.Fatal(err)
				}
				n.ServeHTTP(w, r)
				if stats := n.Stats(); stats.Refused != 1 || stats.Opened != 0 || len(stats.Closed) != 0 {
					t.Errorf("the counters are %+v", stats)
				}
				if sessions, scopes, groups := n.manager.Leftovers(); sessions+scopes+groups != 0 {
					t.Errorf("the indexes hold %d sessions, %d scopes and %d groups", sessions, scopes, groups)
				}
				if _, err := far.Write(nil); err == nil {
					t.Error("the connection was left open")
				}
				_ = near.Close()
			})
		})
	}
}

func TestSessionClosedDuringTheHandshake(t *testing.T) {
	bubble(t, websocket.Options{}, func(t *testing.T, n *piping) {
		near, far := net.Pipe()
		w := &hijackable{conn: far, before: n.closeAll}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(upgradeRequest("1"))))
		if err != nil {
			t.Fatal(err)
		}
		go n.ServeHTTP(w, r)
		if answer, err := http.ReadResponse(bufio.NewReader(oneByOne{near}), r); err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(answer, err)
		}
		if first, payload := next(t, near); first != fin|closing || payload != closeCode(websocket.CloseKicked, "") {
			t.Errorf("frame %#x with %q", first, payload)
		}
		_ = near.Close()
	})
}

func (n *piping) closeAll() {
	for s := range n.manager.Sessions(websocket.ToAll()) {
		s.Close(websocket.CloseKicked, "")
	}
}

func TestOverTLS(t *testing.T) {
	a := newArena(t, websocket.Options{Limits: small()})
	site := httptest.NewUnstartedServer(a.Server)
	site.EnableHTTP2 = true
	site.StartTLS()
	defer site.Close()

	// HTTP/2 has no upgrade.
	answer, err := site.Client().Get(site.URL)
	if err != nil {
		t.Fatal(err)
	}
	if answer.ProtoMajor != 2 {
		t.Errorf("the request went over %s", answer.Proto)
	}
	refused(t, answer, 426, "upgrade_required")

	secure := httptest.NewTLSServer(a.Server)
	defer secure.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := client.Dial(ctx, strings.Replace(secure.URL, "http", "ws", 1)+"/?user=1", &client.DialOptions{HTTPClient: secure.Client()})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{message("1"), message(strings.Repeat("x", readLimit/2))} {
		write(t, conn, text)
		if got := read(t, conn); got != text {
			t.Errorf("received %s", got)
		}
	}
	s := a.session(t, "1")
	if err := conn.Close(client.StatusNormalClosure, "bye"); err != nil {
		t.Errorf("close: %v", err)
	}
	a.over(t, s, websocket.CloseNormal, "bye", true)
}

func TestHostileFramesOverTLS(t *testing.T) {
	a := newArena(t, websocket.Options{Limits: small()})
	secure := httptest.NewTLSServer(a.Server)
	defer secure.Close()
	conn := dialTLS(t, secure)
	send(t, conn, upgradeRequest("hostile"))
	if _, err := http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil); err != nil {
		t.Fatal(err)
	}
	s := a.session(t, "hostile")
	send(t, conn, announced(fin|text, 1<<64-1)+strings.Repeat("garbage", 20<<10))
	// The end is TLS's own, a close_notify: anything else would be an error.
	if got := farewell(t, conn); got.code != websocket.CloseProtocolError {
		t.Errorf("the client was told %+v", got)
	}
	_ = conn.Close()
	a.over(t, s, websocket.CloseProtocolError, "frame length is over 2^63-1", false)
}

// A client that takes nothing can also hold up the end of a TLS connection.
func TestStalledClientOverTLSIsCut(t *testing.T) {
	limits := small()
	limits.CloseTimeout = 50 * time.Millisecond
	a := newArena(t, websocket.Options{Limits: limits})
	secure := httptest.NewTLSServer(a.Server)
	defer secure.Close()
	conn := dialTLS(t, secure)
	send(t, conn, upgradeRequest("stalled"))
	if _, err := http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil); err != nil {
		t.Fatal(err)
	}
	s := a.session(t, "stalled")
	flood := websocket.Message{Type: "news", Content: bytes.Repeat([]byte("x"), 60<<10)}
	for err := error(nil); err == nil; {
		err = s.Send(flood)
	}
	a.over(t, s, websocket.CloseSlowConsumer, "outbox is full", false)
}
