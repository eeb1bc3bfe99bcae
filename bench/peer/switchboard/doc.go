// Package switchboard is a server of this framework, from its public API alone: websocket.Server, listener.Mux and the local
// sender. Every limit and timeout is at its default and every counter is on.
package switchboard
