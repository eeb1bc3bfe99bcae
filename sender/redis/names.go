package redis

import "strconv"

// names are the application's names on Redis. The braces end the application's
// part, which has none inside: names of two applications are never the same. They
// also make all names of an application one slot of a Redis Cluster.
type names struct {
	prefix string
}

func newNames(channel string, db int) names {
	prefix := "{" + channel + "}:"
	if db != 0 {
		prefix += "db" + strconv.Itoa(db) + ":"
	}
	return names{prefix}
}

// all is the channel that every node subscribes to.
func (n names) all() string { return string(n.channel(nil, "", "")) }

// node is the channel that one node subscribes to.
func (n names) node(node string) string { return string(n.channel(nil, node, "")) }

// address is the channel that the nodes subscribe to which took an address.
func (n names) address(address string) string { return string(n.channel(nil, "", address)) }

// channel appends the channel of packets to a node, to an address, or to all.
func (n names) channel(b []byte, node, address string) []byte {
	b = append(b, n.prefix...)
	switch {
	case node != "":
		return append(append(b, "node:"...), node...)
	case address != "":
		return append(append(b, "to:"...), address...)
	}
	return append(b, "all"...)
}

// stream is the key of the stream.
func (n names) stream() string { return n.prefix + "stream" }
