package security

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"strings"
)

// SharedSecret returns a middleware that lets only those requests through that
// carry secret as "Authorization: Bearer <secret>". It is for endpoints that
// programs call: nothing but this header counts, neither query parameters nor a
// value without the scheme.
//
// Other requests are answered with 401 and a JSON body of status, code and
// message that says nothing about what was sent or expected. The time of the
// comparison tells nothing of the secret, its length included. The middleware
// is safe for concurrent use.
//
// An empty secret is an error, and so is one with white space around it, as
// from a file with a final newline: no header could ever carry it.
func SharedSecret(secret string) (func(http.Handler) http.Handler, error) {
	if secret == "" {
		return nil, errors.New("the shared secret is empty")
	}
	if strings.TrimSpace(secret) != secret {
		return nil, errors.New("the shared secret has white space around it")
	}
	// Hashes have one length, which ConstantTimeCompare needs to be constant in time.
	want := sha256.Sum256([]byte(secret))
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			credentials, ok := bearerCredentials(r.Header.Get("Authorization"))
			got := sha256.Sum256([]byte(credentials))
			if !ok || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("WWW-Authenticate", "Bearer")
				w.WriteHeader(http.StatusUnauthorized)
				// A client that is gone does not miss the body.
				_, _ = io.WriteString(w, `{"status":401,"code":"unauthenticated","message":"a valid secret is required"}`)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}
