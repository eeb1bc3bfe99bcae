// Command customsender is a driver of one's own: nats.go, for NATS core, and a
// program that links two nodes by it over a NATS server in the same process.
// nats_test.go is all the test that a driver needs to begin with.
//
//	go run ./examples/customsender
package main
