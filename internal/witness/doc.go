// Package witness notes what is sent in a cluster and what comes, and judges by that whether the promises of README.md are kept.
//
// A [Node] is a real WebSocket server with a sender. A [Cluster] has such nodes, here or in other processes, and a WebSocket
// client of each; two of them send to all, to one user and to one session of the other, and all that is sent, that arrives and
// that is reported goes into its [Journal]. Whoever breaks something meanwhile hears in the end what came of it:
//
//	node, err := witness.StartNode(ctx, witness.Place{Node: "A", Life: 1}, 0, open, c.Journal.Add)
//	err = c.Join(ctx, node.Place, node)
//	...
//	err = c.Begin(ctx)
//	... // something fails, and is mended
//	outcome := c.End(ctx, capabilities, mended)
package witness
