package websocket_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(crowdAddress); address != "" {
		runCrowd(address)
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of a test. It is not a measure: a test that meets
// it has failed.
const patience = 30 * time.Second

// dispatcher lets a function be a websocket.Dispatcher.
type dispatcher func(context.Context, *websocket.Session, websocket.Message) error

func (f dispatcher) Dispatch(ctx context.Context, s *websocket.Session, m websocket.Message) error {
	return f(ctx, s, m)
}

// echo sends each message back to the session that it came from.
func echo(_ context.Context, s *websocket.Session, m websocket.Message) error {
	return s.Send(m)
}

// userFromQuery is an authenticator for tests: ?user=ID, of type 2, ?tenant=T.
func userFromQuery(r *http.Request) (websocket.LoginUser, error) {
	q := r.URL.Query()
	if q.Get("user") == "" {
		return websocket.LoginUser{}, errors.New("no user")
	}
	return websocket.LoginUser{ID: q.Get("user"), Type: websocket.Admin, Tenant: q.Get("tenant")}, nil
}

// node is a server on a TCP port of its own, shut down with the test.
type node struct {
	*websocket.Server
	manager *websocket.SessionManager
	http    *httptest.Server
}

// newNode returns a node that no client can reach yet. Authenticator and
// Dispatcher have defaults here.
func newNode(t testing.TB, o websocket.Options) *node {
	t.Helper()
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		t.Fatal(err)
	}
	return newNodeOf(t, manager, o)
}

// newNodeOf is newNode with a manager that may be another node's too.
func newNodeOf(t testing.TB, manager *websocket.SessionManager, o websocket.Options) *node {
	t.Helper()
	if o.Authenticator == nil {
		o.Authenticator = userFromQuery
	}
	if o.Dispatcher == nil {
		o.Dispatcher = dispatcher(echo)
	}
	server, err := websocket.NewServer(manager, o)
	if err != nil {
		t.Fatal(err)
	}
	return &node{Server: server, manager: manager}
}

// listen opens the node's port and shuts the node down with the test.
func (n *node) listen(t testing.TB) {
	n.http = httptest.NewServer(n.Server)
	t.Cleanup(func() {
		n.http.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := n.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
}

// serve starts a node.
func serve(t testing.TB, o websocket.Options) *node {
	t.Helper()
	n := newNode(t, o)
	t.Cleanup(func() { // after the shutdown
		if n := n.manager.Count(websocket.ToAll()); n != 0 {
			t.Errorf("%d sessions are left after the shutdown", n)
		}
	})
	n.listen(t)
	return n
}

// url returns the address for a connection of the given user.
func (n *node) url(user string) string {
	return strings.Replace(n.http.URL, "http", "ws", 1) + "/?user=" + user
}

// connect returns a well-behaved client of the given user.
func (n *node) connect(t testing.TB, user string) *client.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := client.Dial(ctx, n.url(user), &client.DialOptions{HTTPClient: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// session returns the only session of a user.
func (n *node) session(t testing.TB, user string) *websocket.Session {
	t.Helper()
	for s := range n.manager.Sessions(websocket.ToUser(websocket.Admin, user)) {
		return s
	}
	t.Fatalf("user %s has no session", user)
	return nil
}

// raw returns a TCP connection of the given user on which the handshake is done
// and nothing else: what it then sends is up to the test.
func (n *node) raw(t testing.TB, user string, headers ...string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	request := "GET /?user=" + user + " HTTP/1.1\r\nHost: " + conn.RemoteAddr().String() +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, header := range headers {
		request += header + "\r\n"
	}
	if _, err := conn.Write([]byte(request + "\r\n")); err != nil {
		t.Fatal(err)
	}
	// Byte by byte, so that no frame behind the answer is taken too.
	answer := make([]byte, 0, 256)
	for b := make([]byte, 1); !strings.HasSuffix(string(answer), "\r\n\r\n"); answer = append(answer, b[0]) {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := conn.Read(b); err != nil {
			t.Fatalf("handshake: %v after %q", err, answer)
		}
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 101 ") {
		t.Fatalf("handshake was answered %q", answer)
	}
	return conn
}

func write(t testing.TB, conn *client.Conn, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := conn.Write(ctx, client.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, conn *client.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, payload, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// ended waits for the end of a session and returns how it ended.
func ended(t testing.TB, s *websocket.Session) *websocket.CloseError {
	t.Helper()
	select {
	case <-s.Context().Done():
	case <-time.After(patience):
		t.Fatal("the session has not ended")
	}
	cause, ok := errors.AsType[*websocket.CloseError](context.Cause(s.Context()))
	if !ok {
		t.Fatalf("the session's context ended with %v", context.Cause(s.Context()))
	}
	return cause
}
