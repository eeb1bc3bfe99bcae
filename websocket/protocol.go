package websocket

// A Protocol is the format of a session's text frames. JSON is the default;
// others live in packages of their own. A Protocol is one comparable value for
// all its sessions and safe for concurrent use.
type Protocol interface {
	// Subprotocol is the name that a client offers in Sec-WebSocket-Protocol to
	// choose this protocol (RFC 6455, section 1.9). Empty cannot be chosen.
	Subprotocol() string
	// Open begins the conversation with one session, before it is in any index
	// and before its first frame is read. It may greet with Session.WriteText.
	Open(s *Session) Conversation
	// Shared reports whether a message has the same frame in every
	// conversation. It is then encoded once for all sessions that take it.
	Shared() bool
}

// A Conversation is a Protocol's part in one session, with the state that it
// keeps there.
type Conversation interface {
	// Receive turns the payload of a text frame into a message. It reports
	// false where there is none to dispatch because the protocol has dealt with
	// the frame, for example by answering a heartbeat with Session.WriteText.
	// An error, best a *MessageError, is answered to the client; the session
	// stays open. Receive is called for one frame at a time and must not block;
	// it owns payload.
	Receive(payload []byte) (m Message, ok bool, err error)
	// AppendEncode appends the payload of the text frame for m to b, which has
	// room for most, and nothing where this session is not to get it. It must
	// be safe for concurrent use.
	AppendEncode(b []byte, m Message) ([]byte, error)
}
