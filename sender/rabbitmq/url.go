package rabbitmq

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Errors of URLs. They and what they wrap have nothing of the URL: where it is
// read wrongly, a part of the password may stand anywhere.
var (
	errURL        = errors.New("url is not amqp://user:password@host:port/vhost or amqps://…, with reserved characters in user, password and vhost percent-encoded")
	errParameters = errors.New("url has parameters beside auth_mechanism; heartbeat and TLS have keys of their own")
	errMechanism  = errors.New("url has an auth_mechanism that is not plain, amqplain or external")
)

// mechanisms are what the client library can log in with.
var mechanisms = []string{"plain", "amqplain", "external"}

// parseURL reads the broker's URL. It refuses what url.Parse takes only because a reserved
// character in the password makes other parts of the rest.
func parseURL(text string) (amqp.URI, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || !strings.HasPrefix(parsed.Host, "[") && strings.Contains(parsed.Hostname(), ":") ||
		parsed.Fragment != "" || strings.Contains(parsed.EscapedPath(), "@") {
		return amqp.URI{}, errURL
	}
	for name, values := range parsed.Query() {
		if name != "auth_mechanism" {
			return amqp.URI{}, errParameters
		}
		for _, value := range values {
			if !slices.Contains(mechanisms, strings.ToLower(value)) {
				return amqp.URI{}, errMechanism
			}
		}
	}
	uri, err := amqp.ParseURI(text)
	if err != nil {
		return amqp.URI{}, errURL
	}
	return uri, nil
}

// where names the broker in errors.
func where(uri amqp.URI) string {
	text := uri.Scheme + "://" + net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port)) + "/"
	if uri.Vhost != "/" {
		text += uri.Vhost
	}
	return text
}
