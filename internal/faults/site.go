package faults

import (
	"errors"
	"net"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

// Site is a broker with a proxy in front of it. Runs can follow each other on one, and not be at a time.
type Site struct {
	broker *brokers.Broker
	proxy  *brokers.Proxy
	direct string // the broker's address that is not the proxy's
}

// NewSite starts a broker. Close ends it.
func NewSite(kind brokers.Kind) (*Site, error) {
	broker, proxy, err := brokers.StartBehindProxy(kind)
	if err != nil {
		return nil, err
	}
	s := &Site{broker: broker, proxy: proxy}
	_, port, err := net.SplitHostPort(proxy.Address) // the proxy has the broker's own port numbers
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.direct = net.JoinHostPort("127.0.0.1", port)
	return s, nil
}

// Close ends the broker and the proxy.
func (s *Site) Close() error { return errors.Join(s.broker.Close(), s.proxy.Close()) }

// address is where a node finds the broker.
func (s *Site) address(node string) string {
	if node == "B" {
		return s.proxy.Address
	}
	return s.direct
}
