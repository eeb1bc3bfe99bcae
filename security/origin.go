package security

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Origins returns a check of where a request comes from, for the CheckOrigin of
// a websocket.Server. Browsers do not apply the same-origin policy to
// WebSockets: without the check any page that a user visits could connect in
// the user's name, wherever the login is something that browsers send by
// themselves, such as a cookie. The check is safe for concurrent use.
//
// It allows a request
//
//   - without an Origin header, which is not a browser's;
//   - of the same origin: host and port of the Origin header are those of the
//     request's Host header. The scheme is not compared except for its default
//     port, because behind a proxy that ends TLS the server does not know its
//     own. Where a proxy changes Host, the public origin has to be a pattern;
//   - whose origin matches one of the patterns.
//
// A pattern is one of
//
//   - an origin, "https://app.example.com" or "https://app.example.com:8443".
//     Schemes of apps, as in "capacitor://localhost", are fine;
//   - "https://*.example.com": every name below example.com at any depth, not
//     example.com itself, with this scheme and port. The domain has two labels
//     or more; that nobody else registers names below it, as they do below
//     co.uk, is for the caller to know;
//   - "*": everything, as if there were no check. With it, every page on the web can
//     connect in the name of its visitors.
//
// Hosts are compared without regard to case, and default ports may be written
// or left out. International names are not converted: write them in their
// xn-- form, as browsers send them. Anything else in the header is refused: the
// origin "null" of sandboxed frames and local files, several Origin headers,
// a host with a trailing dot, and what is not an origin at all.
//
// A malformed pattern is an error, which names it.
func Origins(patterns ...string) (func(*http.Request) bool, error) {
	var allowed []originPattern
	everything := false
	for _, text := range patterns {
		if text == "*" {
			everything = true
			continue
		}
		pattern, err := parseOriginPattern(text)
		if err != nil {
			return nil, err
		}
		allowed = append(allowed, pattern)
	}
	if everything {
		return func(*http.Request) bool { return true }, nil
	}
	return func(r *http.Request) bool {
		headers := r.Header.Values("Origin")
		if len(headers) != 1 {
			return len(headers) == 0
		}
		o, ok := parseOrigin(headers[0])
		if !ok {
			return false
		}
		if o.isHost(r.Host) {
			return true
		}
		for _, pattern := range allowed {
			if pattern.matches(o) {
				return true
			}
		}
		return false
	}, nil
}

// An origin is the triple that RFC 6454 compares, in one spelling, so that ==
// compares origins.
type origin struct {
	scheme string
	host   string // in lower case; an IPv6 address in brackets
	port   uint64 // the scheme's default where none is given; 0 where it has none
}

var defaultPorts = map[string]uint64{"http": 80, "https": 443}

// originSyntax is stricter than url.Parse: no userinfo, path, escape, empty
// label or empty port, and ASCII only. It spells out both cases because (?i)
// and strings.ToLower take the Kelvin sign for a k.
var originSyntax = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://` +
	`([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])` +
	`(?::([1-9][0-9]{0,4}))?$`)

func parseOrigin(text string) (origin, bool) {
	match := originSyntax.FindStringSubmatch(text)
	if match == nil {
		return origin{}, false
	}
	o := origin{scheme: strings.ToLower(match[1]), host: strings.ToLower(match[2])}
	o.port = defaultPorts[o.scheme]
	if match[3] != "" {
		var err error
		if o.port, err = strconv.ParseUint(match[3], 10, 16); err != nil {
			return origin{}, false
		}
	}
	if o.host[0] == '[' {
		address, err := netip.ParseAddr(o.host[1 : len(o.host)-1])
		if err != nil || !address.Is6() {
			return origin{}, false
		}
		o.host = "[" + address.String() + "]"
	}
	return o, true
}

// isHost reports whether a page of o asks the very server that it came from. A
// host without a port has the default one of the page's scheme, the only scheme
// that is known. Other schemes than the web's come from no server.
func (o origin) isHost(host string) bool {
	if defaultPorts[o.scheme] == 0 {
		return false
	}
	server, ok := parseOrigin(o.scheme + "://" + host)
	return ok && server == o
}

type originPattern struct {
	origin
	below bool // names below host, and not host itself
}

func parseOriginPattern(text string) (originPattern, error) {
	scheme, domain, below := strings.Cut(text, "://*.")
	plain := text
	if below {
		plain = scheme + "://" + domain
	}
	o, ok := parseOrigin(plain)
	if !ok {
		return originPattern{}, fmt.Errorf("origin pattern %q is none of *, scheme://host[:port] and scheme://*.domain[:port] without a path", text)
	}
	if below && !isDomain(o.host) {
		return originPattern{}, fmt.Errorf("origin pattern %q: *. must be followed by a domain of two labels or more", text)
	}
	return originPattern{o, below}, nil
}

// isDomain tells a domain that has owners from a top-level one and from a part
// of an IP address: "*.3.4" would match the address 1.2.3.4.
func isDomain(host string) bool {
	dot := strings.LastIndexByte(host, '.')
	return host[0] != '[' && dot >= 0 && strings.Trim(host[dot+1:], "0123456789") != ""
}

func (p originPattern) matches(o origin) bool {
	if p.below {
		return o.scheme == p.scheme && o.port == p.port && strings.HasSuffix(o.host, "."+p.host)
	}
	return o == p.origin
}
