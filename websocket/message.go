package websocket

import "context"

// Message is what travels between an application and its clients, in either
// direction. It is a value; its Content must not be changed once handed over.
type Message struct {
	// Type chooses the listener, here or in the client.
	Type string
	// Key is the key that the message is about, in protocols that have one
	// (choerodon's); the JSON protocol does not carry it.
	Key string
	// Content is the payload, JSON text. Empty means none.
	Content []byte
}

func (m *Message) size() int { return len(m.Type) + len(m.Key) + len(m.Content) }

// A Dispatcher takes the messages that sessions receive. listener.Mux is the
// one to use.
type Dispatcher interface {
	// Dispatch handles m. It is called for one message of a session at a time,
	// in the order of arrival, and for different sessions concurrently; a slow
	// Dispatch holds up nothing but the later messages of its own session. The
	// context is the session's. An error is answered to the client as an error
	// message: a *MessageError with its own code, any other error with
	// CodeListenerFailed.
	Dispatch(ctx context.Context, s *Session, m Message) error
}

// ErrorCode says to a client, in the content of a message of type "error", why
// one of its messages was not handled. The session stays open.
type ErrorCode string

// The error codes.
const (
	// CodeInvalidMessage: the frame is not a message of the session's protocol.
	CodeInvalidMessage ErrorCode = "invalid_message"
	// CodeUnknownType: no listener handles the message's type, or it has none.
	CodeUnknownType ErrorCode = "unknown_type"
	// CodeInvalidContent: the content does not fit the type's listener.
	CodeInvalidContent ErrorCode = "invalid_content"
	// CodeListenerFailed: the listener returned an error, panicked or timed out.
	CodeListenerFailed ErrorCode = "listener_failed"
	// CodeBusy: too many messages of this session wait for their listeners;
	// the message was not taken.
	CodeBusy ErrorCode = "busy"
)

// MessageError is an error about one received message that says what the client
// is told.
type MessageError struct {
	Code ErrorCode
	// Detail is text for the client; it may be empty.
	Detail string
	// Err is the cause, for the log only; it may be nil.
	Err error
}

// Error implements error.
func (e *MessageError) Error() string {
	switch {
	case e.Err != nil && e.Detail != "":
		return string(e.Code) + ": " + e.Detail + ": " + e.Err.Error()
	case e.Err != nil:
		return string(e.Code) + ": " + e.Err.Error()
	case e.Detail != "":
		return string(e.Code) + ": " + e.Detail
	}
	return string(e.Code)
}

// Unwrap returns the cause.
func (e *MessageError) Unwrap() error { return e.Err }
