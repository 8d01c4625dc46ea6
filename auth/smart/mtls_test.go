package smart_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/auth/smart/clients"
)

// shownHeader says which of a test's certificates a request is made with, in place of a handshake, which the tests of cmd/firth make.
const shownHeader = "X-Shown"

// certificates are what clients show: by name, of an authority when that is "CN=" and more, else by themselves.
type certificates map[string]*keys.Certificate

func newCertificates(t *testing.T, names ...string) certificates {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all := certificates{}
	for i, name := range names {
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name + ".example"}}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		all[name], all["CN="+name] = keys.Show(cert, false), keys.Show(cert, true)
	}
	return all
}

// newMutualSite is a site at which clients show certificates: pinned and gateway are known by thumbprint, named and hosted by what an authority says.
func newMutualSite(t *testing.T) (*site, certificates) {
	t.Helper()
	all := newCertificates(t, "pinned", "named", "hosted", "gateway", "stranger")
	s := newSite(t, func(o *smart.Options) {
		o.Certificate = func(r *http.Request) *keys.Certificate { return all[r.Header.Get(shownHeader)] }
	})
	const scopes = "launch/patient openid offline_access patient/*.rs system/Observation.cr system/Patient.r firth/introspection"
	for id, shown := range map[string]clients.Shown{
		"pinned":  {Thumbprints: []string{all["pinned"].Thumbprint}},
		"named":   {Subject: "CN=named"},
		"hosted":  {Name: "dns:HOSTED.example"},
		"gateway": {Thumbprints: []string{all["gateway"].Thumbprint}, Ingest: true},
	} {
		s.client(clients.Client{ID: id, Name: id, Type: clients.Certificate, Shows: shown, Scopes: scopes, RedirectURIs: []string{redirectURI}})
	}
	return s, all
}

func certificateForm(client string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {"system/Observation.c"}, "client_id": {client}}
}

// A client proves who it is by its certificate and by nothing else.
func TestCertificateClients(t *testing.T) {
	s, all := newMutualSite(t)
	for _, tt := range []struct{ name, client, shows, want string }{
		{"by thumbprint", "pinned", "pinned", ""},
		{"by thumbprint, of an authority too", "pinned", "CN=pinned", ""},
		{"by subject", "named", "CN=named", ""},
		{"by alternative name", "hosted", "CN=hosted", ""},
		{"none", "pinned", "", "invalid_client"},
		{"of another client", "pinned", "named", "invalid_client"},
		{"of a stranger", "pinned", "CN=stranger", "invalid_client"},
		{"the subject, said by itself", "named", "named", "invalid_client"},
		{"the alternative name, said by itself", "hosted", "hosted", "invalid_client"},
		{"another subject", "named", "CN=hosted", "invalid_client"},
		{"a client with keys", "service", "CN=pinned", "invalid_client"},
		{"a public client gets no system scopes", "public", "CN=pinned", "unauthorized_client"},
	} {
		got := s.call("/auth/token", certificateForm(tt.client), shownHeader, tt.shows)
		if got.text("error") != tt.want || (got.json["access_token"] != nil) != (tt.want == "") {
			t.Errorf("%s: %d %s", tt.name, got.status, got.body)
			continue
		}
		if claims, err := s.Lookup(t.Context(), got.text("access_token")); tt.want == "" && (err != nil || claims.Thumbprint != all[tt.shows].Thumbprint || claims.Subject != tt.client) {
			t.Errorf("%s: %+v %v", tt.name, claims, err)
		}
	}
	assertion := changed(certificateForm("pinned"), "client_assertion_type", keys.AssertionType, "client_assertion", s.assertion("pinned", "ec", nil, nil))
	if got := s.call("/auth/token", assertion, shownHeader, "pinned"); got.text("error") != "invalid_client" {
		t.Errorf("an assertion of a client that has no keys: %d %s", got.status, got.body)
	}
	s.pass(2 * time.Hour)
	if got := s.call("/auth/token", certificateForm("pinned"), shownHeader, "pinned"); got.text("error") != "invalid_client" {
		t.Errorf("expired: %d %s", got.status, got.body)
	}
}

// What is issued to a client with a certificate is of use with the certificate only, and introspection says so.
func TestCertificateBoundTokens(t *testing.T) {
	s, all := newMutualSite(t)
	answer := s.browser().consented(s.ask("client_id", "pinned", "scope", allScopes+" firth/introspection"), "doctor", "anna")
	if got := s.call("/auth/token", codeForm(answer.query.Get("code"), "client_id", "pinned")); got.text("error") != "invalid_client" {
		t.Fatalf("without the certificate: %d %s", got.status, got.body)
	}
	first := s.call("/auth/token", codeForm(answer.query.Get("code"), "client_id", "pinned"), shownHeader, "pinned")
	if first.status != http.StatusOK {
		t.Fatalf("%d %s", first.status, first.body)
	}
	if got := s.refresh(first.text("refresh_token"), "client_id", "pinned"); got.text("error") != "invalid_client" {
		t.Errorf("refresh without the certificate: %d %s", got.status, got.body)
	}
	second := s.call("/auth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.text("refresh_token")}, "client_id": {"pinned"}}, shownHeader, "pinned")
	again := s.call("/auth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.text("refresh_token")}, "client_id": {"pinned"}}, shownHeader, "pinned")
	for name, got := range map[string]answered{"first": first, "second": second, "in grace": again} {
		introspected := s.call("/auth/introspect", url.Values{"token": {got.text("access_token")}, "client_id": {"pinned"}}, shownHeader, "pinned")
		if diff := cmp.Diff(map[string]any{"x5t#S256": all["pinned"].Thumbprint}, introspected.json["cnf"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	service := changed(certificateForm("pinned"), "scope", "firth/introspection")
	token := s.call("/auth/token", service, shownHeader, "pinned").text("access_token")
	for shows, want := range map[string]int{"pinned": http.StatusOK, "": http.StatusUnauthorized, "stranger": http.StatusUnauthorized} {
		if got := s.call("/auth/introspect", url.Values{"token": {"x"}}, "Authorization", "Bearer "+token, shownHeader, shows); got.status != want {
			t.Errorf("bearer that shows %q: %d %s", shows, got.status, got.body)
		}
	}
	if got := s.call("/auth/introspect", url.Values{"token": {s.tokens(s.ask(), "doctor", "anna").text("access_token")}}, basic("confidential", s.secret)...); got.json["cnf"] != nil {
		t.Errorf("a token that is bound to nothing: %s", got.body)
	}
}

// A device needs no token when its registration says so, and has what it is registered for.
func TestDevice(t *testing.T) {
	s, all := newMutualSite(t)
	claims, err := s.Device(t.Context(), all["gateway"])
	if err != nil || claims.Scope != "system/Observation.cr system/Patient.r" || claims.Client != "gateway" || claims.Subject != "gateway" || claims.Thumbprint != all["gateway"].Thumbprint || claims.Issuer != s.root {
		t.Fatalf("%+v %v", claims, err)
	}
	refused := func(what, shows string) {
		t.Helper()
		if claims, err := s.Device(t.Context(), all[shows]); !errors.Is(err, auth.ErrToken) {
			t.Errorf("%s: %+v %v", what, claims, err)
		}
	}
	refused("a client that needs a token", "pinned")
	refused("by name, which needs a token", "CN=named")
	refused("a stranger", "CN=stranger")
	s.client(clients.Client{ID: "twin", Name: "twin", Type: clients.Certificate, Shows: clients.Shown{Name: "dns:gateway.example", Ingest: true}, Scopes: "system/*.c"})
	refused("who could be two", "CN=gateway")
	if err := s.Clients().Delete(t.Context(), "twin"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Device(t.Context(), all["CN=gateway"]); err != nil {
		t.Error(err)
	}
	if err := s.Clients().Disable(t.Context(), "gateway", true); err != nil {
		t.Fatal(err)
	}
	refused("disabled", "gateway")
	if err := s.open(nil).Clients().Disable(t.Context(), "gateway", false); err != nil {
		t.Fatal(err)
	}
	s.pass(3 * time.Second)
	if _, err := s.Device(t.Context(), all["gateway"]); err != nil {
		t.Errorf("enabled by another server, 3 s ago: %v", err)
	}
	s.pass(2 * time.Hour)
	refused("expired", "gateway")
}

func TestCertificateClientRules(t *testing.T) {
	s, all := newMutualSite(t)
	good := []string{all["pinned"].Thumbprint}
	for name, c := range map[string]clients.Client{
		"no certificate":                  {Type: clients.Certificate},
		"two ways":                        {Type: clients.Certificate, Shows: clients.Shown{Thumbprints: good, Subject: "CN=x"}},
		"no thumbprint":                   {Type: clients.Certificate, Shows: clients.Shown{Thumbprints: []string{"x"}}},
		"many certificates":               {Type: clients.Certificate, Shows: clients.Shown{Thumbprints: slices.Repeat(good, 9)}},
		"no subject":                      {Type: clients.Certificate, Shows: clients.Shown{Subject: "gateway"}},
		"no kind of name":                 {Type: clients.Certificate, Shows: clients.Shown{Name: "gateway.example"}},
		"wildcard":                        {Type: clients.Certificate, Shows: clients.Shown{Name: "dns:*.example"}},
		"address in another form":         {Type: clients.Certificate, Shows: clients.Shown{Name: "ip:::0001"}},
		"keys too":                        {Type: clients.Certificate, Shows: clients.Shown{Thumbprints: good}, JWKS: s.keySet()},
		"certificate of a public one":     {Type: clients.Public, RedirectURIs: []string{redirectURI}, Scopes: "patient/*.rs", Shows: clients.Shown{Thumbprints: good}},
		"ingest of one with keys":         {Type: clients.Asymmetric, JWKS: s.keySet(), Shows: clients.Shown{Ingest: true}},
		"ingest without leave to create":  {Type: clients.Certificate, Shows: clients.Shown{Thumbprints: good, Ingest: true}, Scopes: "system/*.rs"},
		"ingest for people's scopes only": {Type: clients.Certificate, Shows: clients.Shown{Thumbprints: good, Ingest: true}, Scopes: "user/*.c", RedirectURIs: []string{redirectURI}},
	} {
		if c.Name = name; c.Scopes == "" {
			c.Scopes = "system/*.cruds"
		}
		if _, _, err := s.Clients().Create(t.Context(), c); !errors.Is(err, clients.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Discovery names what the server can do: without client certificates, nothing of them.
func TestCertificateDiscovery(t *testing.T) {
	mutual, _ := newMutualSite(t)
	for _, tt := range []struct {
		site    *site
		methods []any
		bound   any
	}{
		{newSite(t, nil), []any{"client_secret_basic", "private_key_jwt", "none"}, nil},
		{mutual, []any{"client_secret_basic", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "none"}, true},
	} {
		got := tt.site.request(http.MethodGet, "/fhir/.well-known/smart-configuration", "").json
		if diff := cmp.Diff(tt.methods, got["token_endpoint_auth_methods_supported"]); diff != "" || got["tls_client_certificate_bound_access_tokens"] != tt.bound || got["mtls_endpoint_aliases"] != nil {
			t.Errorf("%v: %s", got["tls_client_certificate_bound_access_tokens"], diff)
		}
	}
}
