package security_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/security"
)

func TestBearerToken(t *testing.T) {
	const authorization, subprotocol = "Authorization", "Sec-Websocket-Protocol"
	longest := strings.Repeat("x", 8<<10)

	for name, test := range map[string]struct {
		header http.Header
		query  string
		want   string
	}{
		"nothing":                     {},
		"header":                      {header: http.Header{authorization: {"Bearer abc"}}, want: "abc"},
		"scheme in lower case":        {header: http.Header{authorization: {"bearer abc"}}, want: "abc"},
		"scheme in upper case":        {header: http.Header{authorization: {"BEARER abc"}}, want: "abc"},
		"several spaces":              {header: http.Header{authorization: {"Bearer   abc "}}, want: "abc"},
		"bare value":                  {header: http.Header{authorization: {"abc"}}, want: "abc"},
		"bare value like a scheme":    {header: http.Header{authorization: {"Bearerabc"}}, want: "Bearerabc"},
		"scheme alone":                {header: http.Header{authorization: {"Bearer"}}},
		"scheme alone and query":      {header: http.Header{authorization: {"Bearer "}}, query: "token=q", want: "q"},
		"other scheme":                {header: http.Header{authorization: {"Basic dTpw"}}},
		"other scheme and query":      {header: http.Header{authorization: {"Basic dTpw"}}, query: "token=q", want: "q"},
		"first of two headers":        {header: http.Header{authorization: {"Bearer a", "Bearer b"}}, want: "a"},
		"header before query":         {header: http.Header{authorization: {"Bearer h"}}, query: "token=q", want: "h"},
		"query":                       {query: "a=b&token=q", want: "q"},
		"query, first of two":         {query: "token=q&token=r", want: "q"},
		"query, escaped":              {query: "token=a%2Fb%20c", want: "a/b c"},
		"query, other case":           {query: "Token=q"},
		"query, empty":                {query: "token=", header: http.Header{subprotocol: {"bearer.s"}}, want: "s"},
		"query, malformed":            {query: "token=%zz"},
		"query before subprotocol":    {query: "token=q", header: http.Header{subprotocol: {"bearer.s"}}, want: "q"},
		"subprotocol":                 {header: http.Header{subprotocol: {"bearer.s"}}, want: "s"},
		"subprotocol among others":    {header: http.Header{subprotocol: {"chat , bearer.s,bearer.t"}}, want: "s"},
		"subprotocol, second line":    {header: http.Header{subprotocol: {"chat", "v2,bearer.s"}}, want: "s"},
		"subprotocol, escaped":        {header: http.Header{subprotocol: {"bearer.a%2Fb%3D%20%E4%BD%A0+"}}, want: "a/b= 你+"},
		"subprotocol, malformed":      {header: http.Header{subprotocol: {"bearer.%zz, bearer.t"}}},
		"subprotocol, empty is first": {header: http.Header{subprotocol: {"bearer., bearer.t"}}},
		"subprotocol, other case":     {header: http.Header{subprotocol: {"Bearer.s"}}},
		"subprotocol, no dot":         {header: http.Header{subprotocol: {"bearer"}}},
		"longest in header":           {header: http.Header{authorization: {"Bearer " + longest}}, want: longest},
		"longest in subprotocol":      {header: http.Header{subprotocol: {"bearer." + strings.ReplaceAll(longest, "x", "%78")}}, want: longest},
		"too long in header":          {header: http.Header{authorization: {"Bearer x" + longest}}},
		"too long in query":           {query: "token=x" + longest},
		"too long in subprotocol":     {header: http.Header{subprotocol: {"bearer.x" + longest}}},
		"too long is not passed over": {header: http.Header{authorization: {"Bearer x" + longest}}, query: "token=q"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{Header: test.header, URL: &url.URL{RawQuery: test.query}}
			if got := security.BearerToken(r); got != test.want {
				t.Errorf("BearerToken = %.40q, want %.40q", got, test.want)
			}
		})
	}
}

func FuzzBearerToken(f *testing.F) {
	f.Add("Bearer abc", "token=q", "chat, bearer.s")
	f.Add("Basic dTpw", "token=%zz", "bearer.%zz")
	f.Add("", "a=b&token=q", "bearer.a%2Fb")
	f.Fuzz(func(t *testing.T, authorization, query, subprotocols string) {
		token := security.BearerToken(&http.Request{
			Header: http.Header{"Authorization": {authorization}, "Sec-Websocket-Protocol": {subprotocols}},
			URL:    &url.URL{RawQuery: query},
		})
		if len(token) > 8<<10 {
			t.Fatalf("a token of %d bytes", len(token))
		}
		inQuery := &http.Request{URL: &url.URL{RawQuery: url.Values{"token": {token}}.Encode()}}
		if got := security.BearerToken(inQuery); got != token {
			t.Errorf("token %q in the query is read as %q", token, got)
		}
		inSubprotocol := &http.Request{URL: &url.URL{}, Header: http.Header{"Sec-Websocket-Protocol": {"bearer." + url.PathEscape(token)}}}
		if got := security.BearerToken(inSubprotocol); got != token {
			t.Errorf("token %q as a subprotocol is read as %q", token, got)
		}
	})
}
