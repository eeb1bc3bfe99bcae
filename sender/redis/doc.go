// Package redis links nodes by Redis: a single server, one that sentinels watch,
// or a Redis Cluster. Importing it makes it known as "redis".
//
//	sender-type: redis
//	sender-redis: { addrs: [127.0.0.1:6379], channel: app-websocket, mode: pubsub }
//
// [Config] has the keys. Where an application has a client already, [New] makes
// a broker with its settings, for sender.NewCluster.
//
// # Modes
//
// In mode pubsub a packet goes through a channel: one for all nodes, one for
// each node, and one for each user and key that a node holds sessions of, so
// that a message to a user costs the nodes that hold him and no other. Redis
// tells how many nodes took a packet and keeps nothing: what is published while
// a node's link is broken passes it by, and the node reports the gap.
//
// In mode stream all packets go to one stream of bounded length, and each node
// reads on from where it was: after a broken link it misses nothing that the
// stream still has. Every node reads everything.
//
// # Names
//
// With the channel app-websocket, the names on Redis are
//
//	{app-websocket}:all              for all nodes
//	{app-websocket}:node:NODE        for one node
//	{app-websocket}:to:user/2/1024   for the nodes that hold the user
//	{app-websocket}:stream           the stream
//
// Two applications on one Redis need two channels, and never hear each other
// then. Redis's own pub/sub knows no databases; with db 3 the names begin with
// {app-websocket}:db3: instead. An ACL user needs &{app-websocket}:* for
// mode pubsub and ~{app-websocket}:stream for mode stream.
//
// The braces make the names one slot of a Redis Cluster. That keeps the order of
// a node's packets, whatever their addresses are, and means that the bus of one
// application is the work of one of the cluster's servers, over sharded pub/sub
// (Redis 7), and that other applications' are that of others.
//
// # Links
//
// A broker has two connections, to publish and to receive. Where it hears nothing
// for three to four seconds, of pings that it sends each second too, or a packet
// takes longer than that to come, it takes the link to be broken. It makes it
// again after 50 ms at first, and after at most a second, and subscribes to all
// that the node holds before it says that the link is up. A subscription that
// Redis ends by itself, as it does when a slot of a Redis Cluster moves, is a
// broken link as well.
//
// What was seen with Redis 7.0 on the same machine, one node sending a hundred
// messages a second to another while something was broken for five seconds; the
// longest of three runs under the race detector. The first time is from the end
// of the fault until a message came through, the second until the node was ready,
// which takes a probe of its own:
//
//	fault                                 pubsub          stream
//	the receiver's link is cut            0.9 s, 3.9 s    1.3 s, 2.0 s
//	the receiver's link is half-open      0.3 s, 3.9 s    0.6 s, 0.6 s
//	Redis is killed and started again     1.0 s, 3.9 s    1.2 s, 1.9 s
//	Redis hangs                           0.2 s, 1.9 s    0.4 s, 0.4 s
//	200 ms of latency each way            stays ready     stays ready
//
// In mode stream all that Redis had taken came; in mode pubsub what did not come
// was told to its sender or lay in a gap that the receiver reported. Nothing came
// twice or out of its order. In mode stream the Redis wrote its log of commands
// (appendonly): one that keeps nothing loses in a restart what was not read yet,
// which the numbers of the envelopes show.
//
// go-redis logs failed dials by itself, to stderr; its SetLogger changes that.
package redis
