// Command pairs measures messages from one node to a socket of another, see
// package bench/pairs.
//
//	go run ./cmd/pairs
//	go run ./cmd/pairs -brokers redis -rounds 8
//
// It writes tables, and with -save the results as cmd/bench does. Its own
// processes are this program again, with -side.
package main
