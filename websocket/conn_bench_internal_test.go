package websocket

import (
	"io"
	"testing"
)

// busySocket is a socket that has a burst to read as often as a benchmark wants.
type busySocket struct {
	b     *testing.B
	conn  *peerConn
	burst []byte
}

func (busySocket) Control(func(uintptr)) error    { return nil }
func (busySocket) Write(func(uintptr) bool) error { return nil }
func (s busySocket) Read(func(uintptr) bool) error {
	if !s.b.Loop() {
		return io.EOF
	}
	s.conn.hold(nil, nil)
	burst := s.conn.burst
	burst.unread = burst.bytes[:copy(burst.bytes[:], s.burst)]
	return nil
}

// deafConversation takes no message.
type deafConversation struct{ Conversation }

func (deafConversation) Receive([]byte) (Message, bool, error) { return Message{}, false, nil }

// maskedText returns a client's text frame of n bytes, which must take a 16-bit length.
func maskedText(n int) []byte {
	return append([]byte{bitFin | opText, bitMask | 126, byte(n >> 8), byte(n), 1, 2, 3, 4}, make([]byte, n)...)
}

// BenchmarkRead is the way of a message from the system call that reads it to
// its Conversation.
func BenchmarkRead(b *testing.B) {
	_, sessions := benchSessions(b, 1)
	s := sessions[0]
	s.conversation = deafConversation{}
	c := &s.conn
	c.guard.limits = &Limits{ReadLimit: 1 << 20}
	c.socket = busySocket{b: b, conn: c, burst: maskedText(130)}
	c.upgraded = true
	socket, err := s.server.formats[0].shakeHands(c, "AAAAAAAAAAAAAAAAAAAAAA==", false)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	socket.ReadLoop()
}
