package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/bearer"
)

// issued are the tokens of an issuer.
type issued map[string]*auth.Claims

func (i issued) Lookup(_ context.Context, token string) (*auth.Claims, error) {
	switch c := i[token]; {
	case token == "down":
		return nil, fmt.Errorf("%w: of a test", auth.ErrUnavailable)
	case token == "broken":
		return nil, errors.New("broken")
	case c != nil:
		return c, nil
	}
	return nil, auth.ErrToken
}

// withTokens lets requests in by what tokens say.
func withTokens(t *testing.T, tokens issued, at *time.Time, perSecond float64) func(*Config) {
	t.Helper()
	return func(c *Config) {
		rules, err := auth.New(auth.Options{Definitions: c.Definitions, Search: c.Search, BaseURL: c.BaseURL})
		if err != nil {
			t.Fatal(err)
		}
		c.Authenticator = NewTokens(TokenOptions{Reader: &bearer.Reader{Own: tokens}, Rules: rules, Clock: func() time.Time { return *at }, RequestRate: perSecond})
	}
}

func TestTokens(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	tokens := issued{
		"reader": {Issuer: "i", Client: "app", Subject: "u", TokenID: "1", Scope: "system/Patient.rs"},
		"writer": {Issuer: "i", Client: "app2", Subject: "u", TokenID: "2", Scope: "system/Patient.cruds"},
	}
	f := newFixture(t, withTokens(t, tokens, &at, 0))
	const noToken, notValid = `Bearer realm="firth"`, `Bearer realm="firth", error="invalid_token", error_description="The access token is not valid: it is unknown, expired or revoked."`
	outcome := func(code, at, text string) string {
		if at != "" {
			at = `,"expression":["` + at + `"]`
		}
		return `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"` + code + `","diagnostics":"` + text + `"` + at + `}]}`
	}
	for _, test := range []struct {
		name, method, path, token string
		status                    int
		challenge, body           string // body: empty is not looked at
	}{
		{"no token", "GET", "/Patient", "", 401, noToken, outcome("login", "http.Authorization", "An access token is required.")},
		{"the capabilities are for everybody", "GET", "/metadata", "", 200, "", ""},
		{"unknown token", "GET", "/Patient", "Bearer x", 401, notValid, outcome("login", "http.Authorization", "The access token is not valid: it is unknown, expired or revoked.")},
		{"malformed", "GET", "/Patient", "Bearer x y", 400, `Bearer realm="firth", error="invalid_request", error_description="The Authorization header is malformed."`, outcome("invalid", "http.Authorization", "The Authorization header is malformed.")},
		{"issuer down", "GET", "/Patient", "Bearer down", 503, "", outcome("transient", "", "who issued the access token cannot be asked about it; try again later")},
		{"own store broken", "GET", "/Patient", "Bearer broken", 500, "", ""},
		{"may search", "GET", "/Patient", "Bearer reader", 200, "", ""},
		{"may not write", "PUT", "/Patient/p", "Bearer reader", 403, "", ""},
		{"may not search another type", "GET", "/Observation", "Bearer reader", 403, "", ""},
		{"may write", "PUT", "/Patient/p", "Bearer writer", 201, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			if test.token != "" {
				headers = []string{"Authorization", test.token}
			}
			body := ""
			if test.method == "PUT" {
				body = `{"resourceType":"Patient","id":"p"}`
			}
			got := f.do(test.method, test.path, body, headers...)
			if got.status != test.status || got.header.Get("WWW-Authenticate") != test.challenge || test.body != "" && got.body != test.body {
				t.Errorf("%d %q %s", got.status, got.header.Get("WWW-Authenticate"), got.body)
			}
		})
	}
	status := func() int { return f.do("GET", "/Patient", "", "Authorization", "Bearer reader").status }
	tokens["reader"] = &auth.Claims{Issuer: "i", Client: "app", Subject: "u", TokenID: "1", Scope: "system/Observation.rs"}
	if got := status(); got != http.StatusForbidden {
		t.Errorf("a token whose scopes changed: %d", got)
	}
	delete(tokens, "reader")
	if got := status(); got != http.StatusUnauthorized {
		t.Errorf("a token that was revoked: %d", got)
	}
}

// TestRates has callers ask more often than they may: each by itself, and tokens that are not valid by address.
func TestRates(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	claims := func(client, token string) *auth.Claims {
		return &auth.Claims{Issuer: "i", Client: client, Subject: "u", TokenID: token, Scope: "system/Patient.rs"}
	}
	f := newFixture(t, withTokens(t, issued{"a1": claims("a", "1"), "a2": claims("a", "2"), "b": claims("b", "3")}, &at, 2))
	count := func(token string, n int) map[int]int {
		all := map[int]int{}
		for range n {
			got := f.do("GET", "/Patient", "", "Authorization", "Bearer "+token)
			all[got.status]++
			if got.status == http.StatusTooManyRequests && got.header.Get("Retry-After") != "1" {
				t.Error("no Retry-After")
			}
		}
		return all
	}
	diff(t, map[int]int{200: 3}, count("a1", 3))
	diff(t, map[int]int{200: 1, 429: 2}, count("a2", 3)) // the same client with another token
	diff(t, map[int]int{200: 4, 429: 1}, count("b", 5))
	at = at.Add(time.Second)
	diff(t, map[int]int{200: 2, 429: 1}, count("a1", 3))
	at = at.Add(time.Hour)
	diff(t, map[int]int{200: 4, 429: 1}, count("a1", 5))
	diff(t, map[int]int{401: 20, 429: 5}, count("guess", 25))
}

// TestStrangers has requests without a good token come in floods: each is answered, and the trail has no more than the first of them, without much of what they ask.
func TestStrangers(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	auditor := issued{"auditor": {Issuer: "i", Client: "auditor", TokenID: "1", Scope: "system/AuditEvent.rs"}}
	f := newFixture(t, withTokens(t, auditor, &at, 0), audited(t, nil))
	refused := func(query string) (found struct {
		Total int
		Entry []struct{ Resource auditEvent }
	},
	) {
		t.Helper()
		got := f.do("GET", "/AuditEvent?outcome=4&"+query, "", "Authorization", "Bearer auditor")
		if err := json.Unmarshal([]byte(got.body), &found); err != nil || got.status != http.StatusOK {
			t.Fatal(got.status, err, got.body)
		}
		return found
	}
	ask := func(n int, headers ...string) map[int]int {
		all := map[int]int{}
		for range n {
			all[f.do("GET", "/Patient?name="+strings.Repeat("x", 4000), "", headers...).status]++
		}
		return all
	}
	diff(t, map[int]int{401: 600}, ask(600))
	diff(t, 500, refused("_summary=count").Total)
	for _, e := range refused("_count=1").Entry[0].Resource.Entity {
		if n := len(e.Query); n > 600 {
			t.Errorf("%d bytes of what was asked", n)
		}
	}
	diff(t, map[int]int{401: 20, 429: 80}, ask(100, "Authorization", "Bearer guess"))
	diff(t, 520, refused("_summary=count").Total)
	at = at.Add(time.Hour)
	diff(t, map[int]int{401: 1}, ask(1))
	diff(t, 521, refused("_summary=count").Total)
}
