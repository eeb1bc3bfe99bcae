package websocket_test

import (
	"bufio"
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	client "github.com/coder/websocket"
	"github.com/klauspost/compress/flate"
	"github.com/switchboard-go/switchboard/websocket"
)

const deflateOffer = "Sec-WebSocket-Extensions: permessage-deflate"

// deflated returns a message as permessage-deflate sends it (RFC 7692, section 7.2.1).
func deflated(t testing.TB, message string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(message))
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// inflated undoes deflated.
func inflated(t testing.TB, payload string) string {
	t.Helper()
	var b bytes.Buffer
	r := flate.NewReader(strings.NewReader(payload + "\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatalf("payload of %d bytes cannot be decompressed: %v", len(payload), err)
	}
	return b.String()
}

func TestCompressionIsNegotiated(t *testing.T) {
	const accepted = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, test := range []struct {
		name   string
		offer  []string
		answer string
	}{
		{"none", nil, ""},
		{"plain", []string{"permessage-deflate"}, accepted},
		{"Chrome's and Firefox's", []string{"permessage-deflate; client_max_window_bits"}, accepted},
		{"Safari's", []string{"x-webkit-deflate-frame, permessage-deflate; client_max_window_bits"}, accepted},
		{"coder/websocket's", []string{"permessage-deflate; client_no_context_takeover; server_no_context_takeover"}, accepted},
		{"with a client window", []string{`permessage-deflate; client_max_window_bits=10`}, accepted},
		{"with a quoted client window", []string{`permessage-deflate;client_max_window_bits="10"`}, accepted},
		{"with a server window", []string{"permessage-deflate; server_max_window_bits=10"}, ""},
		{"with the largest server window", []string{"permessage-deflate; server_max_window_bits=15"}, ""},
		{"with a server window, then without", []string{"permessage-deflate; server_max_window_bits=10, permessage-deflate"}, accepted},
		{"on another line", []string{"x-other", "permessage-deflate"}, accepted},
		{"of something else", []string{"x-permessage-deflate"}, ""},
		{"with an unknown parameter", []string{"permessage-deflate; fast"}, ""},
		{"with a parameter twice", []string{"permessage-deflate; client_max_window_bits; client_max_window_bits=9"}, ""},
		{"with an impossible client window", []string{"permessage-deflate; client_max_window_bits=16"}, ""},
		{"with a value too many", []string{"permessage-deflate; server_no_context_takeover=1"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := serve(t, websocket.Options{Compression: true})
			var headers []string
			for _, offer := range test.offer {
				headers = append(headers, "Sec-WebSocket-Extensions: "+offer)
			}
			conn := dialRaw(t, n.http.Listener.Addr())
			send(t, conn, upgradeRequest("1", headers...))
			answer, err := http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil)
			if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
				t.Fatal(answer, err)
			}
			if got := strings.Join(answer.Header.Values("Sec-WebSocket-Extensions"), "|"); got != test.answer {
				t.Errorf("the server answers %q, want %q", got, test.answer)
			}
			// The frames are as was agreed, in both directions.
			long := message(strings.Repeat("x", 1000))
			send(t, conn, frame(fin|text, long))
			first, got := next(t, conn)
			if test.answer != "" {
				if first != fin|rsv1|text || len(got) > 100 {
					t.Errorf("frame %#x of %d bytes is not compressed", first, len(got))
				}
				got = inflated(t, got)
			} else if first != fin|text {
				t.Errorf("frame %#x to a client that did not agree", first)
			}
			if got != long {
				t.Errorf("received %.100s", got)
			}
			send(t, conn, frame(fin|rsv1|text, deflated(t, "ping")))
			switch first, got := next(t, conn); {
			case test.answer != "" && (first != fin|text || got != "pong"):
				t.Errorf("a compressed message is answered with frame %#x %q", first, got)
			case test.answer == "" && (first != fin|closing || got != closeCode(websocket.CloseProtocolError, "reserved bit is set")):
				t.Errorf("a compressed message without agreement is answered with frame %#x %q", first, got)
			}
		})
	}
	t.Run("not by a server that does not compress", func(t *testing.T) {
		n := serve(t, websocket.Options{})
		conn := dialRaw(t, n.http.Listener.Addr())
		send(t, conn, upgradeRequest("1", deflateOffer))
		answer, err := http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil)
		if err != nil || answer.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Fatal(answer, err)
		}
	})
}

func TestCompressedMessages(t *testing.T) {
	limits := small()
	limits.ReadLimit = 64 << 10
	long := message(strings.Repeat("x", 40<<10))
	packed := deflated(t, long)
	halved := len(packed) / 2
	for name, test := range map[string]struct{ send, want string }{
		"one frame":              {frame(fin|rsv1|text, packed), long},
		"fragments":              {frame(rsv1|text, packed[:halved]) + frame(fin|ping, "") + frame(fin|continuation, packed[halved:]), long},
		"uncompressed":           {frame(fin|text, long), long},
		"empty":                  {frame(fin|rsv1|text, deflated(t, "")) + frame(fin|rsv1|text, "\x00") + frame(fin|text, message("1")), message("1")},
		"of two deflate blocks":  {frame(fin|rsv1|text, deflated(t, "pi")+"\x00\x00\xff\xff"+deflated(t, "ng")), "pong"},
		"with a final block":     {frame(fin|rsv1|text, "\x2b\xc8\xcc\x4b\x07\x00"), "pong"},
		"of stored blocks alone": {frame(fin|rsv1|text, "\x00\x04\x00\xfb\xffping\x00"), "pong"},
	} {
		t.Run(name, func(t *testing.T) {
			n := serve(t, websocket.Options{Limits: limits, Compression: true})
			conn := n.raw(t, "1", deflateOffer)
			send(t, conn, test.send)
			first, got := next(t, conn)
			if first == fin|pong {
				first, got = next(t, conn)
			}
			if first == fin|rsv1|text {
				got = inflated(t, got)
			}
			if got != test.want {
				t.Errorf("received frame %#x %.100q, want %.100q", first, got, test.want)
			}
		})
	}
}

func TestHostileCompressedFrames(t *testing.T) {
	bomb := deflated(t, strings.Repeat("a", 10<<20))
	for _, test := range []struct {
		name, send string
		code       websocket.CloseCode
		reason     string
	}{
		{"bomb", frame(fin|rsv1|text, bomb), 1009, "message is over the read limit"},
		{"bomb in fragments", frame(rsv1|text, bomb[:10]) + frame(fin|continuation, bomb[10:]), 1009, "message is over the read limit"},
		{"just over the limit", frame(fin|rsv1|text, deflated(t, strings.Repeat("a", 64<<10+1))), 1009, "message is over the read limit"},
		{"corrupt data", frame(fin|rsv1|text, "\xff\xff\xff"), 1007, "message cannot be decompressed"},
		{"data with a bad distance", frame(fin|rsv1|text, "\x03\x02\x00"), 1007, "message cannot be decompressed"},
		{"text that is not UTF-8", frame(fin|rsv1|text, deflated(t, "\xff\xff")), 1007, "text is not UTF-8"},
		{"binary", frame(fin|rsv1|binaryData, deflated(t, "a")), 1003, "binary messages are not supported"},
		{"RSV1 of a continuation", frame(rsv1|text, "a") + frame(fin|rsv1|continuation, "a"), 1002, "reserved bit is set"},
		{"RSV1 of a ping", frame(fin|rsv1|ping, ""), 1002, "reserved bit is set"},
		{"RSV1 and RSV2", frame(fin|rsv1|0x20|text, "a"), 1002, "reserved bit is set"},
		{"RSV3", frame(fin|0x10|text, "a"), 1002, "reserved bit is set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			limits := small()
			limits.ReadLimit = 64 << 10
			a := newArena(t, websocket.Options{Limits: limits, Compression: true})
			conn := a.raw(t, "hostile", deflateOffer)
			s := a.session(t, "hostile")
			send(t, conn, test.send+strings.Repeat("garbage", 20<<10))
			if got := farewell(t, conn); got.code != test.code || got.reason != test.reason {
				t.Errorf("the client was told %d %q, want %d %q", got.code, got.reason, test.code, test.reason)
			}
			_ = conn.Close()
			a.over(t, s, test.code, test.reason, false)
		})
	}
}

// Forty clients with a bomb of 10 MiB each leave the server as large as it was.
func TestDecompressionBombsHoldNoMemory(t *testing.T) {
	bomb := frame(fin|rsv1|text, deflated(t, strings.Repeat("a", 10<<20)))
	limits := small()
	limits.ReadLimit = 64 << 10
	limits.CloseTimeout = patience
	n := serve(t, websocket.Options{Limits: limits, Compression: true})
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what a sync.Pool holds goes with the second
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	var conns []net.Conn
	for range 40 {
		conn := n.raw(t, "bomber", deflateOffer)
		send(t, conn, bomb)
		if first, payload := next(t, conn); first != fin|closing || payload != closeCode(websocket.CloseMessageTooBig, "message is over the read limit") {
			t.Fatalf("frame %#x with %q", first, payload)
		}
		conns = append(conns, conn) // they stay, and with them what their sessions hold
	}
	if grown := heap() - before; grown > 10<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// coder/websocket compresses with and without context takeover; the server
// answers that it has none, and both sides keep to it.
func TestCompressedEcho(t *testing.T) {
	for name, mode := range map[string]client.CompressionMode{
		"without context takeover": client.CompressionNoContextTakeover,
		"with context takeover":    client.CompressionContextTakeover,
	} {
		t.Run(name, func(t *testing.T) {
			n := serve(t, websocket.Options{Compression: true})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			conn, answer, err := client.Dial(ctx, n.url("1"), &client.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			conn.SetReadLimit(-1)
			if !strings.HasPrefix(answer.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
				t.Errorf("compression was not agreed on: %v", answer.Header)
			}
			random := rand.New(rand.NewPCG(1, 2))
			for _, size := range []int{0, 1, 511, 512, 5000, 50000} {
				noise := make([]byte, size)
				for i := range noise {
					noise[i] = 'a' + byte(random.IntN(26))
				}
				for _, content := range []string{strings.Repeat("x", size), string(noise)} {
					write(t, conn, message(content))
					if got := read(t, conn); got != message(content) {
						t.Errorf("the echo of %d bytes is %.100s", size, got)
					}
				}
			}
		})
	}
}

// A message that deflate makes no smaller goes out as it is.
func TestIncompressibleMessagesAreSentAsTheyAre(t *testing.T) {
	n := serve(t, websocket.Options{Compression: true, Dispatcher: dispatcher(func(_ context.Context, s *websocket.Session, _ websocket.Message) error {
		noise := make([]byte, 4000)
		random := rand.New(rand.NewPCG(1, 2))
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		return s.WriteText(noise)
	})})
	conn := n.raw(t, "1", deflateOffer)
	send(t, conn, frame(fin|text, message("")))
	if first, payload := next(t, conn); first != fin|text || len(payload) != 4000 {
		t.Errorf("frame %#x of %d bytes", first, len(payload))
	}
}

func TestBroadcastToCompressedAndPlainClients(t *testing.T) {
	n := serve(t, websocket.Options{Compression: true})
	plain, packed := n.raw(t, "1"), n.raw(t, "2", deflateOffer)
	long := strings.Repeat("x", 5000)
	if taken, err := n.manager.Deliver(websocket.ToAll(), websocket.Message{Type: "m", Content: []byte(long)}); taken != 2 || err != nil {
		t.Fatalf("%d took it, %v", taken, err)
	}
	if first, got := next(t, plain); first != fin|text || got != message(long) {
		t.Errorf("the plain client got frame %#x %.100q", first, got)
	}
	if first, got := next(t, packed); first != fin|rsv1|text || inflated(t, got) != message(long) {
		t.Errorf("the other client got frame %#x %.100q", first, got)
	}
}
