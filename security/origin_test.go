package security_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/security"
)

func allows(t *testing.T, host string, origins []string, patterns ...string) bool {
	t.Helper()
	check, err := security.Origins(patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return check(&http.Request{Host: host, Header: http.Header{"Origin": origins}})
}

func TestSameOrigin(t *testing.T) {
	for _, test := range []struct {
		host, origin string
		want         bool
	}{
		{"app.example.com", "https://app.example.com", true},
		{"app.example.com", "http://app.example.com", true}, // TLS may end at a proxy
		{"app.example.com:443", "https://app.example.com", true},
		{"app.example.com", "https://app.example.com:443", true},
		{"app.example.com:80", "http://app.example.com", true},
		{"APP.example.com", "HTTPS://app.EXAMPLE.com", true},
		{"localhost:8080", "http://localhost:8080", true},
		{"127.0.0.1:8080", "http://127.0.0.1:8080", true},
		{"[::1]:8080", "http://[::1]:8080", true},
		{"[0:0:0:0:0:0:0:1]", "http://[::1]", true},
		{"[2001:DB8::1]", "http://[2001:db8::1]", true},
		{"my_host", "http://my_host", true},

		{"app.example.com", "http://app.example.com:443", false},
		{"app.example.com:443", "http://app.example.com", false},
		{"app.example.com:8443", "https://app.example.com", false},
		{"app.example.com", "https://app.example.com:8443", false},
		{"app.example.com", "https://example.com", false},
		{"example.com", "https://evilexample.com", false},
		{"example.com", "https://example.com.evil.com", false},
		{"example.com", "https://example.com@evil.com", false},
		{"example.com", "https://evil.com@example.com", false},
		{"example.com", "https://user:password@example.com", false},
		{"example.com", "https://evil.com#example.com", false},
		{"example.com", "https://evil.com\\.example.com", false},
		{"example.com", "https://example.com/", false},
		{"example.com", "https://example.com?", false},
		{"example.com", "https://example.com:", false},
		{"example.com", "https://example.com.", false},
		{"example.com.", "https://example.com.", false},
		{"example.com", "https://example.com:0443", false},
		{"example.com:70000", "https://example.com:70000", false},
		{"example.com", "https://example.com:443:443", false},
		{"example.com", "https://example.com\n", false},
		{"example.com", " https://example.com", false},
		{"example.com", "https://example.com https://example.com", false},
		{"example.com", "https://exam%70le.com", false},
		{"example.com", "//example.com", false},
		{"example.com", "example.com", false},
		{"example.com", "https:example.com", false},
		{"example.com", "null", false},
		{"null", "null", false},
		{"example.com", "", false},
		{"", "", false},
		{"", "https://", false},
		{"*.example.com", "https://*.example.com", false},
		{"book.com", "https://boo\u212a.com", false}, // the Kelvin sign is a k in lower case
		{"bücher.example", "https://bücher.example", false},
		{"[::1", "http://[::1", false},
		{"[::1]x", "http://[::1]x", false},
		{"[1.2.3.4]", "http://[1.2.3.4]", false},
		{"[fe80::1%25eth0]", "http://[fe80::1%25eth0]", false},
		{"[:::]", "http://[:::]", false},
		{"localhost", "capacitor://localhost", false}, // that page is the app's own
		{"localhost:80", "capacitor://localhost:80", false},
	} {
		if got := allows(t, test.host, []string{test.origin}); got != test.want {
			t.Errorf("origin %q at host %q: allowed = %v, want %v", test.origin, test.host, got, test.want)
		}
	}
}

func TestOriginPatterns(t *testing.T) {
	for _, test := range []struct {
		pattern, origin string
		want            bool
	}{
		{"https://app.example.com", "https://app.example.com", true},
		{"https://app.example.com", "https://app.example.com:443", true},
		{"https://app.example.com:443", "https://app.example.com", true},
		{"HTTPS://App.Example.com", "https://app.example.COM", true},
		{"https://app.example.com:8443", "https://app.example.com:8443", true},
		{"http://[::1]:3000", "http://[0::1]:3000", true},
		{"capacitor://localhost", "capacitor://localhost", true},
		{"https://xn--bcher-kva.example", "https://xn--bcher-kva.example", true},
		{"https://app.example.com", "http://app.example.com", false},
		{"https://app.example.com", "http://app.example.com:443", false},
		{"https://app.example.com", "https://app.example.com:8443", false},
		{"https://app.example.com", "https://x.app.example.com", false},
		{"https://app.example.com", "https://example.com", false},
		{"https://app.example.com", "https://appxexample.com", false},

		{"https://*.example.com", "https://app.example.com", true},
		{"https://*.example.com", "https://a.b.example.com", true},
		{"https://*.Example.com", "https://APP.example.com:443", true},
		{"https://*.example.com:8443", "https://app.example.com:8443", true},
		{"https://*.example.com", "https://example.com", false},
		{"https://*.example.com", "https://.example.com", false},
		{"https://*.example.com", "https://*.example.com", false},
		{"https://*.example.com", "https://evilexample.com", false},
		{"https://*.example.com", "https://example.com.evil.com", false},
		{"https://*.example.com", "https://a.example.com.evil.com", false},
		{"https://*.example.com", "https://evil.com/.example.com", false},
		{"https://*.example.com", "https://evil.com:80.example.com", false},
		{"https://*.example.com", "https://evil.com@app.example.com", false},
		{"https://*.example.com", "https://app.example.com@evil.com", false},
		{"https://*.example.com", "https://app.example.com.", false},
		{"https://*.example.com", "https://app..example.com", false},
		{"https://*.example.com", "http://app.example.com", false},
		{"https://*.example.com", "http://app.example.com:443", false},
		{"https://*.example.com", "https://app.example.com:8443", false},
		{"https://*.example.com", "null", false},

		{"*", "https://evil.com", true},
		{"*", "null", true},
		{"*", "what is this", true},
	} {
		if got := allows(t, "other.test", []string{test.origin}, test.pattern); got != test.want {
			t.Errorf("pattern %q, origin %q: allowed = %v, want %v", test.pattern, test.origin, got, test.want)
		}
	}
}

func TestOriginsTogether(t *testing.T) {
	patterns := []string{"https://a.example.com", "https://*.b.example.com"}
	for _, test := range []struct {
		name    string
		origins []string
		want    bool
	}{
		{"no header", nil, true},
		{"first pattern", []string{"https://a.example.com"}, true},
		{"second pattern", []string{"https://x.b.example.com"}, true},
		{"same origin", []string{"https://ws.test"}, true},
		{"none of them", []string{"https://evil.com"}, false},
		{"two good headers", []string{"https://a.example.com", "https://a.example.com"}, false},
		{"an empty header", []string{""}, false},
	} {
		if got := allows(t, "ws.test", test.origins, patterns...); got != test.want {
			t.Errorf("%s: allowed = %v, want %v", test.name, got, test.want)
		}
	}
}

func TestMalformedOriginPatterns(t *testing.T) {
	for _, pattern := range []string{
		"", "null", "example.com", "//example.com", "://example.com", "https:example.com", "https://",
		"https://example.com/", "https://example.com/ws", "https://example.com?a", "https://example.com#a",
		"https://example.com:", "https://example.com:*", "https://example.com:0", "https://example.com:65536", "https://example.com.",
		"https://user@example.com", " https://example.com", "https://bücher.example", "https://[::1", "https://[1.2.3.4]",
		"**", "*.example.com", "*://example.com", "https://*", "https://*.", "https://*example.com", "https://a.*.example.com",
		"https://*.*.example.com", "https://**.example.com", "https://a://*.example.com", "https://*.com", "https://*.localhost",
		"https://*.3.4", "https://*.1.2.3.4", "https://*.[::1]", "https://*.[::ffff:1.2.3.4]",
	} {
		// The good patterns show that one bad pattern is enough.
		check, err := security.Origins("*", pattern, "https://example.com")
		if err == nil || check != nil {
			t.Errorf("pattern %q is accepted", pattern)
			continue
		}
		if !strings.Contains(err.Error(), `"`+pattern+`"`) {
			t.Errorf("error %q does not name the pattern %q", err, pattern)
		}
	}
}

// FuzzOrigin compares with net/url, which reads origins in its own way.
func FuzzOrigin(f *testing.F) {
	check, err := security.Origins("https://*.example.com", "https://exact.test:8443")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("https://app.example.com", "ws.test")
	f.Add("https://evilexample.com", "ws.test")
	f.Add("https://exact.test:8443", "ws.test")
	f.Add("http://[::1]:80", "[::1]")
	f.Add("https://evil.com@app.example.com", "ws.test:443")
	f.Fuzz(func(t *testing.T, text, host string) {
		if !check(&http.Request{Host: host, Header: http.Header{"Origin": {text}}}) {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
			t.Fatalf("origin %q is allowed, which url.Parse reads as %+v, %v", text, u, err)
		}
		name := strings.ToLower(u.Hostname())
		server, err := url.Parse("//" + host)
		switch {
		case err == nil && sameName(server.Hostname(), name):
		case strings.HasSuffix(name, ".example.com") && u.Scheme == "https" && (u.Port() == "" || u.Port() == "443"):
		case name == "exact.test" && u.Scheme == "https" && u.Port() == "8443":
		default:
			t.Fatalf("origin %q is allowed at host %q", text, host)
		}
	})
}

func sameName(a, b string) bool {
	addressA, errA := netip.ParseAddr(a)
	addressB, errB := netip.ParseAddr(b)
	if errA == nil && errB == nil {
		return addressA == addressB
	}
	return strings.EqualFold(a, b)
}

// FuzzOriginPattern lets somebody else register a domain that begins or ends
// like the pattern's.
func FuzzOriginPattern(f *testing.F) {
	f.Add("https://app.example.com")
	f.Add("https://*.example.com:8443")
	f.Add("http://[::1]:80")
	f.Add("*.example.com")
	f.Fuzz(func(t *testing.T, pattern string) {
		check, err := security.Origins(pattern)
		if err != nil || pattern == "*" || strings.Contains(strings.ToLower(pattern), "evil") {
			return
		}
		u, err := url.Parse(strings.Replace(pattern, "://*.", "://", 1))
		if err != nil {
			t.Fatalf("pattern %q is accepted, and url.Parse says %v", pattern, err)
		}
		port := ""
		if u.Port() != "" {
			port = ":" + u.Port()
		}
		for _, foreign := range []string{
			"evil" + u.Hostname(), u.Hostname() + ".evil.test", u.Hostname() + "evil", "evil.test", "a.evil" + u.Hostname(),
		} {
			origin := u.Scheme + "://" + foreign + port
			if check(&http.Request{Host: "ws.test", Header: http.Header{"Origin": {origin}}}) {
				t.Errorf("pattern %q allows %q", pattern, origin)
			}
		}
	})
}
