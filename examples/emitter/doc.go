// Command emitter sends a notice to everybody on every node of a chat, and holds
// no sessions itself: what a job or another service does.
//
//	go run ./examples/emitter --websocket.sender-type=redis "Lunch" "It is served."
//
// The sender is configured as the chat's is, with the same keys as flags or in the
// environment. It prints the receipt and exits with 1 if the notice may not have
// reached every node.
package main
