package security

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/switchboard-go/switchboard/websocket"
)

// maxAddresses bounds the memory of LimitHandshakes at about two megabytes.
const maxAddresses = 10_000

// LimitHandshakes returns an interceptor that lets each client address try
// burst handshakes at once and perSecond in the long run, whether they succeed
// or not. The others are refused with 429 and the code "too_many_handshakes"
// before next is asked, and do not count against the address; Retry-After says
// when one will pass if nobody else at the address takes it.
//
// The address is that of the request's RemoteAddr; of an IPv6 address the first
// 64 bits count, since a single client commonly has all the rest. Behind a proxy
// all clients share the proxy's address, unless the application puts the
// client's there, with or without a port, from a header that it trusts. What is
// no IP address, such as the peer of a Unix socket, counts as one address.
//
// The 10,000 addresses seen last are remembered; one that was forgotten starts
// anew with its whole burst. All Authenticators made by the same interceptor
// share the count. The interceptor is safe for concurrent use.
//
// It panics where perSecond or burst is not positive or perSecond is infinite:
// nobody, or everybody, could connect.
func LimitHandshakes(perSecond float64, burst int) websocket.HandshakeInterceptor {
	if !(perSecond > 0) || // so that NaN is not positive either
		math.IsInf(perSecond, 1) || burst <= 0 {
		panic(fmt.Sprintf("security: LimitHandshakes(%v, %d): both must be positive and finite", perSecond, burst))
	}
	buckets, err := lru.New[netip.Prefix, *rate.Limiter](maxAddresses)
	if err != nil {
		panic(err) // only for a size below one
	}
	// The longest that the next token of a bucket can take.
	retryAfter := time.Duration(float64(time.Second) / perSecond)
	return func(next websocket.Authenticator) websocket.Authenticator {
		return func(r *http.Request) (websocket.LoginUser, error) {
			address := clientAddress(r.RemoteAddr)
			bucket, ok := buckets.Get(address)
			if !ok {
				bucket = rate.NewLimiter(rate.Limit(perSecond), burst)
				// Of two first handshakes at the same moment, one makes the bucket of both.
				if first, found, _ := buckets.PeekOrAdd(address, bucket); found {
					bucket = first
				}
			}
			if !bucket.Allow() {
				return websocket.LoginUser{}, &websocket.Refusal{
					Status:     http.StatusTooManyRequests,
					Code:       "too_many_handshakes",
					Message:    "too many connection attempts from this address",
					RetryAfter: retryAfter,
				}
			}
			return next(r)
		}
	}
}

// clientAddress returns the addresses that are taken for one client, or the
// zero Prefix for what is no IP address.
func clientAddress(remote string) netip.Prefix {
	addressPort, err := netip.ParseAddrPort(remote)
	address := addressPort.Addr()
	if err != nil {
		if address, err = netip.ParseAddr(remote); err != nil {
			return netip.Prefix{}
		}
	}
	address = address.Unmap()
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	// Prefix drops the zone and cannot fail: bits fits the address.
	prefix, _ := address.Prefix(bits)
	return prefix
}
