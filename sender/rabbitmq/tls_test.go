package rabbitmq_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
)

// TestTLS has both ends show certificates.
func TestTLS(t *testing.T) {
	files := drivertest.Certify(t, "broker.test")
	link := proxied(t, encrypted(t, files))
	config := configured(link.Address, app(t))
	config.URL = "amqps" + config.URL[len("amqp"):]
	config.TLSCAFile, config.TLSCertFile, config.TLSKeyFile, config.TLSServerName = files.CA, files.Cert, files.Key, "broker.test"
	b := subscribe(t, config, "n1")
	say(t, b, "", "encrypted")
	expect(t, b, "encrypted")
	must(t, link.Cut())
	hear(t, b, change(sender.LinkDown))
	must(t, link.Heal())
	hear(t, b, change(sender.LinkUp))
	insist(t, b, "encrypted again")
	hear(t, b, func(e sender.Event) bool { return string(e.Payload) == "encrypted again" })

	config.TLSServerName = ""
	refused(t, config, "certificate")
	config.TLSServerName, config.TLSCAFile = "broker.test", ""
	refused(t, config, "certificate")
	config.TLSCAFile, config.TLSCertFile, config.TLSKeyFile = files.CA, "", ""
	refused(t, config, link.Address)
}

// encrypted has the shared broker listen with TLS too, until the test ends, and
// returns the address.
func encrypted(t *testing.T, files drivertest.Certificates) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := free.Addr().(*net.TCPAddr)
	must(t, free.Close())
	listener := fmt.Sprintf(`{"127.0.0.1", %d, inet}`, address.Port)
	t.Cleanup(func() { control(t, server, "eval", "rabbit_networking:stop_tcp_listener("+listener+").") })
	control(t, server, "eval", fmt.Sprintf("ok = rabbit_networking:start_ssl_listener(%s, [{certfile, %q}, {keyfile, %q}, {cacertfile, %q}, {verify, verify_peer}, {fail_if_no_peer_cert, true}], 10).",
		listener, files.Cert, files.Key, files.CA))
	return address.String()
}

func refused(t *testing.T, config rabbitmq.Config, want string) {
	t.Helper()
	b := open(t, config, "n1")
	if err := b.Subscribe(bounded(t)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Subscribe returned %v, want %s", err, want)
	}
}
