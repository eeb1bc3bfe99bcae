package websocket_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// FuzzFrames sends arbitrary bytes behind a handshake. Whatever they are, the
// server sends nothing but frames in order, ends the session, and serves others.
func FuzzFrames(f *testing.F) {
	for _, hostile := range hostileFrames {
		f.Add([]byte(hostile.send), false)
	}
	f.Add([]byte(frame(fin|text, message("1"))+frame(fin|text, "ping")+frame(fin|ping, "a")+frame(fin|closing, closeCode(1000, "bye"))), false)
	f.Add([]byte(frame(text, "pi")+frame(fin|ping, "a")+frame(fin|continuation, "ng")+frame(fin|text, "not JSON")), true)
	f.Add([]byte(frame(fin|rsv1|text, "\x2b\xc8\xcc\x4b\x07\x00")), true) // ping
	f.Add([]byte(frame(fin|rsv1|text, "\xff\xff\xff")), true)
	f.Add([]byte(frame(fin|rsv1|text, "\x4a\x4c\x1c\x05\xa3\x60\x14\x0c\x77\x00\x00")), true) // over the read limit

	closed := make(chan *websocket.Session, 16)
	limits := small()
	limits.FrameRate = 100_000 // which the witness does not reach
	n := serve(f, websocket.Options{
		Limits:      limits,
		Compression: true,
		OnClose:     func(s *websocket.Session) { closed <- s },
	})
	witness := piped(f, n.Server, "witness")
	f.Fuzz(func(t *testing.T, data []byte, compression bool) {
		var offer []string
		if compression {
			offer = append(offer, deflateOffer)
		}
		conn := piped(t, n.Server, "fuzz", offer...)
		s := n.session(t, "fuzz")
		answers := make(chan error, 1)
		go func() { answers <- drainFrames(conn) }()
		_ = conn.SetWriteDeadline(time.Now().Add(patience))
		for part := range slicesOf(data, 100) {
			if _, err := conn.Write(part); err != nil {
				break // the server has closed
			}
		}
		_ = conn.Close()
		if err := await(t, answers); err != nil {
			t.Error(err)
		}
		ended(t, s)
		if await(t, closed) != s {
			t.Error("another session was closed")
		}
		if got := n.manager.Count(websocket.ToAll()); got != 1 {
			t.Errorf("%d sessions are left beside the witness", got-1)
		}
		if got := n.Stats().Panics; got != 0 {
			t.Fatalf("%d panics", got)
		}
		send(t, witness, frame(fin|text, "ping"))
		if _, got := next(t, witness); got != "pong" {
			t.Errorf("the witness got %q", got)
		}
	})
}

// drainFrames reads what a server sends until the connection ends. It returns an
// error where that is not a sequence of frames of which the close frame is last.
func drainFrames(conn io.Reader) error {
	closed := false
	for {
		first, payload, err := receiveFrame(struct{ io.Reader }{conn})
		switch {
		case errors.Is(err, errNoServerFrame):
			return err
		case err != nil:
			return nil //nolint:nilerr // the connection has ended, which is as it should be
		case closed:
			return badFrame{first, "follows the close frame"}
		case first == fin|closing:
			closed = true
		case first != fin|text && first != fin|rsv1|text && first != fin|pong:
			return badFrame{first, payload}
		}
	}
}

type badFrame struct {
	first   byte
	payload string
}

func (f badFrame) Error() string { return string([]byte{f.first}) + f.payload }

// slicesOf yields data in parts of n bytes.
func slicesOf(data []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for r := bytes.NewBuffer(data); r.Len() > 0; {
			if !yield(r.Next(n)) {
				return
			}
		}
	}
}
