package driver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// TLS returns what connections are encrypted with, of at least TLS 1.2. The files, in PEM, are those of the settings tls-ca-file,
// without which the system's authorities count, and tls-cert-file and tls-key-file, which go together and may be empty. The errors
// name the setting.
func TLS(caFile, certFile, keyFile string) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		certificates, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("tls-ca-file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(certificates) {
			return nil, fmt.Errorf("tls-ca-file: %s has no certificates in PEM", caFile)
		}
	}
	if certFile != "" {
		own, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("tls-cert-file and tls-key-file: %w", err)
		}
		t.Certificates = []tls.Certificate{own}
	}
	return t, nil
}

// Encrypt encrypts a link to addr, which is host:port. The server is verified by that host. After an error the link is closed.
func Encrypt(ctx context.Context, link net.Conn, config *tls.Config, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, errors.Join(err, link.Close())
	}
	config = config.Clone()
	config.ServerName = host
	encrypted := tls.Client(link, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = link.Close()
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: the server hung up, as it does where it has no TLS", err)
		}
		return nil, fmt.Errorf("TLS with %s: %w", addr, err)
	}
	return encrypted, nil
}
