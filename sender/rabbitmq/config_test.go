package rabbitmq_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
)

func TestDefaultsAreValid(t *testing.T) {
	if err := rabbitmq.Defaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesTheKey(t *testing.T) {
	for _, test := range []struct {
		spoil func(*rabbitmq.Config)
		want  string
	}{
		{func(c *rabbitmq.Config) { c.URL = "" }, "url"},
		{func(c *rabbitmq.Config) { c.Exchange = "" }, "exchange"},
		{func(c *rabbitmq.Config) { c.Exchange = "amq.topic" }, "exchange"},
		{func(c *rabbitmq.Config) { c.Queue = strings.Repeat("q", 128) }, "queue"},
		{func(c *rabbitmq.Config) { c.QueueExpiry = 0 }, "queue-expiry"},
		{func(c *rabbitmq.Config) { c.QueueExpiry = 60 * 24 * time.Hour }, "queue-expiry"},
		{func(c *rabbitmq.Config) { c.QueueMaxLength = 0 }, "queue-max-length"},
		{func(c *rabbitmq.Config) { c.QueueMaxBytes = c.MaxPayload - 1 }, "queue-max-bytes"},
		{func(c *rabbitmq.Config) { c.MaxPayload = 0 }, "max-payload"},
		{func(c *rabbitmq.Config) { c.MaxPayload = 1 << 30 }, "max-payload"},
		{func(c *rabbitmq.Config) { c.Prefetch = 65536 }, "prefetch"},
		{func(c *rabbitmq.Config) { c.Heartbeat = 1500 * time.Millisecond }, "heartbeat"},
		{func(c *rabbitmq.Config) { c.TLSCAFile = "ca.pem" }, "amqps"},
		{func(c *rabbitmq.Config) { c.URL, c.TLSKeyFile = "amqps://a:b@c/", "key.pem" }, "tls-cert-file"},
	} {
		config := rabbitmq.Defaults()
		test.spoil(&config)
		err := config.Validate()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got error %v, want one about %s", err, test.want)
		}
		if _, err := rabbitmq.New(config, "n1"); err == nil {
			t.Errorf("New takes what Validate refuses for %s", test.want)
		}
	}
}

// A reserved character that is not percent-encoded has other parts of the URL
// begin within the password.
func TestErrorsOfURLsHaveNoPassword(t *testing.T) {
	for _, url := range []string{
		"hunter2",
		"http://app:hunter2@broker/",
		"amqp://app:hunter2@broker:port/",
		"amqp://app:hunter2%zz@broker/",
		"amqp://app:hun ter2@broker/",
		"amqp://app:1/hunter2@broker/",
		"amqp://app:1?hunter2@broker/",
		"amqp://app:1#hunter2@broker/",
		"amqp://app:1[hunter2@broker/",
		"amqp://app:hunter2@broker/?heartbeat=0",
		"amqp://app:hunter2@broker/?auth_mechanism=hunter2",
		"amqp://app:hunter2@broker:5672:5672/",
		"amqp:app:hunter2@broker",
	} {
		config := rabbitmq.Defaults()
		config.URL = sender.Secret(url)
		_, err := rabbitmq.New(config, "n1")
		if err == nil {
			t.Errorf("%s was taken", url)
			continue
		}
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "hunter2") || strings.Contains(text, "ter2") {
			t.Errorf("the error for %s shows the password: %v", url, err)
		}
	}
	for _, url := range []string{"amqp://broker", "amqps://app:p%40ss@broker:5671/v%2Fhost", "amqp://app:hunter2@[::1]:5672/?auth_mechanism=plain"} {
		config := rabbitmq.Defaults()
		config.URL = sender.Secret(url)
		if err := config.Validate(); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestBrokerIsPrintedWithoutPassword(t *testing.T) {
	config := rabbitmq.Defaults()
	config.URL = "amqp://app:hunter2@broker/"
	b, err := rabbitmq.New(config, "n1")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb, b); text != "rabbitmq at amqp://broker:5672/" {
			t.Errorf("%s printed %s", verb, text)
		}
	}
	if got := config.URL.Reveal(); got != "amqp://app:hunter2@broker/" {
		t.Errorf("Reveal returned %s", got)
	}
}

func TestNodeNames(t *testing.T) {
	for _, name := range []string{"", "*", "a.#", "a b", strings.Repeat("n", 65)} {
		if _, err := rabbitmq.New(rabbitmq.Defaults(), name); err == nil {
			t.Errorf("node name %q was taken", name)
		}
	}
}

func TestCertificatesAreReadAtOnce(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*rabbitmq.Config){
		"tls-ca-file: open":   func(c *rabbitmq.Config) { c.TLSCAFile = empty + "x" },
		"has no certificates": func(c *rabbitmq.Config) { c.TLSCAFile = empty },
		"tls-cert-file":       func(c *rabbitmq.Config) { c.TLSCertFile, c.TLSKeyFile = empty, empty },
	} {
		config := rabbitmq.Defaults()
		config.URL = "amqps://app:hunter2@broker/"
		spoil(&config)
		if _, err := rabbitmq.New(config, "n1"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}
