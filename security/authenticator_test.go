package security_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchboard-go/switchboard/security"
	"github.com/switchboard-go/switchboard/websocket"
)

// wantRefusal checks that err is a refusal with the status and returns it.
func wantRefusal(t *testing.T, err error, status int) *websocket.Refusal {
	t.Helper()
	refusal, ok := errors.AsType[*websocket.Refusal](err)
	if !ok || refusal.Status != status {
		t.Fatalf("error = %v, want a refusal with status %d", err, status)
	}
	return refusal
}

func TestFromTokenAsksForTheUser(t *testing.T) {
	type key struct{}
	want := websocket.LoginUser{ID: "1024", Type: websocket.Member, Tenant: "7", ExpiresAt: time.Now().Add(time.Hour)}
	authenticate := security.FromToken(func(ctx context.Context, token string) (websocket.LoginUser, error) {
		if token != "abc" || ctx.Value(key{}) != "of the request" {
			t.Errorf("verify got token %q, and context value %v", token, ctx.Value(key{}))
		}
		return want, nil
	})

	r := httptest.NewRequest(http.MethodGet, "/ws?token=abc", nil)
	got, err := authenticate(r.WithContext(context.WithValue(t.Context(), key{}, "of the request")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
}

func TestFromTokenWithoutToken(t *testing.T) {
	authenticate := security.FromToken(func(context.Context, string) (websocket.LoginUser, error) {
		t.Error("verify was called")
		return websocket.LoginUser{ID: "1"}, nil
	})
	_, err := authenticate(httptest.NewRequest(http.MethodGet, "/ws", nil))
	wantRefusal(t, err, http.StatusUnauthorized)
}

func TestFromTokenMapsErrors(t *testing.T) {
	own := &websocket.Refusal{Status: http.StatusForbidden, Code: "banned"}
	for name, test := range map[string]struct {
		err    error
		status int
		code   string
		retry  bool
	}{
		"any":              {errors.New("expired"), http.StatusUnauthorized, "unauthenticated", false},
		"refusal":          {own, http.StatusForbidden, "banned", false},
		"wrapped refusal":  {fmt.Errorf("look-up: %w", own), http.StatusForbidden, "banned", false},
		"deadline":         {context.DeadlineExceeded, http.StatusServiceUnavailable, "authentication_unavailable", true},
		"wrapped deadline": {fmt.Errorf("look-up: %w", context.DeadlineExceeded), http.StatusServiceUnavailable, "authentication_unavailable", true},
		"canceled":         {context.Canceled, http.StatusServiceUnavailable, "authentication_unavailable", true},
		"refusal on a deadline": {
			&websocket.Refusal{Status: http.StatusForbidden, Code: "own", Err: context.DeadlineExceeded}, http.StatusForbidden, "own", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			authenticate := security.FromToken(func(context.Context, string) (websocket.LoginUser, error) {
				return websocket.LoginUser{ID: "1"}, test.err
			})
			user, err := authenticate(httptest.NewRequest(http.MethodGet, "/ws?token=abc", nil))
			refusal := wantRefusal(t, err, test.status)
			if refusal.Code != test.code || (refusal.RetryAfter > 0) != test.retry {
				t.Errorf("code %q, retry after %v; want %q, %v", refusal.Code, refusal.RetryAfter, test.code, test.retry)
			}
			if !errors.Is(err, test.err) {
				t.Errorf("error %v has lost its cause %v", err, test.err)
			}
			if user.ID != "" {
				t.Errorf("user %v beside an error", user)
			}
		})
	}
}

func TestFromTokenChecksTheUser(t *testing.T) {
	longest := strings.Repeat("x", websocket.MaxNameLength)
	synctest.Test(t, func(t *testing.T) { // stops the clock, for the edge of ExpiresAt
		for name, test := range map[string]struct {
			user websocket.LoginUser
			ok   bool
		}{
			"no id":           {websocket.LoginUser{}, false},
			"longest names":   {websocket.LoginUser{ID: longest, Tenant: longest}, true},
			"id too long":     {websocket.LoginUser{ID: longest + "x"}, false},
			"tenant too long": {websocket.LoginUser{ID: "1", Tenant: longest + "x"}, false},
			"ends soon":       {websocket.LoginUser{ID: "1", ExpiresAt: time.Now().Add(1)}, true},
			"ends now":        {websocket.LoginUser{ID: "1", ExpiresAt: time.Now()}, false},
			"has ended":       {websocket.LoginUser{ID: "1", ExpiresAt: time.Now().Add(-time.Hour)}, false},
		} {
			authenticate := security.FromToken(func(context.Context, string) (websocket.LoginUser, error) {
				return test.user, nil
			})
			user, err := authenticate(httptest.NewRequest(http.MethodGet, "/ws?token=abc", nil))
			if test.ok {
				if err != nil || user.ID != test.user.ID {
					t.Errorf("%s: user %q, error %v, want the user", name, user.ID, err)
				}
				continue
			}
			wantRefusal(t, err, http.StatusUnauthorized)
			if user.ID != "" {
				t.Errorf("%s: user %q beside an error", name, user.ID)
			}
		}
	})
}

func TestRefusalsDoNotShowTheToken(t *testing.T) {
	const secret = "testVerySecret"
	reject := func(context.Context, string) (websocket.LoginUser, error) {
		return websocket.LoginUser{}, errors.New("rejected")
	}
	for name, authenticate := range map[string]websocket.Authenticator{
		"FromToken":  security.FromToken(reject),
		"TestTokens": testTokens(t)(security.FromToken(reject)),
	} {
		_, err := authenticate(httptest.NewRequest(http.MethodGet, "/ws?token="+secret+":x", nil))
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, *wantRefusal(t, err, http.StatusUnauthorized)), secret) {
			t.Errorf("%s: error %v, want one without the token", name, err)
		}
	}
}
