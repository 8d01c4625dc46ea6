package smart_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/auth/smart/clients"
)

func TestDiscovery(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration", "/.well-known/openid-configuration", "/fhir/.well-known/openid-configuration", "/auth/jwks", "/auth/style.json", "/auth/brands.json"} {
		for _, accept := range []string{"", "application/fhir+xml", "text/html"} {
			got := s.request(http.MethodGet, path, "", "Accept", accept, "Origin", "https://anywhere.example")
			want := "application/json"
			if strings.HasSuffix(path, "brands.json") {
				want = "application/fhir+json"
			}
			if got.status != http.StatusOK || got.header.Get("Content-Type") != want || got.header.Get("Access-Control-Allow-Origin") != "*" || got.json == nil {
				t.Errorf("%s, Accept %q: %d %v", path, accept, got.status, got.header)
			}
		}
		if got := s.request(http.MethodOptions, path, "", "Origin", "https://anywhere.example", "Access-Control-Request-Method", "GET"); got.status != http.StatusNoContent || got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: preflight %d %v", path, got.status, got.header)
		}
	}
	if !s.Serves("/fhir/.well-known/smart-configuration") || !s.Serves("/auth/token") || s.Serves("/fhir/Patient") || s.Serves("/fhir/metadata") {
		t.Error("what is served")
	}
}

// The issuer is the base without its last part, and endpoints are below it, wherever a proxy puts them.
func TestAddresses(t *testing.T) {
	for base, want := range map[string]string{"https://ehr.example/fhir": "https://ehr.example", "https://ehr.example/x/r4/": "https://ehr.example/x", "https://ehr.example": "https://ehr.example", "https://ehr.example:8443/fhir": "https://ehr.example:8443"} {
		s := &site{t: t, store: openStore(t)}
		server := s.open(func(o *smart.Options) { o.BaseURL = base })
		if server.Issuer() != want || server.Endpoints().Token != want+"/auth/token" {
			t.Errorf("%s: %s %+v", base, server.Issuer(), server.Endpoints())
		}
	}
	for _, base := range []string{"", "fhir", "ftp://x", "https://ehr.example/fhir?x", "/fhir"} {
		if _, err := smart.New(t.Context(), smart.Options{BaseURL: base, Key: key(), State: openStore(t)}); err == nil {
			t.Errorf("%q: no error", base)
		}
	}
	if _, err := smart.New(t.Context(), smart.Options{BaseURL: "https://x.example/fhir", Key: key()[:16], State: openStore(t)}); err == nil {
		t.Error("short key: no error")
	}
}

// Scripts of registered origins may call, others may not.
func TestOrigins(t *testing.T) {
	s := newSite(t, nil)
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://other.example": "https://other.example", "https://evil.example": "", "null": ""} {
		for _, path := range []string{"/auth/token", "/auth/revoke", "/auth/introspect"} {
			got := s.request(http.MethodOptions, path, "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
			if got.header.Get("Access-Control-Allow-Origin") != want || (got.header.Get("Access-Control-Allow-Headers") != "") != (want != "") || got.header.Get("Vary") != "Origin" {
				t.Errorf("%s from %s: %v", path, origin, got.header)
			}
			if got := s.call(path, nil, "Origin", origin); got.header.Get("Access-Control-Allow-Origin") != want || got.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("POST %s from %s: %v", path, origin, got.header)
			}
		}
		if allowed, err := s.AllowsOrigin(t.Context(), origin); err != nil || allowed != (want != "") {
			t.Errorf("%s: %v %v", origin, allowed, err)
		}
	}
	if err := s.Clients().Disable(t.Context(), "other", true); err != nil {
		t.Fatal(err)
	}
	s.client(clients.Client{Name: "native", Type: clients.Public, RedirectURIs: []string{"com.example.app:/cb"}, Origins: []string{"https://native.example"}})
	for origin, want := range map[string]bool{"https://other.example": false, "https://native.example": true, "com.example.app:": false} {
		if allowed, err := s.AllowsOrigin(t.Context(), origin); err != nil || allowed != want {
			t.Errorf("%s: %v %v", origin, allowed, err)
		}
	}
}

// keySetOf returns the published keys.
func (s *site) keySetOf() (set jose.JSONWebKeySet) {
	s.t.Helper()
	got := s.request(http.MethodGet, "/auth/jwks", "")
	for _, raw := range got.json["keys"].([]any) {
		fields := raw.(map[string]any)
		if fields["kty"] != "RSA" || fields["use"] != "sig" || fields["alg"] != "RS256" || fields["d"] != nil || fields["kid"] == "" {
			s.t.Errorf("key %v", fields)
		}
	}
	if err := jsonUnmarshal(got.body, &set); err != nil {
		s.t.Fatal(err)
	}
	return set
}

// verified returns the claims of an id_token and the id of the key that signed it.
func (s *site) verified(idToken string) (claims map[string]any, kid string) {
	s.t.Helper()
	token, err := jwt.ParseSigned(idToken, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		s.t.Fatal(err)
	}
	kid = token.Headers[0].KeyID
	set := s.keySetOf()
	if keys := set.Key(kid); len(keys) != 1 {
		s.t.Fatalf("%d keys %q", len(keys), kid)
	}
	if err := token.Claims(set.Key(kid)[0].Key, &claims); err != nil {
		s.t.Fatal(err)
	}
	return claims, kid
}

// Keys are replaced before they are old; what the one before signed can be verified meanwhile.
func TestKeyRotation(t *testing.T) {
	s := newSite(t, nil)
	other := s.open(nil)
	first := s.tokens(s.ask(), "anna", "").text("id_token")
	_, firstKey := s.verified(first)
	if keys := s.keySetOf().Keys; len(keys) != 1 {
		t.Fatalf("%d keys", len(keys))
	}
	s.pass(89*24*time.Hour + time.Hour)
	published := s.keySetOf().Keys
	if len(published) != 2 {
		t.Fatalf("a day before: %d keys", len(published))
	}
	if _, kid := s.verified(s.tokens(s.ask(), "anna", "").text("id_token")); kid != firstKey {
		t.Error("the next key signs already")
	}
	s.pass(24 * time.Hour)
	if _, kid := s.verified(s.tokens(s.ask(), "anna", "").text("id_token")); kid == firstKey {
		t.Error("the old key still signs")
	}
	s.verified(first)
	s.pass(25 * time.Hour)
	if keys := s.keySetOf().Keys; len(keys) != 1 || keys[0].KeyID == firstKey {
		t.Errorf("two days after: %d keys", len(keys))
	}
	_ = other
	again := s.open(nil)
	s.Server = again
	if keys := s.keySetOf().Keys; len(keys) != 1 || !slices.ContainsFunc(published, func(k jose.JSONWebKey) bool { return k.KeyID == keys[0].KeyID }) {
		t.Error("another server has other keys")
	}
	if _, err := smart.New(t.Context(), smart.Options{BaseURL: s.base, Key: []byte("fedcba9876543210fedcba9876543210"), State: s.store, Clock: s.now}); err == nil {
		t.Error("another key file: no error")
	}
}
