// Command customsender is a driver of one's own, for NATS core, and a program that
// links two nodes by it over a NATS server in the same process. The driver is
// nats.go, config.go makes it known, and nats_test.go is its conformance test.
//
//	go run ./examples/customsender
package main
