package security

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// backendRetryAfter is when a client may try again after the check of its token
// got no answer: long enough to spare a backend that is restarting.
const backendRetryAfter = 5 * time.Second

// FromToken returns an Authenticator that asks verify whose token it is that
// the request carries, as found by BearerToken. It is safe for concurrent use
// where verify is.
//
// verify gets the request's context, which has no deadline of its own, and a
// token that is never empty. Its error refuses the handshake:
//
//   - one that is or wraps a *websocket.Refusal is returned as it is. A verify
//     that asks a backend should answer the backend's failures so, with 503,
//     because a client takes 401 for the end of its login;
//   - one that wraps context.DeadlineExceeded or context.Canceled becomes 503,
//     to be tried again after 5 seconds, since no answer says nothing about the
//     token;
//   - any other becomes 401.
//
// Errors are logged, so verify must keep the token out of them: a *url.Error
// shows the URL that was asked for.
//
// A request without a token is refused with 401 and verify is not called. So is
// a user that verify should not have returned: one without an ID, with an ID or
// Tenant over websocket.MaxNameLength, or whose login has ended.
func FromToken(verify func(ctx context.Context, token string) (websocket.LoginUser, error)) websocket.Authenticator {
	return func(r *http.Request) (websocket.LoginUser, error) {
		token := BearerToken(r)
		if token == "" {
			return websocket.LoginUser{}, websocket.Unauthenticated(errNoToken)
		}
		user, err := verify(r.Context(), token)
		if err != nil {
			return websocket.LoginUser{}, refusalFor(err)
		}
		return admit(user)
	}
}

var errNoToken = errors.New("the request has no token")

func refusalFor(err error) error {
	if _, ok := errors.AsType[*websocket.Refusal](err); ok {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &websocket.Refusal{
			Status:     http.StatusServiceUnavailable,
			Code:       "authentication_unavailable",
			Message:    "the login cannot be checked at the moment",
			RetryAfter: backendRetryAfter,
			Err:        err,
		}
	}
	return websocket.Unauthenticated(err)
}

// admit returns user where it can own a session, and else a refusal.
func admit(user websocket.LoginUser) (websocket.LoginUser, error) {
	var cause error
	switch {
	case user.ID == "":
		cause = errors.New("the user has no id")
	case len(user.ID) > websocket.MaxNameLength:
		cause = fmt.Errorf("the user's id is longer than %d bytes", websocket.MaxNameLength)
	case len(user.Tenant) > websocket.MaxNameLength:
		cause = fmt.Errorf("the user's tenant is longer than %d bytes", websocket.MaxNameLength)
	case !user.ExpiresAt.IsZero() && !time.Now().Before(user.ExpiresAt):
		cause = errors.New("the user's login has expired")
	default:
		return user, nil
	}
	return websocket.LoginUser{}, websocket.Unauthenticated(cause)
}
