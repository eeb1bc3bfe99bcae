// Package websocket serves WebSocket sessions that belong to people, and finds
// them by who they belong to.
//
// A [Server] is an http.Handler. It asks an [Authenticator] who connects, before
// the upgrade, and puts a [Session] for that [LoginUser] into a [SessionManager].
// What the session receives, its [Protocol] turns into a [Message] and a
// [Dispatcher] handles, one at a time and in order. What is sent to it, by
// [SessionManager.Deliver] to a [Target] or by [Session.Send], waits in the
// session's outbox and is written in batches.
//
// # What is bounded
//
// No client can make a server hold more than [Limits] say: the size, the age
// and the rate of what it sends, what waits for its listeners, what waits to be
// sent to it, and how long it may stay silent or take nothing. Past a limit the
// session is closed with a code that says why ([CloseCodes]) and whether to
// connect again. A session that ends is out of the indexes at once; its
// connection is gone within Limits.CloseTimeout.
//
// # Who reads and who writes
//
// Frames are checked before lxzan/gws reads them, which shakes hands, unmasks,
// reassembles and decompresses. An idle session has one goroutine, which waits
// for the connection and, but for TLS, holds no read buffer meanwhile; another
// one runs while messages are being dispatched. Everything after the handshake
// goes through the session's outbox. A few goroutines of the server write for all
// sessions and wait for none: what a client does not take at once is written on
// by a goroutine of its session's, and so is everything over TLS.
//
// # Panics
//
// A panic of the application's code, in an Authenticator, a Dispatcher or a
// hook, is contained, logged with its stack and counted in [Stats].
package websocket
