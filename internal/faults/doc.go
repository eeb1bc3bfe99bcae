// Package faults shows what a cluster does when its broker, its network or one of its nodes fails.
//
// A run has three nodes, each with a real WebSocket server, a real client and a sender that is opened by its driver's name, on
// a real broker. A and B send throughout, to all, to one user and to one session of the other; C only hears. B reaches the
// broker through a TCP proxy, A and C do not, so that a broken network isolates B. (Kafka and RocketMQ redirect their clients
// to the proxy: there it isolates all.) Everything that is sent, that arrives and that is reported goes into the journal of
// package witness, which judges it when each node has heard the last word of A and of B.
//
//	site, err := faults.NewSite(driver.Kind)
//	outcome, err := faults.Run(ctx, site, driver, fault, faults.Options{})
//
// The promises are those of README.md: with a durable driver all that Send reported as published arrives, once; with another
// one each loss was told to its sender or lies in a gap that its receiver reported; and nothing comes twice or out of order.
//
// The command in cmd prints the table in README.md; see make faults. The test runs the same with shorter faults.
package faults
