// Package sendertest is the suite that a sender.Broker must pass.
//
// A driver's test calls [Run] with a [Harness] that opens nodes on a real broker;
// each case is a subtest and says in a comment what fails in production where
// it does not hold:
//
//	func TestConformance(t *testing.T) {
//		sendertest.Run(t, sendertest.Harness{
//			Open: func(t testing.TB, app, node string) sender.Broker {
//				b, err := nats.New(connect(t), nats.Options{Subject: app, Node: node})
//				if err != nil {
//					t.Fatal(err)
//				}
//				return b
//			},
//		})
//	}
//
// # Writing a driver
//
// The contract is that of sender.Broker, and the cases are in the order in which
// a driver is best written. With the first form of Publish, Subscribe and Receive
// run "Capabilities", "FanOut", "LiveOnSubscribe" and "NoReplay": they show
// whether the broker's objects, a topic and a queue for each node or whatever it
// has, are the right ones. Then come order, the bytes, batches and slow nodes,
// then contexts, a Subscribe that is tried again, and Close. Routing, where the
// driver declares it, comes after those, then several batches under way, where
// it is a sender.Pipeliner, and then what a restart of the broker does. Set Restart early: most of a driver is what it does there. The cases that
// begin with "Cluster" put a whole sender.Cluster with real sessions on top, and
// those that begin with "Config" open the driver by its name.
//
// Declare nothing in the Capabilities that the broker does not keep: the suite
// tests what is declared and skips the rest, and a cluster works with any of
// them. Set Harness.Capabilities, so that nothing is skipped unseen, and name
// sender.Pipeliner in a declaration of your test where the driver is one.
//
// The cases wait for events and never for a time, so that a slow machine makes
// them slow and not red. A few must let a time pass to see that nothing happens;
// it is a second at the most.
//
// Package memory, beside it, is a broker in the process for tests of what
// stands above a Broker. It can be broken on purpose, which is how the suite is
// tested: each of its cases fails for some fault, and each fault in some case.
package sendertest
