package brokers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// Certificates are files in PEM, which outlive the broker that is started with them.
type Certificates struct {
	CA        string // of the authority
	Cert, Key string // what it has signed for the host 127.0.0.1; the key is in PKCS #8
}

// The user that a broker with TLS lets in: a Kafka by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, a RocketMQ by signed requests.
const (
	User     = "app"
	Password = "hunter2"
)

// StartTLS is [Start] for a Kafka or a RocketMQ that serves nobody but the [User], with TLS and with a certificate that the
// authority has signed.
func StartTLS(kind Kind, files Certificates) (*Broker, error) {
	return start(kind, 0, func(b *Broker) error {
		if !b.recipe.tls {
			return errors.New("it is not run with TLS here")
		}
		b.tls = &files
		return nil
	})
}

// dial connects as the broker wants it of its clients.
func (b *Broker) dial(ctx context.Context, address string) (net.Conn, error) {
	if b.tls == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	authority, err := os.ReadFile(b.tls.CA)
	if err != nil {
		return nil, err
	}
	own, err := tls.LoadX509KeyPair(b.tls.Cert, b.tls.Key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s has no certificates", b.tls.CA)
	}
	dialer := tls.Dialer{Config: config}
	return dialer.DialContext(ctx, "tcp", address)
}
