// Package rabbitmq links nodes by RabbitMQ 3.8 or later; its tests run against
// 3.10. Importing it makes it known as "rabbitmq".
//
//	sender-type: rabbitmq
//	sender-rabbitmq: { url: "amqp://app:secret@127.0.0.1:5672/", exchange: app-websocket-exchange, queue: app-websocket-queue }
//
// [Config] has the keys. [New] makes a broker for sender.NewCluster where there
// is no such configuration.
//
// # Names
//
// Nodes publish to one durable topic exchange, with the routing key "all" for
// every node and "node.NAME" for one of them. Each node reads a queue of its
// own, QUEUE.NODE.START, that is bound to both keys. START is new for each life
// of a node: what was meant for an earlier one is never read, not even what a
// dead connection of it gives back late, and two nodes that have one name by
// mistake, or for a moment while one replaces the other, both hear everything.
// Close deletes the queue; that of a node that was killed expires.
//
// Two applications on one virtual host need two exchanges and two queue names.
// Connections are named "switchboard NODE publish" and "switchboard NODE receive".
// The user needs the permissions to configure, write and read ^EXCHANGE$ and
// ^QUEUE\..*.
//
// # What is kept
//
// A queue outlives its node's connection for Config.QueueExpiry, within
// Config.QueueMaxLength and Config.QueueMaxBytes, past which the oldest packets
// go. While Config.Persistent is set it outlives the broker too: Publish returns
// when every node's queue has written a packet down or its node has taken it.
// So a link that was cut for less than the expiry loses nothing; what the node
// had taken and not acknowledged yet comes again and is dropped by its number,
// see below. Where the queue has been deleted or is gone when a node comes back,
// it makes another, and it reports a broken link then and where packets to the
// node alone have been dropped from the queue.
//
// Several batches can wait for RabbitMQ's confirmation, as it takes what comes on
// one channel in its order. Publish and Begin give up what has not been confirmed
// when its connection breaks, and never send it again: whoever sent it is told,
// and it may have arrived.
//
// An exchange that is deleted is made again by the next to publish, but the
// nodes' queues are bound to it only when they connect again. RabbitMQ tells them
// nothing; their probes stay away, and Cluster.Ready says so.
//
// # Order and duplicates
//
// A broker stamps what it publishes with its own random id and a number that
// rises. The numbers of an id only rise in a queue, so a receiver keeps the
// highest of each and drops what is not above it: packets that come again, and
// late ones from a connection that Publish has already given up, whose loss it
// has told. A queue has one active consumer (x-single-active-consumer): where
// the broker has not noticed that a connection is dead, the next one waits until
// it has, and then begins with what the dead one was given.
//
// What others write to the exchange carries no stamp and is handed on as it is.
//
// # Links
//
// A broker has two connections, to publish and to receive, so that a publisher
// that RabbitMQ blocks can still receive. A link on which nothing comes for one
// and a half times Config.Heartbeat is broken. It is made again after 50 ms at
// first and after at most 2 s, with jitter, each try of at most 10 s. While there is no connection, and
// while RabbitMQ blocks publishing for want of memory or disk, Publish fails at
// once and says so.
package rabbitmq
