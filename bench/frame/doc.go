// Package frame reads and writes WebSocket frames (RFC 6455) by hand, as far as the load generator needs it: it must cost much
// less than the servers that it measures.
package frame
