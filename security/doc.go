// Package security decides who may open a WebSocket session, and from where.
//
// Its parts plug into the handshake of a websocket.Server:
//
//   - [FromToken] makes a websocket.Authenticator from a callback that knows
//     the user of a token; [BearerToken] is how it finds the token.
//   - [Origins] makes the check of the page that a browser connects from.
//   - [LimitHandshakes] bounds how often one client address may try.
//   - [TestTokens] lets a developer be anybody. It is for development only.
//
// [SharedSecret] stands apart: it protects HTTP endpoints that are called by
// programs, such as the one that sends messages.
//
// # Where a browser puts its token
//
// Scripts cannot set headers on a WebSocket, so the token goes into the query
// or among the subprotocols. A query ends up in the access logs of every proxy
// on the way, a subprotocol does not. The client offers the token beside a
// subprotocol that the server speaks, because browsers fail the connection when
// none of what they offered is chosen, and the token never is:
//
//	new WebSocket(url, ["switchboard", "bearer." + encodeURIComponent(token)])
//
// No error or log record that this package makes holds a token or a secret.
package security
