package security_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/switchboard-go/switchboard/security"
	"github.com/switchboard-go/switchboard/websocket"
)

// Who connects is looked up by token, at most 2 times at once and once a second
// in the long run for each client address.
func Example() {
	logins := map[string]websocket.LoginUser{
		"3f6c": {ID: "1024", Type: websocket.Member},
	}
	authenticate := security.LimitHandshakes(1, 2)(
		security.FromToken(func(_ context.Context, token string) (websocket.LoginUser, error) {
			user, ok := logins[token]
			if !ok {
				return websocket.LoginUser{}, errors.New("unknown token")
			}
			return user, nil
		}))

	for _, path := range []string{"/infra/ws?token=3f6c", "/infra/ws?token=guess", "/infra/ws?token=guess"} {
		user, err := authenticate(httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Printf("user %q, error: %v\n", user.ID, err)
	}
	// Output:
	// user "1024", error: <nil>
	// user "", error: handshake refused with 401 unauthenticated: unknown token
	// user "", error: handshake refused with 429 too_many_handshakes
}

func ExampleOrigins() {
	check, err := security.Origins("https://*.example.com")
	if err != nil {
		panic(err)
	}
	for _, origin := range []string{"https://chat.example.com", "https://evilexample.com", "https://ws.test"} {
		r := httptest.NewRequest(http.MethodGet, "https://ws.test/infra/ws", nil)
		r.Header.Set("Origin", origin)
		fmt.Println(origin, check(r))
	}

	_, err = security.Origins("https://chat.example.com/")
	fmt.Println(err)
	// Output:
	// https://chat.example.com true
	// https://evilexample.com false
	// https://ws.test true
	// origin pattern "https://chat.example.com/" is none of *, scheme://host[:port] and scheme://*.domain[:port] without a path
}

func ExampleSharedSecret() {
	protect, err := security.SharedSecret("4kq9-rpc")
	if err != nil {
		panic(err)
	}
	endpoint := protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "sent")
	}))

	for _, authorization := range []string{"Bearer 4kq9-rpc", "Bearer guess"} {
		r := httptest.NewRequest(http.MethodPost, "/rpc/send", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		endpoint.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 sent
	// 401 {"status":401,"code":"unauthenticated","message":"a valid secret is required"}
}
