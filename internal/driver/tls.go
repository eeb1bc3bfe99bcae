package driver

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
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
