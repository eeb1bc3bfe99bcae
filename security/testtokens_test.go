package security_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/security"
	"github.com/switchboard-go/switchboard/websocket"
)

func testTokens(t *testing.T) websocket.HandshakeInterceptor {
	return security.TestTokens(slog.New(slog.NewTextHandler(t.Output(), nil)))
}

func TestTestTokens(t *testing.T) {
	longest := strings.Repeat("x", websocket.MaxNameLength)
	errNext := errors.New("next was asked")
	authenticate := testTokens(t)(func(*http.Request) (websocket.LoginUser, error) {
		return websocket.LoginUser{}, errNext
	})

	for token, want := range map[string]websocket.LoginUser{
		"test1":                        {ID: "1", Type: websocket.Admin},
		"test1:1":                      {ID: "1", Type: websocket.Member},
		"test1:2":                      {ID: "1", Type: websocket.Admin},
		"test1:37":                     {ID: "1", Type: 37},
		"test用户 7":                     {ID: "用户 7", Type: websocket.Admin},
		"testtest":                     {ID: "test", Type: websocket.Admin},
		"test" + longest:               {ID: longest, Type: websocket.Admin},
		"":                             {}, // the zero user stands for next
		"test":                         {},
		"test:1":                       {},
		"test1:":                       {},
		"test1:x":                      {},
		"test1:2:3":                    {},
		"test1:2147483648999999999999": {},
		"Test1":                        {},
		"atest1":                       {},
		"abc":                          {},
	} {
		user, err := authenticate(httptest.NewRequest(http.MethodGet, "/ws?token="+url.QueryEscape(token), nil))
		if want.ID == "" {
			if !errors.Is(err, errNext) {
				t.Errorf("token %q: user %v, error %v, want that of next", token, user, err)
			}
			continue
		}
		if err != nil || user.ID != want.ID || user.Type != want.Type {
			t.Errorf("token %q: user %v, error %v, want %v", token, user, err, want)
		}
	}

	_, err := authenticate(httptest.NewRequest(http.MethodGet, "/ws?token=testx"+longest, nil))
	wantRefusal(t, err, http.StatusUnauthorized)
}

func TestTestTokensWithoutNext(t *testing.T) {
	authenticate := testTokens(t)(nil)
	if _, err := authenticate(httptest.NewRequest(http.MethodGet, "/ws?token=test1", nil)); err != nil {
		t.Error(err)
	}
	_, err := authenticate(httptest.NewRequest(http.MethodGet, "/ws?token=abc", nil))
	wantRefusal(t, err, http.StatusUnauthorized)
}

func TestTestTokensWarnsOnce(t *testing.T) {
	var log bytes.Buffer
	interceptor := security.TestTokens(slog.New(slog.NewTextHandler(&log, nil)))
	for range 2 {
		authenticate := interceptor(nil)
		authenticate(httptest.NewRequest(http.MethodGet, "/ws?token=test1", nil))
		authenticate(httptest.NewRequest(http.MethodGet, "/ws?token=abc", nil))
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("log is %q, want one warning", log.String())
	}
}
