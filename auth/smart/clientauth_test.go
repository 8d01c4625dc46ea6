package smart_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/firth-health/firth/auth/smart/clients"
)

// A client with a secret sends it by HTTP Basic, form-encoded, and in no other way.
func TestClientSecret(t *testing.T) {
	s := newSite(t, nil)
	odd := s.client(clients.Client{ID: "od:d", Name: "Odd", Type: clients.Symmetric, RedirectURIs: []string{redirectURI}})
	plain := func(text string) []string {
		return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(text))}
	}
	for _, tt := range []struct {
		name    string
		client  string
		changes []string
		headers []string
		want    string
	}{
		{"right", "confidential", []string{"client_id", ""}, basic("confidential", s.secret), ""},
		{"right, and client_id in the form", "confidential", nil, basic("confidential", s.secret), ""},
		{"id with a colon", "od:d", []string{"client_id", ""}, basic("od:d", odd), ""},
		{"wrong", "confidential", nil, basic("confidential", "wrong"), "invalid_client"},
		{"empty", "confidential", nil, basic("confidential", ""), "invalid_client"},
		{"of another client", "confidential", nil, basic("confidential", odd), "invalid_client"},
		{"another client_id in the form", "confidential", []string{"client_id", "public"}, basic("confidential", s.secret), "invalid_client"},
		{"public client with a secret", "confidential", []string{"client_id", ""}, basic("public", "x"), "invalid_client"},
		{"no colon", "confidential", nil, plain("confidential"), "invalid_client"},
		{"bad encoding", "confidential", nil, plain("confidential:%zz"), "invalid_client"},
		{"no base64", "confidential", nil, []string{"Authorization", "Basic !!"}, "invalid_client"},
		{"Bearer", "confidential", nil, []string{"Authorization", "Bearer " + s.secret}, "invalid_client"},
		{"in the form", "confidential", []string{"client_secret", s.secret}, nil, "invalid_client"},
		{"in both", "confidential", []string{"client_secret", s.secret}, basic("confidential", s.secret), "invalid_request"},
		{"nowhere", "confidential", nil, nil, "invalid_client"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := s.browser().consented(s.ask("client_id", tt.client), "anna", "")
			got := s.call("/auth/token", codeForm(answer.query.Get("code"), append([]string{"client_id", tt.client}, tt.changes...)...), tt.headers...)
			if tt.want == "" && got.status == http.StatusOK {
				return
			}
			if got.text("error") != tt.want || got.json["access_token"] != nil {
				t.Errorf("%d %s, want %s", got.status, got.body, tt.want)
			}
			if tt.want == "invalid_client" && (got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "") {
				t.Errorf("%d %v", got.status, got.header)
			}
		})
	}
	t.Run("after it was replaced", func(t *testing.T) {
		again, err := s.Clients().NewSecret(t.Context(), "confidential")
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"token": {"x"}}
		if got := s.call("/auth/revoke", form, basic("confidential", s.secret)...); got.status != http.StatusUnauthorized {
			t.Errorf("the old one: %d %s", got.status, got.body)
		}
		if got := s.call("/auth/revoke", form, basic("confidential", again)...); got.status != http.StatusOK {
			t.Errorf("the new one: %d %s", got.status, got.body)
		}
	})
}

// An app with keys goes the same way as others, and proves who it is by an assertion.
func TestAsymmetricApp(t *testing.T) {
	s := newSite(t, nil)
	answer := s.browser().consented(s.ask("client_id", "asymmetric"), "anna", "")
	form := codeForm(answer.query.Get("code"), "client_id", "", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", s.assertion("asymmetric", "rsa", nil, nil))
	got := s.call("/auth/token", form)
	if got.status != http.StatusOK || got.text("patient") != "anna" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	without := s.refresh(got.text("refresh_token"), "client_id", "asymmetric")
	if without.text("error") != "invalid_client" {
		t.Errorf("refresh without assertion: %d %s", without.status, without.body)
	}
	s.pass(time.Hour)
	form = changed(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.text("refresh_token")}},
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", s.assertion("asymmetric", "ec", nil, nil))
	if got := s.call("/auth/token", form); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestClientRules(t *testing.T) {
	s := newSite(t, nil)
	for name, c := range map[string]clients.Client{
		"no name":                {Type: clients.Public, RedirectURIs: []string{redirectURI}},
		"no type":                {Name: "x", RedirectURIs: []string{redirectURI}},
		"no redirect":            {Name: "x", Type: clients.Public},
		"http":                   {Name: "x", Type: clients.Public, RedirectURIs: []string{"http://app.example/cb"}},
		"javascript":             {Name: "x", Type: clients.Public, RedirectURIs: []string{"javascript:alert(1)"}},
		"data":                   {Name: "x", Type: clients.Public, RedirectURIs: []string{"data:text/html,x"}},
		"fragment":               {Name: "x", Type: clients.Public, RedirectURIs: []string{redirectURI + "#"}},
		"relative":               {Name: "x", Type: clients.Public, RedirectURIs: []string{"/cb"}},
		"space":                  {Name: "x", Type: clients.Public, RedirectURIs: []string{"https://app.example/c b"}},
		"origin with a path":     {Name: "x", Type: clients.Public, RedirectURIs: []string{redirectURI}, Origins: []string{"https://app.example/x"}},
		"system scopes, public":  {Name: "x", Type: clients.Public, RedirectURIs: []string{redirectURI}, Scopes: "system/*.rs"},
		"system scopes, secret":  {Name: "x", Type: clients.Symmetric, RedirectURIs: []string{redirectURI}, Scopes: "system/*.rs"},
		"keys of a public one":   {Name: "x", Type: clients.Public, RedirectURIs: []string{redirectURI}, JWKSURL: "https://app.example/jwks"},
		"no keys":                {Name: "x", Type: clients.Asymmetric, Scopes: "system/*.rs"},
		"both kinds of keys":     {Name: "x", Type: clients.Asymmetric, JWKS: s.keySet(), JWKSURL: "https://app.example/jwks", Scopes: "system/*.rs"},
		"keys by http":           {Name: "x", Type: clients.Asymmetric, JWKSURL: "http://app.example/jwks", Scopes: "system/*.rs"},
		"keys that are none":     {Name: "x", Type: clients.Asymmetric, JWKS: []byte(`{"keys":[{"kty":"oct","k":"AAAA","kid":"x"}]}`), Scopes: "system/*.rs"},
		"malformed scopes":       {Name: "x", Type: clients.Public, RedirectURIs: []string{redirectURI}, Scopes: "patient/x"},
		"odd id":                 {ID: "a b", Name: "x", Type: clients.Public, RedirectURIs: []string{redirectURI}},
		"nothing it could do":    {Name: "x", Type: clients.Asymmetric, JWKS: s.keySet()},
		"dynamic, system scopes": {Name: "x", Type: clients.Asymmetric, JWKS: s.keySet(), RedirectURIs: []string{redirectURI}, Scopes: "system/*.rs", Dynamic: true},
	} {
		if _, _, err := s.Clients().Create(t.Context(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, c := range map[string]clients.Client{
		"app's scheme": {Name: "x", Type: clients.Public, RedirectURIs: []string{"com.example.app:/cb"}},
		"loopback":     {Name: "x", Type: clients.Public, RedirectURIs: []string{"http://127.0.0.1:4711/cb", "http://localhost/cb", "http://[::1]:80/cb"}},
		"rights only":  {Name: "x", Type: clients.Asymmetric, JWKS: s.keySet(), Scopes: "firth/introspection"},
	} {
		if _, _, err := s.Clients().Create(t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := s.Clients().Create(t.Context(), clients.Client{ID: "public", Name: "x", Type: clients.Public, RedirectURIs: []string{redirectURI}}); err != clients.ErrExists {
		t.Errorf("twice: %v", err)
	}
	if err := s.Clients().Delete(t.Context(), "other"); err != nil {
		t.Error(err)
	}
	if _, err := s.Clients().Get(t.Context(), "other"); err != clients.ErrUnknown {
		t.Errorf("deleted: %v", err)
	}
}
