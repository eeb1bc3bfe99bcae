package websocket_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// readLimit is the read limit of the nodes that the hostile clients connect to.
const readLimit = 1000

// small returns limits that are quickly reached in size and never in time.
func small() websocket.Limits {
	l := websocket.DefaultLimits()
	l.ReadLimit = readLimit
	l.FrameRate = 100
	l.ReadTimeout, l.PingInterval, l.PongTimeout, l.IdleTimeout = 0, 0, 0, 0
	l.WriteTimeout, l.CloseTimeout = patience, patience
	return l
}

// hostileFrames are what clients send that ends their session, with the code and
// the reason that they are told.
var hostileFrames = []struct {
	name   string
	send   string
	code   websocket.CloseCode
	reason string
}{
	{"length of 2^64-1", announced(fin|text, 1<<64-1), 1002, "frame length is over 2^63-1"},
	{"length of 2^64-1 in a continuation", frame(text, "a") + announced(fin|continuation, 1<<64-1), 1002, "frame length is over 2^63-1"},
	{"length of 2^63", announced(fin|text, 1<<63), 1002, "frame length is over 2^63-1"},
	{"length of 2^63-1", announced(fin|text, 1<<63-1), 1009, "message is over the read limit"},
	{"lengths that add up to over 2^63", frame(text, "a") + announced(continuation, 1<<63-1), 1009, "message is over the read limit"},
	{"16-bit length of 125", "\x81\xfe\x00\x7d" + mask, 1002, "frame length is not minimal"},
	{"16-bit length of 0", "\x81\xfe\x00\x00" + mask, 1002, "frame length is not minimal"},
	{"64-bit length of 65535", announced(fin|text, 0xFFFF), 1002, "frame length is not minimal"},
	{"64-bit length of 1", announced(fin|text, 1), 1002, "frame length is not minimal"},
	{"RSV1", frame(fin|rsv1|text, "a"), 1002, "reserved bit is set"},
	{"RSV2", frame(fin|0x20|text, "a"), 1002, "reserved bit is set"},
	{"RSV3", frame(fin|0x10|text, "a"), 1002, "reserved bit is set"},
	{"RSV1 of a ping", frame(fin|rsv1|ping, "a"), 1002, "reserved bit is set"},
	{"opcode 3", frame(fin|0x3, "a"), 1002, "reserved opcode"},
	{"opcode 4", frame(fin|0x4, "a"), 1002, "reserved opcode"},
	{"opcode 5", frame(fin|0x5, "a"), 1002, "reserved opcode"},
	{"opcode 6", frame(fin|0x6, "a"), 1002, "reserved opcode"},
	{"opcode 7", frame(fin|0x7, "a"), 1002, "reserved opcode"},
	{"opcode 11", frame(fin|0xB, "a"), 1002, "reserved opcode"},
	{"opcode 12", frame(fin|0xC, "a"), 1002, "reserved opcode"},
	{"opcode 13", frame(fin|0xD, "a"), 1002, "reserved opcode"},
	{"opcode 14", frame(fin|0xE, "a"), 1002, "reserved opcode"},
	{"opcode 15", frame(fin|0xF, "a"), 1002, "reserved opcode"},
	{"no mask", "\x81\x01a", 1002, "frame is not masked"},
	{"fragmented ping", frame(ping, "a"), 1002, "control frame is fragmented"},
	{"fragmented close", frame(closing, closeCode(1000, "")), 1002, "control frame is fragmented"},
	{"ping of 126 bytes", frame(fin|ping, strings.Repeat("a", 126)), 1002, "control frame is over 125 bytes"},
	{"pong of 64-bit length", announced(fin|pong, 1<<20), 1002, "control frame is over 125 bytes"},
	{"close of 126 bytes", frame(fin|closing, closeCode(1000, strings.Repeat("a", 124))), 1002, "control frame is over 125 bytes"},
	{"continuation of nothing", frame(fin|continuation, "a"), 1002, "continuation of no message"},
	{"continuation of a whole message", frame(fin|text, message("1")) + frame(fin|continuation, "a"), 1002, "continuation of no message"},
	{"continuation of an ended message", frame(text, "") + frame(fin|continuation, "") + frame(continuation, "a"), 1002, "continuation of no message"},
	{"message inside a fragmented one", frame(text, "a") + frame(fin|text, "b"), 1002, "message begins inside another"},
	{"binary inside a fragmented text", frame(text, "a") + frame(binaryData, "b"), 1002, "message begins inside another"},
	{"frame over the read limit", frame(fin|text, strings.Repeat("a", readLimit+1)), 1009, "message is over the read limit"},
	{"fragments over the read limit", frame(text, strings.Repeat("x", readLimit/2)) + frame(continuation, strings.Repeat("x", readLimit/2)) + frame(fin|continuation, "a"), 1009, "message is over the read limit"},
	{"flood of pings", strings.Repeat(frame(fin|ping, "a"), 201), 1008, "too many frames"},
	{"flood of pongs", strings.Repeat(frame(fin|pong, ""), 201), 1008, "too many frames"},
	{"flood of empty messages", strings.Repeat(frame(fin|text, ""), 201), 1008, "too many frames"},
	{"flood of empty continuations", frame(text, "") + strings.Repeat(frame(continuation, ""), 200), 1008, "too many frames"},
	{"text that is not UTF-8", frame(fin|text, "a\xff"), 1007, "text is not UTF-8"},
	{"fragments that are not UTF-8", frame(text, "a\xe2") + frame(continuation, "\x82") + frame(fin|continuation, "b"), 1007, "text is not UTF-8"},
	{"text that ends inside a rune", frame(fin|text, "\xe2\x82"), 1007, "text is not UTF-8"},
	{"binary", frame(fin|binaryData, "a"), 1003, "binary messages are not supported"},
	{"empty binary", frame(fin|binaryData, ""), 1003, "binary messages are not supported"},
	{"fragmented binary", frame(binaryData, "a") + frame(fin|continuation, "b"), 1003, "binary messages are not supported"},
	{"HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 1002, "reserved bit is set"},
	{"close with half a code", frame(fin|closing, "\x03"), 1002, "close frame has half a code"},
	{"close with half a code of 0", frame(fin|closing, "\x00"), 1002, "close frame has half a code"},
	{"close with code 0", frame(fin|closing, closeCode(0, "")), 1002, "close code is not valid"},
	{"close with code 999", frame(fin|closing, closeCode(999, "")), 1002, "close code is not valid"},
	{"close with code 1004", frame(fin|closing, closeCode(1004, "")), 1002, "close code is not valid"},
	{"close with code 1005", frame(fin|closing, closeCode(1005, "")), 1002, "close code is not valid"},
	{"close with code 1006", frame(fin|closing, closeCode(1006, "")), 1002, "close code is not valid"},
	{"close with code 1015", frame(fin|closing, closeCode(1015, "")), 1002, "close code is not valid"},
	{"close with code 1016", frame(fin|closing, closeCode(1016, "")), 1002, "close code is not valid"},
	{"close with code 2999", frame(fin|closing, closeCode(2999, "")), 1002, "close code is not valid"},
	{"close with code 5000", frame(fin|closing, closeCode(5000, "")), 1002, "close code is not valid"},
	{"close with code 65535", frame(fin|closing, closeCode(65535, "")), 1002, "close code is not valid"},
	{"close with a reason that is not UTF-8", frame(fin|closing, closeCode(1000, "a\xff")), 1007, "close reason is not UTF-8"},
}

// Each of these clients sends more behind its bad frame, which must not keep the
// close frame from it.
func TestHostileFrames(t *testing.T) {
	for _, test := range hostileFrames {
		t.Run(test.name, func(t *testing.T) {
			a := newArena(t, websocket.Options{Limits: small()})
			conn := a.raw(t, "hostile")
			s := a.session(t, "hostile")
			// What follows is read away by the server; unread, it would make the
			// server's closing a reset.
			send(t, conn, test.send+strings.Repeat("\x81\x80garbage", 20<<10))
			got := farewell(t, conn)
			if got.code != test.code || got.reason != test.reason {
				t.Errorf("the client was told %d %q, want %d %q", got.code, got.reason, test.code, test.reason)
			}
			_ = conn.Close()
			a.over(t, s, test.code, test.reason, false)
		})
	}
}

// A client closes; the answer repeats its code, and nothing behind its close
// frame counts.
func TestClientCloses(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		code          websocket.CloseCode
		reason        string
	}{
		{"normally", closeCode(1000, ""), 1000, ""},
		{"with a reason", closeCode(1001, "page left"), 1001, "page left"},
		{"with the longest reason", closeCode(1000, strings.Repeat("é", 61)+"!"), 1000, strings.Repeat("é", 61) + "!"},
		{"with a registered code", closeCode(1014, ""), 1014, ""},
		{"with a library's code", closeCode(3000, ""), 3000, ""},
		{"with an application's code", closeCode(4999, "x"), 4999, "x"},
		{"without a code", "", 1005, ""},
	} {
		for behind, bytes := range map[string]string{
			"":                       "",
			" and sends a message":   frame(fin|text, message("behind")),
			" and sends garbage":     strings.Repeat("\xff", 100<<10),
			" and closes once more":  frame(fin|closing, closeCode(1002, "")),
			" and sends half a code": frame(fin|closing, "\x00"),
		} {
			t.Run(test.name+behind, func(t *testing.T) {
				a := newArena(t, websocket.Options{Limits: small()})
				conn := a.raw(t, "client")
				s := a.session(t, "client")
				send(t, conn, frame(fin|text, message("before"))+frame(fin|closing, test.payload)+bytes)
				if got := farewell(t, conn); got.code != test.code || got.reason != "" {
					t.Errorf("the client was told %d %q", got.code, got.reason)
				}
				_ = conn.Close()
				if cause := ended(t, s); cause.Code != test.code || cause.Reason != test.reason || !cause.ByPeer || cause.Err != nil {
					t.Errorf("session ended with %+v", cause)
				}
				await(t, a.closed)
				if stats := a.Stats(); stats.Received != 1 || stats.Panics != 0 {
					t.Errorf("of the messages before and behind the close frame, %d were dispatched", stats.Received)
				}
				a.gone(t, s)
			})
		}
	}
}

// These clients do what few do and all may.
func TestUnusualFrames(t *testing.T) {
	exact := message(strings.Repeat("x", readLimit-len(message(""))))
	third := len(exact) / 3
	euro := message("€")
	for _, test := range []struct {
		name   string
		chunks []string // each is a write of its own
		want   []string
	}{
		{"message of exactly the read limit", []string{frame(fin|text, exact)}, []string{exact}},
		{"fragments of exactly the read limit", []string{frame(text, exact[:third]) + frame(continuation, exact[third:]) + frame(continuation, "") + frame(fin|continuation, "")}, []string{exact}},
		{"two messages of the read limit, fragmented", []string{frame(text, exact[:third]) + frame(fin|continuation, exact[third:]) + frame(text, exact[:third]) + frame(fin|continuation, exact[third:])}, []string{exact, exact}},
		{"rune split over fragments", []string{frame(text, euro[:len(euro)-4]) + frame(continuation, euro[len(euro)-4:len(euro)-3]) + frame(fin|continuation, euro[len(euro)-3:])}, []string{euro}},
		{"messages in one segment", []string{frame(fin|text, message("1")) + frame(fin|text, message("2")) + frame(fin|text, "ping") + frame(fin|text, message("3"))}, nil},
		{"message byte by byte", strings.Split(frame(fin|text, exact[:third]+exact[third:]), ""), []string{exact}},
		{"two messages in halves", []string{frame(fin|text, message("1"))[:3], frame(fin|text, message("1"))[3:] + frame(fin|text, message("2"))[:1], frame(fin|text, message("2"))[1:]}, []string{message("1"), message("2")}},
		{"empty messages", []string{frame(fin|text, "") + frame(text, "") + frame(fin|continuation, "") + frame(fin|text, message("1"))}, []string{message("1")}},
		{"pongs nobody asked for", []string{frame(fin|pong, "") + frame(fin|pong, strings.Repeat("a", 125)) + frame(fin|text, message("1"))}, []string{message("1")}},
		{"zero masking key", []string{"\x81\x84\x00\x00\x00\x00ping"}, []string{"pong"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newArena(t, websocket.Options{Limits: small()})
			conn := a.raw(t, "client")
			for _, chunk := range test.chunks {
				send(t, conn, chunk)
			}
			if test.want == nil {
				test.want = []string{message("1"), message("2"), message("3"), "pong"}
			}
			var got []string
			for range test.want {
				first, payload := next(t, conn)
				if first != fin|text {
					t.Fatalf("frame %#x with %q", first, payload)
				}
				got = append(got, payload)
			}
			if !equalButPong(got, test.want) {
				t.Errorf("received %.200q, want %.200q", got, test.want)
			}
		})
	}
}

// equalButPong compares texts; the place of the answer to a text ping, which no
// listener gives, does not count.
func equalButPong(got, want []string) bool {
	sorted := func(texts []string) string {
		joined, pongs := "", 0
		for _, text := range texts {
			if text == "pong" {
				pongs++
			} else {
				joined += text + "\n"
			}
		}
		return joined + strings.Repeat("pong", pongs)
	}
	return sorted(got) == sorted(want)
}

func TestPingsAreAnsweredWithTheirPayload(t *testing.T) {
	n := serve(t, websocket.Options{Limits: small()})
	conn := n.raw(t, "client")
	for _, payload := range []string{"", "a", strings.Repeat("b", 125)} {
		// Inside a fragmented message, where control frames may come.
		send(t, conn, frame(text, "pi")+frame(fin|ping, payload))
		if first, got := next(t, conn); first != fin|pong || got != payload {
			t.Errorf("ping %q was answered with frame %#x %q", payload, first, got)
		}
		send(t, conn, frame(fin|continuation, "ng"))
		if first, got := next(t, conn); first != fin|text || got != "pong" {
			t.Errorf("the message around the ping was answered with frame %#x %q", first, got)
		}
	}
}

// await takes from a channel.
func await[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case value := <-c:
		return value
	case <-time.After(patience):
		t.Fatal("waited in vain")
		panic("not reached")
	}
}
