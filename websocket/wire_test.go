package websocket_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

// The first bytes of the frames that the tests send (RFC 6455, section 5.2).
const (
	fin          = 0x80
	rsv1         = 0x40
	continuation = 0x0
	text         = 0x1
	binaryData   = 0x2
	closing      = 0x8
	ping         = 0x9
	pong         = 0xA
)

// mask is the masking key of all frames that the tests send.
const mask = "\x37\xfa\x21\x3d"

// frame returns a masked frame as clients send it, whatever its first byte says.
func frame(first byte, payload string) string {
	var header []byte
	switch n := len(payload); {
	case n <= 125:
		header = []byte{first, 0x80 | byte(n)}
	case n <= 0xFFFF:
		header = binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(n))
	default:
		header = binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(n))
	}
	return string(header) + mask + masked(payload)
}

// announced returns a frame header that announces a payload of n bytes in a
// 64-bit length.
func announced(first byte, n uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, n)) + mask
}

func masked(payload string) string {
	b := []byte(payload)
	for i := range b {
		b[i] ^= mask[i%4]
	}
	return string(b)
}

// closeCode returns the payload of a close frame.
func closeCode(code websocket.CloseCode, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// message returns the JSON of a message that echo sends back byte for byte.
func message(content string) string { return `{"type":"m","content":"` + content + `"}` }

// send writes bytes to a raw connection.
func send(t testing.TB, conn net.Conn, bytes string) {
	t.Helper()
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, bytes); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// receive reads one frame from a raw connection and checks that it is one that
// a server may send.
func next(t testing.TB, conn io.Reader) (first byte, payload string) {
	t.Helper()
	first, payload, err := receiveFrame(conn)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return first, payload
}

var errNoServerFrame = errors.New("not a server's frame")

func receiveFrame(conn io.Reader) (first byte, payload string, err error) {
	if conn, ok := conn.(net.Conn); ok {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
	}
	var header [2]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return 0, "", err
	}
	size := uint64(header[1])
	extended := make([]byte, map[byte]int{126: 2, 127: 8}[header[1]])
	if _, err := io.ReadFull(conn, extended); err != nil {
		return 0, "", err
	}
	switch len(extended) {
	case 2:
		size = uint64(binary.BigEndian.Uint16(extended))
	case 8:
		size = binary.BigEndian.Uint64(extended)
	}
	if header[1]&0x80 != 0 || size > 1<<30 {
		return 0, "", errNoServerFrame
	}
	body := make([]byte, size)
	_, err = io.ReadFull(conn, body)
	return header[0], string(body), err
}

// goodbye is what a server sent until it closed.
type goodbye struct {
	texts  []string
	code   websocket.CloseCode // CloseNoStatus where the close frame has none, CloseAbnormal where there was no close frame
	reason string
}

// farewell reads from a raw connection until the server closes it, which must be
// in order: a reset can destroy the close frame on its way. It does not answer
// the close frame.
func farewell(t testing.TB, conn net.Conn) goodbye {
	t.Helper()
	return readAll(t, conn, false)
}

// politeFarewell is farewell for a client that answers the close frame.
func politeFarewell(t testing.TB, conn net.Conn) goodbye {
	t.Helper()
	return readAll(t, conn, true)
}

func readAll(t testing.TB, conn net.Conn, answer bool) (g goodbye) {
	t.Helper()
	g.code = websocket.CloseAbnormal
	r := bufio.NewReader(conn)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		first, payload, err := receiveFrame(r)
		switch {
		case err == io.EOF: //nolint:errorlint // only the end between two frames
			return g
		case err != nil:
			t.Fatalf("the connection ended with %v after %+v", err, g)
		case g.code != websocket.CloseAbnormal:
			t.Fatalf("frame %#x follows the close frame", first)
		case first == fin|closing && payload == "":
			g.code = websocket.CloseNoStatus
		case first == fin|closing:
			g.code, g.reason = websocket.CloseCode(binary.BigEndian.Uint16([]byte(payload))), payload[2:]
			if answer {
				send(t, conn, frame(fin|closing, payload))
			}
		case first == fin|text:
			g.texts = append(g.texts, payload)
		case first != fin|pong && first != fin|ping:
			t.Fatalf("frame %#x with %q", first, payload)
		}
	}
}

// arena is a node with a well-behaved client beside what a test does to it.
type arena struct {
	*node
	witness *client.Conn
	closed  chan *websocket.Session // has each session whose OnClose was called
}

func newArena(t testing.TB, o websocket.Options) *arena {
	t.Helper()
	a := &arena{closed: make(chan *websocket.Session, 4096)}
	o.OnClose = func(s *websocket.Session) { a.closed <- s }
	a.node = serve(t, o)
	a.witness = a.connect(t, "witness")
	return a
}

// over waits until s is over, and checks how, that it left no trace, and that
// the witness is still served.
func (a *arena) over(t testing.TB, s *websocket.Session, code websocket.CloseCode, reason string, byPeer bool) *websocket.CloseError {
	t.Helper()
	cause := ended(t, s)
	if cause.Code != code || cause.Reason != reason || cause.ByPeer != byPeer {
		t.Errorf("session ended with %+v, want code %d, reason %q, by peer %t", cause, code, reason, byPeer)
	}
	select {
	case closed := <-a.closed:
		if closed != s {
			t.Errorf("another session was closed: %s", closed.User().ID)
		}
	case <-time.After(patience):
		t.Fatal("OnClose was not called")
	}
	counted := code
	if code != websocket.CloseAbnormal && code >= 3000 && code < 4000 {
		counted = 0
	}
	stats := a.Stats()
	if stats.Closed[counted] != 1 || len(stats.Closed) != 1 {
		t.Errorf("Stats().Closed is %v, want one of %d", stats.Closed, counted)
	}
	if stats.Panics != 0 {
		t.Errorf("%d panics", stats.Panics)
	}
	a.gone(t, s)
	return cause
}

// gone checks that the indexes do not know s, and that the witness is served.
func (a *arena) gone(t testing.TB, s *websocket.Session) {
	t.Helper()
	user := s.User()
	if a.manager.Session(s.ID()) != nil || a.manager.Count(websocket.ToUser(user.Type, user.ID)) != 0 {
		t.Error("the manager still has the session")
	}
	if err := s.Send(websocket.Message{Type: "late"}); !errors.Is(err, websocket.ErrSessionClosed) {
		t.Errorf("sending to it gives %v", err)
	}
	write(t, a.witness, message("still served"))
	if got := read(t, a.witness); got != message("still served") {
		t.Errorf("the witness got %s", got)
	}
}

// upgradeRequest is a handshake as raw sends it.
func upgradeRequest(user string, headers ...string) string {
	request := "GET /?user=" + user + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, header := range headers {
		request += header + "\r\n"
	}
	return request + "\r\n"
}

// piped connects a user over a net.Pipe: without the kernel's buffers, and so
// that a test's bubble knows when nothing moves.
func piped(t testing.TB, server http.Handler, user string, headers ...string) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _ = near.Close() })
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(upgradeRequest(user, headers...))))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.ServeHTTP(&hijackable{conn: far}, r)
	}()
	if _, err := http.ReadResponse(bufio.NewReaderSize(oneByOne{near}, 16), r); err != nil {
		t.Fatal(err)
	}
	<-served
	return near
}

// hijackable is a http.ResponseWriter on a connection of the test.
type hijackable struct {
	http.ResponseWriter
	conn   net.Conn
	before func() // is called when the connection is asked for; may be nil
}

func (w *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.before != nil {
		w.before()
	}
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

// dialTLS returns a raw TLS connection to a server.
func dialTLS(t testing.TB, site *httptest.Server) net.Conn {
	t.Helper()
	config := site.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos, config.ServerName = nil, "example.com" // the certificate's
	conn, err := tls.Dial("tcp", site.Listener.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// stop shuts the server down before the test ends.
func (n *node) stop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Shutdown(ctx); err != nil {
		t.Fatalf("shutdown: %v", err)
	}
}

// logbook keeps what is logged, from the debug level on.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logbook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write implements io.Writer.
func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logbook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// at returns the lines of a level.
func (b *logbook) at(level slog.Level) (lines []map[string]any) {
	for line := range strings.Lines(b.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			panic(err)
		}
		if fields["level"] == level.String() {
			lines = append(lines, fields)
		}
	}
	return lines
}

// oneByOne reads single bytes, so that nothing behind an answer is taken too.
type oneByOne struct{ io.Reader }

func (r oneByOne) Read(p []byte) (int, error) { return r.Reader.Read(p[:1]) }
