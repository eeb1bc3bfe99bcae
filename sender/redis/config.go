package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

// Mode is how packets go through Redis.
type Mode string

// The modes; the package comment compares them.
const (
	PubSub Mode = "pubsub"
	Stream Mode = "stream"
)

// Config is the section sender-redis of a configuration. Defaults returns one to
// start from.
type Config struct {
	// Addrs are host:port of the server, or of the sentinels where MasterName is
	// set, or else, where there are several, of some servers of a Redis Cluster.
	// Default: 127.0.0.1:6379.
	Addrs []string `koanf:"addrs"`
	// Cluster says that a single address is one of a Redis Cluster. Default: false.
	Cluster bool `koanf:"cluster"`
	// MasterName is what the sentinels call the server. Default: no sentinels.
	MasterName string `koanf:"master-name"`
	// Username is the ACL user. Default: Redis's own, "default".
	Username string `koanf:"username"`
	// Password is that of the user. Default: none.
	Password sender.Secret `koanf:"password"`
	// SentinelUsername and SentinelPassword are for the sentinels themselves.
	// Default: none.
	SentinelUsername string        `koanf:"sentinel-username"`
	SentinelPassword sender.Secret `koanf:"sentinel-password"`
	// DB is the number of the database. A Redis Cluster has only 0. Default: 0.
	DB int `koanf:"db"`
	// TLS encrypts the connections and verifies the servers. Default: false.
	TLS bool `koanf:"tls"`
	// TLSCAFile has the certificates, in PEM, that the servers are verified by.
	// Default: the system's.
	TLSCAFile string `koanf:"tls-ca-file"`
	// TLSCertFile and TLSKeyFile are the node's own certificate and its key, in
	// PEM. Redis asks for them unless its tls-auth-clients is no. Default: none.
	TLSCertFile string `koanf:"tls-cert-file"`
	TLSKeyFile  string `koanf:"tls-key-file"`
	// Channel sets applications apart: every name on Redis begins with it. It has
	// no spaces and no braces. Default: app-websocket.
	Channel string `koanf:"channel"`
	// Mode is pubsub or stream. All nodes need the same. Default: pubsub.
	Mode Mode `koanf:"mode"`
	// StreamMaxLen is about how many packets the stream keeps, and so how many a
	// node that was cut off can catch up with; 1000 at least. With packets of 1 KiB
	// the default takes 130 MB of Redis's memory. Default: 100000.
	StreamMaxLen int64 `koanf:"stream-max-len"`
}

// Defaults returns the configuration for a Redis on this machine.
func Defaults() Config {
	return Config{
		Addrs:        []string{"127.0.0.1:6379"},
		Channel:      "app-websocket",
		Mode:         PubSub,
		StreamMaxLen: 100_000,
	}
}

// Validate returns what is wrong, by key; nil where nothing is. It reads no
// files and asks no server.
func (c Config) Validate() error {
	var errs []error
	wrong := func(format string, values ...any) { errs = append(errs, fmt.Errorf(format, values...)) }
	if len(c.Addrs) == 0 {
		wrong("addrs is empty, and needs at least one host:port")
	}
	for _, addr := range c.Addrs {
		if err := checkAddr(addr); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Cluster && c.MasterName != "" {
		wrong("cluster and master-name exclude each other: sentinels do not watch a Redis Cluster")
	}
	if c.MasterName == "" && (c.SentinelUsername != "" || c.SentinelPassword != "") {
		wrong("sentinel-username and sentinel-password need master-name, without which there are no sentinels")
	}
	if c.Username != "" && c.Password == "" {
		wrong("username needs password, without which nobody logs in")
	}
	if c.SentinelUsername != "" && c.SentinelPassword == "" {
		wrong("sentinel-username needs sentinel-password, without which nobody logs in")
	}
	switch {
	case c.DB < 0:
		wrong("db must not be negative, as %d is", c.DB)
	case c.DB > 0 && c.isCluster():
		wrong("db must be 0, not %d: a Redis Cluster has no other", c.DB)
	}
	if c.TLSCAFile+c.TLSCertFile+c.TLSKeyFile != "" && !c.TLS {
		wrong("tls-ca-file, tls-cert-file and tls-key-file need tls")
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		wrong("tls-cert-file and tls-key-file need each other")
	}
	errs = append(errs, c.validateBus())
	return errors.Join(errs...)
}

// validateBus is Validate for what a borrowed client does not bring.
func (c Config) validateBus() error {
	var errs []error
	if c.Channel == "" || len(c.Channel) > maxChannel || strings.ContainsFunc(c.Channel, notInChannel) {
		errs = append(errs, fmt.Errorf("channel must have 1 to %d bytes without spaces and braces, not %.40q", maxChannel, c.Channel))
	}
	if c.Mode != PubSub && c.Mode != Stream {
		errs = append(errs, fmt.Errorf("mode must be %s or %s, not %.40q", PubSub, Stream, c.Mode))
	}
	if c.StreamMaxLen < minStreamLen {
		errs = append(errs, fmt.Errorf("stream-max-len must be at least %d, not %d", minStreamLen, c.StreamMaxLen))
	}
	return errors.Join(errs...)
}

const (
	maxChannel   = 200
	minStreamLen = 1000
)

func notInChannel(r rune) bool {
	return r == '{' || r == '}' || unicode.IsSpace(r) || !unicode.IsPrint(r)
}

// checkAddr does not show an address with an @: it may be a URL with a password.
func checkAddr(addr string) error {
	if strings.Contains(addr, "@") {
		return errors.New("addrs has host:port only: username and password are keys of their own")
	}
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil && n != 0 {
			return nil
		}
	}
	return fmt.Errorf("addrs has %.60q, which is not host:port", addr)
}

func (c Config) isCluster() bool {
	return c.MasterName == "" && (c.Cluster || len(c.Addrs) > 1)
}

// open returns a client for the configuration. It does not connect yet.
func (c Config) open() (goredis.UniversalClient, error) {
	o := &goredis.UniversalOptions{
		Addrs:            c.Addrs,
		IsClusterMode:    c.isCluster(),
		MasterName:       c.MasterName,
		DB:               c.DB,
		Username:         c.Username,
		Password:         c.Password.Reveal(),
		SentinelUsername: c.SentinelUsername,
		SentinelPassword: c.SentinelPassword.Reveal(),
		// Only finding out who is in charge is done with this client itself.
		MaxRetries:               -1,
		MaxRedirects:             1,
		Protocol:                 2,
		DialTimeout:              dialTimeout,
		DialerRetries:            1,
		ReadTimeout:              ioTimeout,
		WriteTimeout:             ioTimeout,
		ContextTimeoutEnabled:    true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	var err error
	if o.TLSConfig, err = c.tls(); err != nil {
		return nil, err
	}
	return goredis.NewUniversalClient(o), nil
}

// tls returns what connections are encrypted with; nil where they are not.
func (c Config) tls() (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	return driver.TLS(c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile)
}

// where names the server in errors.
func (c Config) where() string {
	addrs := strings.Join(c.Addrs, ",")
	switch {
	case c.MasterName != "":
		return fmt.Sprintf("redis %s of the sentinels %s", c.MasterName, addrs)
	case c.isCluster():
		return "redis cluster " + addrs
	}
	return "redis " + addrs
}
