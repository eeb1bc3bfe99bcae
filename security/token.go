package security

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
)

// maxTokenLength is generous for a JWT and keeps what a client can make an
// authenticator parse, hash or forward small.
const maxTokenLength = 8 << 10

// BearerToken returns the token that r carries, or the empty string where there
// is none. It looks at these places and takes the first that holds a token:
//
//  1. the first Authorization header, with the scheme Bearer in any case. A
//     value without a scheme is a token too, since yudao's front ends send
//     that; the credentials of any other scheme are not;
//  2. the first query parameter "token";
//  3. the first entry "bearer.<token>" among the subprotocols, in all
//     Sec-WebSocket-Protocol headers, with the token percent-encoded as by
//     JavaScript's encodeURIComponent.
//
// A token over 8 KiB counts as none; the places after it are not tried. The
// token is as the client sent it: it may hold any bytes.
func BearerToken(r *http.Request) string {
	token := cmp.Or(
		authorizationToken(r.Header.Get("Authorization")),
		r.URL.Query().Get("token"),
		subprotocolToken(r.Header.Values("Sec-WebSocket-Protocol")),
	)
	if len(token) > maxTokenLength {
		return ""
	}
	return token
}

func authorizationToken(authorization string) string {
	if token, ok := bearerCredentials(authorization); ok {
		return token
	}
	if strings.Contains(authorization, " ") { // the credentials of another scheme
		return ""
	}
	return authorization
}

// bearerCredentials returns what follows the scheme Bearer, and whether that is
// the scheme. The credentials can be empty.
func bearerCredentials(authorization string) (string, bool) {
	scheme, credentials, _ := strings.Cut(authorization, " ")
	return strings.TrimSpace(credentials), strings.EqualFold(scheme, "Bearer")
}

func subprotocolToken(headers []string) string {
	for _, header := range headers {
		for entry := range strings.SplitSeq(header, ",") {
			if escaped, ok := strings.CutPrefix(strings.TrimSpace(entry), "bearer."); ok {
				// Not QueryUnescape: encodeURIComponent writes a space as %20 and
				// browsers may leave a plus sign as it is. What cannot be decoded is empty.
				token, _ := url.PathUnescape(escaped)
				return token
			}
		}
	}
	return ""
}
