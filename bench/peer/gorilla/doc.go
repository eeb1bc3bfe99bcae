// Package gorilla is the hub of gorilla/websocket's chat example: a goroutine that owns the clients, and a read pump and a write
// pump for each, with 256 messages between them. A client that is further behind is closed. What waits goes out as one message,
// its parts separated by newlines, which a client has to take apart.
package gorilla
