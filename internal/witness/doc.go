// Package witness notes what is sent in a cluster and what comes, and judges by that whether the promises of README.md are kept.
//
// A [Node] is a real WebSocket server with a sender. A [Cluster] has such nodes, here or in other processes, and a WebSocket
// client of each; two of them send to all, to one user and to one session of the other, and all that is sent, that arrives and
// that is reported goes into its [Journal]. Whoever breaks something meanwhile has [Judge] say what came of it:
//
//	node, err := witness.StartNode(ctx, witness.Place{Node: "A", Life: 1}, 0, open, c.Journal.Add)
//	a, err := c.Join(ctx, node.Place, node)
//	...
//	err = c.Speak()
//	err = c.Hear(ctx)    // all is well
//	...                  // something fails, and is mended
//	err = c.Recover(ctx) // all has come that will come
//	outcome := witness.Judge(c.Journal.All(), capabilities)
package witness
