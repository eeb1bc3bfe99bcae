// Package load is the load generator: a crowd of WebSocket clients on one thread, which take messages, check their order and
// measure how long they took, and tell the server how many have arrived.
package load
