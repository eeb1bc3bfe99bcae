package rabbitmq_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
)

// TestTLS has something else end the encryption, as a load balancer does.
func TestTLS(t *testing.T) {
	t.Parallel()
	certificate, file := selfSigned(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	forward(t, listener)
	link := proxied(t, listener.Addr().String())
	config := configured(link.Address, app(t))
	config.URL = "amqps" + config.URL[len("amqp"):]
	config.TLSCAFile, config.TLSCertFile, config.TLSKeyFile, config.TLSServerName = file, file, file, "broker.test"
	b := subscribe(t, config, "n1")
	say(t, b, "", "encrypted")
	expect(t, b, "encrypted")
	must(t, link.Cut())
	hear(t, b, change(sender.LinkDown))
	must(t, link.Heal())
	hear(t, b, change(sender.LinkUp))
	await(t, "publishing", func() bool {
		return b.Publish(bounded(t), []sender.Packet{{Payload: []byte("encrypted again")}}) == nil
	})
	hear(t, b, func(e sender.Event) bool { return string(e.Payload) == "encrypted again" })

	config.TLSServerName = ""
	refused(t, config, "certificate")
	config.TLSServerName, config.TLSCAFile = "broker.test", ""
	refused(t, config, "certificate")
}

func refused(t *testing.T, config rabbitmq.Config, want string) {
	t.Helper()
	b := open(t, config, "n1")
	if err := b.Subscribe(bounded(t)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Subscribe returned %v, want %s", err, want)
	}
}

// selfSigned returns a certificate, also in a file with its key.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "broker.test"},
		DNSNames:              []string{"broker.test"},
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	file := filepath.Join(t.TempDir(), "broker.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(text, text)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, file
}
