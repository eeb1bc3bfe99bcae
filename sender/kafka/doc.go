// Package kafka links nodes by a topic of Apache Kafka. Importing it makes it
// known as "kafka".
//
//	sender-type: kafka
//	sender-kafka: { brokers: [127.0.0.1:9092], topic: app-websocket }
//
// [Config] has the keys, and [New] makes a broker for sender.NewCluster.
//
// # Reading
//
// There is no consumer group and nothing is committed: every node reads every
// partition, from the end that it had when the node subscribed. A partition that
// is added later is found within two seconds and read from its beginning. After a
// broken link a node reads on from where it was and misses nothing that the topic
// still has; where retention has passed it by, it reads on from the earliest, and
// the numbers of the packets tell what is missing.
//
// A topic that is deleted and made again is read from its beginning. It is known
// by that it ends before the position of the node; one that has grown past it
// meanwhile cannot be told from the old one, and is read from there. In both cases
// the link was reported to be down, and the numbers tell.
//
// A node has a connection for each partition, so a few partitions are right; one
// is enough for thousands of packets a second.
//
// # Publishing
//
// The packets of a node go to one partition, which keeps their order: it is
// chosen by the node's name with the first packet, and stays when the topic
// grows. The name is the records' key. All replicas in sync must have a packet
// (acks=all) before it is published. Nothing is sent twice by the driver itself.
//
// # The topic
//
// The topic sets applications apart. Where create-topic is true a node makes it
// when it is missing, also when it has been deleted while nodes run. Who may not
// create topics makes it beforehand, and needs the ACLs Describe, Read and Write
// on it; with DescribeConfigs a node also checks that packets of max-payload fit.
//
// # Links
//
// Brokers are found by their advertised listeners, as with every client of Kafka.
// A link on which nothing moves for three seconds is taken to be broken; a read
// that finds nothing is answered after half a second. It is made again after
// 50 ms at first, and after at most a second. The link is up when every partition
// is read.
package kafka
