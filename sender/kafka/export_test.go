package kafka

import (
	"context"
	"net"
)

// DialThrough has a broker that has not connected yet reach every address through
// another one.
func DialThrough(b *Broker, addr string) {
	direct := b.dialer.dial
	b.dialer.dial = func(ctx context.Context, network, _ string) (net.Conn, error) { return direct(ctx, network, addr) }
}

// Waiting returns the bytes of the payloads that wait for Receive.
func Waiting(b *Broker) int {
	_, bytes := b.feed.Depth()
	return bytes
}
