package rabbitmq_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
)

// TestTLS has both ends show certificates.
func TestTLS(t *testing.T) {
	ca, own := certificates(t)
	link := proxied(t, encrypted(t, ca, own))
	config := configured(link.Address, app(t))
	config.URL = "amqps" + config.URL[len("amqp"):]
	config.TLSCAFile, config.TLSCertFile, config.TLSKeyFile, config.TLSServerName = ca, own, own, "broker.test"
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
	config.TLSCAFile, config.TLSCertFile, config.TLSKeyFile = ca, "", ""
	refused(t, config, link.Address)
}

// encrypted has the shared broker listen with TLS too, until the test ends, and
// returns the address.
func encrypted(t *testing.T, ca, own string) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := free.Addr().(*net.TCPAddr)
	must(t, free.Close())
	listener := fmt.Sprintf(`{"127.0.0.1", %d, inet}`, address.Port)
	t.Cleanup(func() { control(t, server, "eval", "rabbit_networking:stop_tcp_listener("+listener+").") })
	control(t, server, "eval", fmt.Sprintf("ok = rabbit_networking:start_ssl_listener(%s, [{certfile, %q}, {keyfile, %q}, {cacertfile, %q}, {verify, verify_peer}, {fail_if_no_peer_cert, true}], 10).",
		listener, own, own, ca))
	return address.String()
}

func refused(t *testing.T, config rabbitmq.Config, want string) {
	t.Helper()
	b := open(t, config, "n1")
	if err := b.Subscribe(bounded(t)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Subscribe returned %v, want %s", err, want)
	}
}

// certificates returns a file with the certificate of an authority, and one with
// a certificate that both ends show and its key.
func certificates(t *testing.T) (ca, own string) {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	ca = file(t, "CERTIFICATE", signed(t, authority, authority, signer, signer))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "broker.test"},
		DNSNames:     []string{"broker.test"},
		NotBefore:    authority.NotBefore,
		NotAfter:     authority.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return ca, file(t, "CERTIFICATE", signed(t, leaf, authority, key, signer), "PRIVATE KEY", string(private))
}

func signed(t *testing.T, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	must(t, err)
	return string(der)
}

// file writes pairs of a kind and its bytes in PEM.
func file(t *testing.T, pairs ...string) string {
	t.Helper()
	var text []byte
	for i := 0; i < len(pairs); i += 2 {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: pairs[i], Bytes: []byte(pairs[i+1])})...)
	}
	name := filepath.Join(t.TempDir(), "some.pem")
	must(t, os.WriteFile(name, text, 0o600))
	return name
}
