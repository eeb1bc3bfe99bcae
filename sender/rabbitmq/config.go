package rabbitmq

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

// Config is the section sender-rabbitmq of a configuration. Defaults returns one
// to start from.
type Config struct {
	// URL is amqp://user:password@host:port/vhost, or amqps:// with TLS. In user,
	// password and vhost, reserved characters are percent-encoded; no path, or
	// only /, is the virtual host "/". The only parameter is auth_mechanism.
	// Default: amqp://guest:guest@127.0.0.1:5672/.
	URL sender.Secret `koanf:"url"`
	// Exchange is the name of the topic exchange. It sets applications apart.
	// Default: app-websocket-exchange.
	Exchange string `koanf:"exchange"`
	// Queue begins the names of the nodes' queues. Default: app-websocket-queue.
	Queue string `koanf:"queue"`
	// QueueExpiry is how long the queue of a node that is away is kept.
	// Default: 60s.
	QueueExpiry time.Duration `koanf:"queue-expiry"`
	// QueueMaxLength bounds the packets that wait in a node's queue; the oldest go
	// first. Default: 100000.
	QueueMaxLength int `koanf:"queue-max-length"`
	// QueueMaxBytes bounds their payloads in bytes; it cannot be less than
	// MaxPayload. Default: 67108864, which is 64 MiB.
	QueueMaxBytes int `koanf:"queue-max-bytes"`
	// Persistent has packets written to disk, so that they outlive the broker's
	// restart. All nodes need the same. Default: true.
	Persistent bool `koanf:"persistent"`
	// MaxPayload is the largest packet in bytes. It must not be above RabbitMQ's
	// max_message_size, which is 16 MiB in RabbitMQ 4. Default: 4194304, which is
	// 4 MiB.
	MaxPayload int `koanf:"max-payload"`
	// Prefetch bounds the packets that RabbitMQ sends ahead of their
	// acknowledgement. A node that stalls holds these and 64 more in memory, each
	// of at most MaxPayload. Default: 256.
	Prefetch int `koanf:"prefetch"`
	// Heartbeat is how often both ends give a sign of life, in whole seconds. A
	// dead link is noticed after one and a half of it. Default: 3s.
	Heartbeat time.Duration `koanf:"heartbeat"`
	// TLSCAFile has the certificates, in PEM, that the broker is verified by.
	// Default: the system's.
	TLSCAFile string `koanf:"tls-ca-file"`
	// TLSCertFile and TLSKeyFile are the node's own certificate and its key, in
	// PEM. Default: none.
	TLSCertFile string `koanf:"tls-cert-file"`
	TLSKeyFile  string `koanf:"tls-key-file"`
	// TLSServerName is the name in the broker's certificate. Default: the URL's host.
	TLSServerName string `koanf:"tls-server-name"`
}

// Defaults returns the configuration for a RabbitMQ on this machine.
func Defaults() Config {
	return Config{
		URL:            "amqp://guest:guest@127.0.0.1:5672/",
		Exchange:       "app-websocket-exchange",
		Queue:          "app-websocket-queue",
		QueueExpiry:    time.Minute,
		QueueMaxLength: 100_000,
		QueueMaxBytes:  64 << 20,
		Persistent:     true,
		MaxPayload:     4 << 20,
		Prefetch:       256,
		Heartbeat:      3 * time.Second,
	}
}

// Validate returns what is wrong, by key; nil where nothing is. It reads no
// files and asks no server.
func (c Config) Validate() error {
	var errs []error
	wrong := func(format string, values ...any) { errs = append(errs, fmt.Errorf(format, values...)) }
	uri, err := parseURL(c.URL.Reveal())
	if err != nil {
		errs = append(errs, err)
	}
	nameable := func(key, name string) {
		if name == "" || len(name) > maxName || strings.HasPrefix(name, "amq.") {
			wrong("%s must have 1 to %d bytes and not begin with amq., unlike %.40q", key, maxName, name)
		}
	}
	nameable("exchange", c.Exchange)
	nameable("queue", c.Queue)
	if c.QueueExpiry < time.Second || c.QueueExpiry > maxExpiry {
		wrong("queue-expiry must be from 1s to %s, not %s", maxExpiry, c.QueueExpiry)
	}
	if c.QueueMaxLength < minLength {
		wrong("queue-max-length must be at least %d, not %d", minLength, c.QueueMaxLength)
	}
	if c.MaxPayload < minPayload || c.MaxPayload > maxPayload {
		wrong("max-payload must be from %d to %d, not %d", minPayload, maxPayload, c.MaxPayload)
	}
	if c.QueueMaxBytes < c.MaxPayload {
		wrong("queue-max-bytes must be at least max-payload, which is %d, not %d", c.MaxPayload, c.QueueMaxBytes)
	}
	if c.Prefetch < 1 || c.Prefetch > math.MaxUint16 {
		wrong("prefetch must be from 1 to %d, not %d", math.MaxUint16, c.Prefetch)
	}
	if c.Heartbeat < time.Second || c.Heartbeat > time.Minute || c.Heartbeat%time.Second != 0 {
		wrong("heartbeat must be from 1s to 1m in whole seconds, not %s", c.Heartbeat)
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		wrong("tls-cert-file and tls-key-file need each other")
	}
	if err == nil && uri.Scheme != "amqps" && c.TLSCAFile+c.TLSCertFile+c.TLSKeyFile+c.TLSServerName != "" {
		wrong("tls-ca-file, tls-cert-file, tls-key-file and tls-server-name need an amqps:// url")
	}
	return errors.Join(errs...)
}

const (
	// maxName leaves room in AMQP's 255 bytes for the node and its start.
	maxName   = 127
	minLength = 1000
	// maxExpiry is below RabbitMQ's bound of 2^32 ms.
	maxExpiry  = 30 * 24 * time.Hour
	minPayload = 64 << 10
	// maxPayload is RabbitMQ 3's default for max_message_size.
	maxPayload = 128 << 20
)

// tls returns what an amqps connection is made with; nil for amqp.
func (c Config) tls(uri amqp.URI) (*tls.Config, error) {
	if uri.Scheme != "amqps" {
		return nil, nil
	}
	t, err := driver.TLS(c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile)
	if err == nil {
		t.ServerName = cmp.Or(c.TLSServerName, uri.Host)
	}
	return t, err
}
