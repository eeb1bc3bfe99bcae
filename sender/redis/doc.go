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
// A broker has two connections, to publish and to receive. A link on which
// nothing moves for three seconds is taken to be broken, a ping a second
// provided. It is made again after 50 ms at first, and after at most a second.
package redis
