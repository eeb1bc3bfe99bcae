package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/sender"
)

func init() {
	sender.RegisterBroker("nats", func(node string, decode func(any) error) (sender.Broker, error) {
		c := Config{URL: "nats://127.0.0.1:4222", Subject: "app-websocket"}
		if err := decode(&c); err != nil {
			return nil, err
		}
		return NewBroker(c, node)
	})
}

// Config is the section sender-nats of a configuration.
type Config struct {
	// URL is where the server is, with a user and a password where it wants them.
	// Default: nats://127.0.0.1:4222.
	URL config.Secret `koanf:"url"`
	// Subject sets applications apart: all subjects begin with it. It has 1 to 64
	// letters, digits, hyphens and underscores. Default: app-websocket.
	Subject string `koanf:"subject"`
}

var subjectForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Validate returns what is wrong, without secrets; nil where nothing is.
func (c Config) Validate() error {
	if u, err := url.Parse(c.URL.Reveal()); err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Host == "" {
		return errors.New("nats: url is not like nats://127.0.0.1:4222")
	}
	if !subjectForm.MatchString(c.Subject) {
		return fmt.Errorf("nats: subject is %.40q, and needs 1 to 64 letters, digits, hyphens and underscores", c.Subject)
	}
	return nil
}
