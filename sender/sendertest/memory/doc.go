// Package memory is a broker in the process, for tests of what stands above a
// sender.Broker: nodes are opened on a Bus, which can declare any capabilities,
// be cut and mended, and be broken on purpose with a Fault. It passes
// sendertest, except where it is broken, and works in a testing/synctest bubble.
//
// It is no broker to use: what waits for a node is not bounded.
package memory
