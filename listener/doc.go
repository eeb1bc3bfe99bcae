// Package listener hands what clients send to typed listeners.
//
// A [Mux] is the [websocket.Dispatcher] of a server. Each module of an
// application registers a [Listener] for each message type that it takes, with
// [Handle] or [HandleFunc]; the Mux decodes a message's content into the
// listener's own type and calls it. What all messages have in common, such as
// logging, is [Middleware].
//
//	mux := listener.NewMux(
//		listener.Logging(logger),
//		listener.Recover(),
//		listener.Timeout(30*time.Second),
//	)
//	err := listener.HandleFunc(mux, "demo-message-send", chat.onSend)
//
// What a listener reports with an error, or by a panic, is logged and counted by
// the server, with middleware or without. A middleware only passes it on.
//
// The messages of one session are handled one at a time, in the order of their
// arrival, so a slow listener holds up its own session and no other.
package listener
