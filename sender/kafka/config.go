package kafka

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

// Mechanism is how a user proves who he is, by SASL.
type Mechanism string

// The mechanisms. Plain shows the password to whoever reads along, unless TLS is
// used; the others never do.
const (
	Plain       Mechanism = "plain"
	ScramSHA256 Mechanism = "scram-sha-256"
	ScramSHA512 Mechanism = "scram-sha-512"
)

// Config is the section sender-kafka of a configuration. Defaults returns one to
// start from.
type Config struct {
	// Brokers are host:port of some brokers of the cluster, at least one of which
	// must be there to find the others by. Default: 127.0.0.1:9092.
	Brokers []string `koanf:"brokers"`
	// Topic sets applications apart. Default: app-websocket.
	Topic string `koanf:"topic"`
	// ConsumerGroup begins the client id of each node, its name ends it: quotas
	// and the brokers' logs go by that. There is no group on Kafka.
	// Default: app-websocket-consumer.
	ConsumerGroup string `koanf:"consumer-group"`
	// CreateTopic has a node make the topic where it is missing. Default: true.
	CreateTopic bool `koanf:"create-topic"`
	// Partitions is how many a topic is made with. Default: 3.
	Partitions int `koanf:"partitions"`
	// ReplicationFactor is what a topic is made with; zero leaves it to the
	// brokers. Default: 0.
	ReplicationFactor int `koanf:"replication-factor"`
	// Retention is how long a topic is made to keep packets, and so how long a node
	// can be cut off and miss nothing; 1m at least. Default: 10m.
	Retention time.Duration `koanf:"retention"`
	// MaxPayload is the largest packet in bytes. The topic's max.message.bytes must
	// be 1024 more than that. All nodes need the same. Default: 1000000, which fits
	// Kafka's own limit.
	MaxPayload int `koanf:"max-payload"`
	// Username is that of the SASL user. Default: none, and no SASL.
	Username string `koanf:"username"`
	// Password is that of the user. Default: none.
	Password sender.Secret `koanf:"password"`
	// Mechanism is plain, scram-sha-256 or scram-sha-512. Default: plain.
	Mechanism Mechanism `koanf:"mechanism"`
	// TLS encrypts the connections and verifies the brokers. Default: false.
	TLS bool `koanf:"tls"`
	// TLSCAFile has the certificates, in PEM, that the brokers are verified by.
	// Default: the system's.
	TLSCAFile string `koanf:"tls-ca-file"`
	// TLSCertFile and TLSKeyFile are the node's own certificate and its key, in
	// PEM. Default: none.
	TLSCertFile string `koanf:"tls-cert-file"`
	TLSKeyFile  string `koanf:"tls-key-file"`
}

// Defaults returns the configuration for a Kafka on this machine.
func Defaults() Config {
	return Config{
		Brokers:       []string{"127.0.0.1:9092"},
		Topic:         "app-websocket",
		ConsumerGroup: "app-websocket-consumer",
		CreateTopic:   true,
		Partitions:    3,
		Retention:     10 * time.Minute,
		MaxPayload:    1_000_000,
		Mechanism:     Plain,
	}
}

// Validate returns what is wrong, by key; nil where nothing is. It reads no
// files and asks no server.
func (c Config) Validate() error {
	var errs []error
	wrong := func(format string, values ...any) { errs = append(errs, fmt.Errorf(format, values...)) }
	if len(c.Brokers) == 0 {
		wrong("brokers is empty, and needs at least one host:port")
	}
	for _, broker := range c.Brokers {
		if err := checkAddr(broker); err != nil {
			errs = append(errs, err)
		}
	}
	if !topicName.MatchString(c.Topic) || c.Topic == "." || c.Topic == ".." {
		wrong("topic must have 1 to 249 letters, digits, dots, underscores and hyphens, unlike %.40q", c.Topic)
	}
	if !groupName.MatchString(c.ConsumerGroup) {
		wrong("consumer-group must have 1 to 200 letters, digits, dots, underscores and hyphens, unlike %.40q", c.ConsumerGroup)
	}
	if c.Partitions < 1 || c.Partitions > maxPartitions {
		wrong("partitions must be from 1 to %d, not %d", maxPartitions, c.Partitions)
	}
	if c.ReplicationFactor < 0 || c.ReplicationFactor > math.MaxInt16 {
		wrong("replication-factor must be from 0 to %d, not %d", math.MaxInt16, c.ReplicationFactor)
	}
	if c.Retention < time.Minute {
		wrong("retention must be at least 1m, not %s", c.Retention)
	}
	if c.MaxPayload < minPayload || c.MaxPayload > maxPayload {
		wrong("max-payload must be from %d to %d, not %d", minPayload, maxPayload, c.MaxPayload)
	}
	switch {
	case c.Mechanism != Plain && c.Mechanism != ScramSHA256 && c.Mechanism != ScramSHA512:
		wrong("mechanism must be %s, %s or %s, not %.40q", Plain, ScramSHA256, ScramSHA512, c.Mechanism)
	case (c.Username == "") != (c.Password == ""):
		wrong("username and password need each other")
	}
	if !c.TLS && c.TLSCAFile+c.TLSCertFile+c.TLSKeyFile != "" {
		wrong("tls-ca-file, tls-cert-file and tls-key-file need tls")
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		wrong("tls-cert-file and tls-key-file need each other")
	}
	return errors.Join(errs...)
}

var (
	topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
	groupName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,200}$`)
)

const (
	// maxPartitions is far more than a topic that every node reads should have.
	maxPartitions = 100
	minPayload    = 64 << 10
	// maxPayload can be read within seconds, and the room for a few of them is
	// not too much to wait for Receive.
	maxPayload = 16 << 20
)

// checkAddr does not show an address with an @: it may be a URL with a password.
func checkAddr(addr string) error {
	if strings.Contains(addr, "@") {
		return errors.New("brokers has host:port only: username and password are keys of their own")
	}
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil && n != 0 {
			return nil
		}
	}
	return fmt.Errorf("brokers has %.60q, which is not host:port", addr)
}

// dialer returns what connections are made with. It reads the files.
func (c Config) dialer(node string) (*dialer, error) {
	encryption, err := c.tls()
	if err != nil {
		return nil, err
	}
	mechanism, err := c.sasl()
	if err != nil {
		return nil, err
	}
	return &dialer{
		dial:      new(net.Dialer).DialContext,
		tls:       encryption,
		mechanism: mechanism,
		clientID:  c.ConsumerGroup + "-" + node,
	}, nil
}

// tls returns nil where there is none.
func (c Config) tls() (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	return driver.TLS(c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile)
}

// sasl returns nil where there is none.
func (c Config) sasl() (sasl.Mechanism, error) {
	if c.Username == "" {
		return nil, nil
	}
	algorithm := scram.SHA512
	switch c.Mechanism {
	case Plain:
		return plain.Mechanism{Username: c.Username, Password: c.Password.Reveal()}, nil
	case ScramSHA256:
		algorithm = scram.SHA256
	}
	mechanism, err := scram.Mechanism(algorithm, c.Username, c.Password.Reveal())
	if err != nil { // which shows the password
		return nil, errors.New("username or password has characters that SCRAM forbids")
	}
	return mechanism, nil
}
