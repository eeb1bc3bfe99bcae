// Package rocketmq links nodes by Apache RocketMQ 4.9 or 5; it was tested with
// 4.9.7 and 5.3.3, TLS with the latter. Importing it makes it known as "rocketmq".
//
//	sender-type: rocketmq
//	sender-rocketmq: { name-servers: [127.0.0.1:9876], topic: app-websocket, consumer-group: app-websocket-consumer }
//
// [Config] has the keys. [New] makes a broker for sender.NewCluster where there
// is no such configuration.
//
// # Names
//
// All packets go through one topic, which every node reads whole. Two
// applications on one RocketMQ need two topics, and never hear each other then.
// The consumer group is only a name to the brokers: nodes of one group share
// nothing out among themselves, as RocketMQ's broadcasting consumers do not.
// Nothing is kept on RocketMQ for a node: one that starts again is a new one.
//
// # What is kept
//
// A node reads each queue of the topic from the place where the queue ended when
// Subscribe began. It finds the place by putting a mark there, which no node
// hands on: a queue's end by the broker's own word lags some milliseconds behind
// what has been published. From then on the node remembers its own place. After
// a broken link, or a restart of the broker, it reads on from there and misses
// nothing that the broker still has: by default all of three days, but not what a
// broker that flushes asynchronously had not written down when its machine died.
// Where the place is gone the node goes on at the next and reports the link as
// broken and made again.
//
// # Order and duplicates
//
// All that a node publishes goes to one queue, which the hash of its name
// chooses, in batches one after the other. Where the queue is taken from the
// topic, or its broker leaves the name servers while the topic has other brokers,
// the node chooses again.
//
// A message is what the broker stamps, its random id and a number that rises,
// and the packet. Receivers drop what is not above the highest number of its id:
// what was given up at its deadline, and comes late, over an earlier connection.
// What others write to the topic has no stamp and is handed on as it is.
//
// # Why not the client's producer and consumers
//
// Of the official Go client, v2.1.2, only the coding of messages is used; the
// broker is spoken to over the driver's own connections. The client's push
// consumer, broadcasting, on RocketMQ 5.3.3, lost one of eight messages that were
// published as its Start returned, since it looks for its queues' ends later. After a
// link that was cut for five seconds it heard nothing for another 25, because its
// pulls wait thirty for answers that cannot come, whatever their context says. It
// tells nobody that a link is broken. The pull consumer has these waits too, and
// no way to ask where a queue ends. The producer, with a deadline of one second
// and a broker that hung, was still blocked after twenty. After shutdown 17
// goroutines were left. None of this can be set from outside.
//
// # Links
//
// A broker has a connection to publish, and one to each of RocketMQ's brokers
// that the topic has queues at, to receive. Each has a pull for every queue
// waiting at the broker, so that packets come at once. Where nothing comes for a
// second the broker is asked for a sign of life; after four without any the link
// is taken to be broken. It is made again after 50 ms at first, and after at most
// a second. The link is down as long as one of these is. A broker that is gone
// from the name servers while the topic has others is no longer waited for.
//
// With TLS the name servers are verified by the hosts in name-servers, and each
// broker by the one that it has given the name servers: its brokerIP1, which is an
// IP address unless it has been set. A server whose tls.server.mode is permissive
// or enforcing has TLS on its usual ports. A permissive one takes both, so the
// nodes can be changed over one by one.
//
// The name servers are asked for new queues and brokers every ten seconds: what
// a node publishes there can come so much later to nodes that were there before.
package rocketmq
