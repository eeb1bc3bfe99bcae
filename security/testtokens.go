package security

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/switchboard-go/switchboard/websocket"
)

// TestTokens returns an interceptor for development that believes tokens of the
// form test<userId> or test<userId>:<userType>, yudao's mock tokens: "test1" is
// the user "1" of type websocket.Admin, "test1:1" the one of type
// websocket.Member. The user id is any text without a colon, at most
// websocket.MaxNameLength bytes; the tenant stays empty. Real tokens that begin
// with "test" are taken for test tokens as well.
//
// Requests with any other token, or none, go to next; without a next they are
// refused with 401.
//
// Anybody can be anybody while it is in use, so it logs a warning when it is
// made. The interceptor is safe for concurrent use.
func TestTokens(log *slog.Logger) websocket.HandshakeInterceptor {
	log.Warn("test tokens are accepted: anybody can connect as any user; never use this in production")
	return func(next websocket.Authenticator) websocket.Authenticator {
		if next == nil {
			next = func(*http.Request) (websocket.LoginUser, error) {
				return websocket.LoginUser{}, websocket.Unauthenticated(errNoTestToken)
			}
		}
		return func(r *http.Request) (websocket.LoginUser, error) {
			if user, ok := testUser(BearerToken(r)); ok {
				return admit(user)
			}
			return next(r)
		}
	}
}

var errNoTestToken = errors.New("the request has no test token")

func testUser(token string) (websocket.LoginUser, bool) {
	name, ok := strings.CutPrefix(token, "test")
	id, typeText, typed := strings.Cut(name, ":")
	if !ok || id == "" {
		return websocket.LoginUser{}, false
	}
	user := websocket.LoginUser{ID: id, Type: websocket.Admin}
	if typed {
		n, err := strconv.Atoi(typeText)
		if err != nil {
			return websocket.LoginUser{}, false
		}
		user.Type = websocket.UserType(n)
	}
	return user, true
}
