package rocketmq

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

// Config is the section sender-rocketmq of a configuration. Defaults returns one
// to start from.
type Config struct {
	// NameServers are host:port of the name servers; one after the other is asked
	// until one answers. Default: 127.0.0.1:9876.
	NameServers []string `koanf:"name-servers"`
	// Topic takes the packets, and sets applications apart. It has 1 to 127
	// letters, digits, hyphens and underscores. Default: app-websocket.
	Topic string `koanf:"topic"`
	// ConsumerGroup is what the nodes call themselves to the brokers, whose
	// permissions and statistics go by it. It decides nothing about who gets what:
	// every node gets everything. Default: app-websocket-consumer.
	ConsumerGroup string `koanf:"consumer-group"`
	// AccessKey names the user where the brokers have access control. The user
	// needs to publish to the topic and to subscribe to it in the group. Default:
	// none.
	AccessKey string `koanf:"access-key"`
	// SecretKey signs the user's requests. Default: none.
	SecretKey sender.Secret `koanf:"secret-key"`
	// CreateTopic has a topic that does not exist created, with four queues at
	// each broker; where there is access control the user must be an administrator
	// for that. Where the brokers let their clients create topics
	// (autoCreateTopicEnable) one is created anyway. Default: false.
	CreateTopic bool `koanf:"create-topic"`
	// TLS encrypts the connections and verifies the name servers and the brokers.
	// Default: false.
	TLS bool `koanf:"tls"`
	// TLSCAFile has the certificates, in PEM, that the servers are verified by.
	// Default: the system's.
	TLSCAFile string `koanf:"tls-ca-file"`
	// TLSCertFile and TLSKeyFile are the node's own certificate and its key, in
	// PEM. Default: none.
	TLSCertFile string `koanf:"tls-cert-file"`
	TLSKeyFile  string `koanf:"tls-key-file"`
}

// Defaults returns the configuration for a RocketMQ on this machine.
func Defaults() Config {
	return Config{
		NameServers:   []string{"127.0.0.1:9876"},
		Topic:         "app-websocket",
		ConsumerGroup: "app-websocket-consumer",
	}
}

// What RocketMQ takes as a name.
var validName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// Validate returns what is wrong, by key; nil where nothing is. It reads no
// files.
func (c Config) Validate() error {
	var errs []error
	if len(c.NameServers) == 0 {
		errs = append(errs, errors.New("name-servers is empty, and needs at least one host:port"))
	}
	for _, addr := range c.NameServers {
		if err := checkAddr(addr); err != nil {
			errs = append(errs, err)
		}
	}
	for _, name := range []struct {
		key, value string
		most       int
	}{{"topic", c.Topic, 127}, {"consumer-group", c.ConsumerGroup, 120}} {
		if len(name.value) > name.most || !validName.MatchString(name.value) {
			errs = append(errs, fmt.Errorf("%s must have 1 to %d letters, digits, hyphens and underscores, not %.40q", name.key, name.most, name.value))
		}
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		errs = append(errs, errors.New("access-key and secret-key need each other"))
	}
	if !c.TLS && c.TLSCAFile+c.TLSCertFile+c.TLSKeyFile != "" {
		errs = append(errs, errors.New("tls-ca-file, tls-cert-file and tls-key-file need tls"))
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		errs = append(errs, errors.New("tls-cert-file and tls-key-file need each other"))
	}
	return errors.Join(errs...)
}

// checkAddr does not show an address with an @: it may be a URL with a password.
func checkAddr(addr string) error {
	if strings.Contains(addr, "@") {
		return errors.New("name-servers has host:port only: access-key and secret-key are keys of their own")
	}
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil && n != 0 {
			return nil
		}
	}
	return fmt.Errorf("name-servers has %.60q, which is not host:port", addr)
}

// tls returns nil where there is none.
func (c Config) tls() (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	return driver.TLS(c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile)
}

// where names the topic in errors.
func (c Config) where() string {
	return fmt.Sprintf("rocketmq %s, topic %s", strings.Join(c.NameServers, ","), c.Topic)
}
