package security_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/security"
)

func TestSharedSecret(t *testing.T) {
	protect, err := security.SharedSecret("s3cret value")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))

	for name, test := range map[string]struct {
		headers []string
		url     string
		ok      bool
	}{
		"right":               {headers: []string{"Bearer s3cret value"}, ok: true},
		"scheme in any case":  {headers: []string{"bEARER s3cret value"}, ok: true},
		"no header":           {},
		"empty header":        {headers: []string{""}},
		"scheme alone":        {headers: []string{"Bearer"}},
		"no scheme":           {headers: []string{"s3cret value"}},
		"other scheme":        {headers: []string{"Basic s3cret value"}},
		"wrong":               {headers: []string{"Bearer s3cret valuf"}},
		"wrong case":          {headers: []string{"Bearer S3cret value"}},
		"beginning":           {headers: []string{"Bearer s3cret valu"}},
		"longer":              {headers: []string{"Bearer s3cret values"}},
		"second header":       {headers: []string{"Bearer wrong", "Bearer s3cret value"}},
		"query is not looked": {url: "?token=s3cret+value"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/rpc"+test.url, nil)
			r.Header["Authorization"] = test.headers
			w := httptest.NewRecorder()
			endpoint.ServeHTTP(w, r)
			if test.ok {
				if w.Code != http.StatusNoContent {
					t.Errorf("status %d, want that of the endpoint", w.Code)
				}
				return
			}
			if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("status %d, headers %v", w.Code, w.Header())
			}
			var body struct {
				Status        int
				Code, Message string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Status != 401 || body.Code != "unauthenticated" || body.Message == "" {
				t.Errorf("body %q: %v", w.Body, err)
			}
			if strings.Contains(w.Body.String(), "s3cret") {
				t.Errorf("body %q shows what was sent", w.Body)
			}
		})
	}
}

func TestUselessSharedSecrets(t *testing.T) {
	for _, secret := range []string{"", " ", "hunter2\n", "\thunter2"} {
		protect, err := security.SharedSecret(secret)
		if err == nil || protect != nil {
			t.Errorf("secret %q is accepted", secret)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %q shows the secret", err)
		}
	}
}
