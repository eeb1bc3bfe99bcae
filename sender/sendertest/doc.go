// Package sendertest is the suite that a sender.Broker must pass.
//
// A driver's test calls Run with a Harness that opens nodes on a real broker;
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
// Package memory, beside it, is a broker in the process for tests of what
// stands above a Broker. It can be broken on purpose.
package sendertest
