package websocket

import (
	"fmt"
	"net/http"
	"time"
)

// An Authenticator decides from the handshake's HTTP request who is connecting.
// It runs before the upgrade, on the request's goroutine, and must be safe for
// concurrent use; the request's context ends when the client goes away.
//
// An error refuses the connection: a *Refusal with its own status, any other
// error with 401. The error's text is logged and never sent. A panic is
// contained and answered with 500.
type Authenticator func(*http.Request) (LoginUser, error)

// A HandshakeInterceptor wraps an Authenticator, to refuse before it, to change
// what it found, or to take note of either.
type HandshakeInterceptor func(next Authenticator) Authenticator

// Refusal is the error that answers a handshake with an HTTP status of its own.
// The client gets Status and a JSON body {"status":…,"code":…,"message":…}.
type Refusal struct {
	// Status is the HTTP status: 400, 401, 403, 426, 429, 500 or 503.
	Status int
	// Code names the reason for programs, in lower case with underscores,
	// for example "too_many_connections".
	Code string
	// Message explains it to people. It is sent to the client.
	Message string
	// RetryAfter, when positive, is sent as the Retry-After header, rounded up
	// to whole seconds.
	RetryAfter time.Duration
	// Err is the cause, for the log only; it may be nil.
	Err error
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("handshake refused with %d %s: %v", r.Status, r.Code, r.Err)
	}
	return fmt.Sprintf("handshake refused with %d %s", r.Status, r.Code)
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// Unauthenticated returns the refusal for a missing or bad credential, 401.
func Unauthenticated(cause error) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Code: "unauthenticated", Message: "a valid token is required", Err: cause}
}
