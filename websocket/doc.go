// Package websocket serves WebSocket sessions that belong to people.
package websocket
