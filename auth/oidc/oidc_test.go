package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/authtest"
	"github.com/firth-health/firth/auth/oidc"
)

// provider is an OpenID provider.
type provider struct {
	*httptest.Server
	key  *ecdsa.PrivateKey
	down atomic.Bool

	discovered, keysAsked, asked atomic.Int64
	mu                           sync.Mutex
	opaque                       map[string]string // token -> answer
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, opaque: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.discovered.Add(1)
		answer(w, map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys", "introspection_endpoint": p.URL + "/introspect", "authorization_endpoint": p.URL + "/a", "token_endpoint": p.URL + "/t"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		p.keysAsked.Add(1)
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/introspect", func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if id, secret, ok := r.BasicAuth(); !ok || id != "firth" || secret != "s%26cret" {
			w.WriteHeader(401)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		said := p.opaque[r.PostFormValue("token")]
		if said == "" {
			said = `{"active":false}`
		}
		_, _ = w.Write([]byte(said))
	})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down.Load() {
			w.WriteHeader(500)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (p *provider) token(t *testing.T, claims map[string]any, typ, kid string) string {
	t.Helper()
	header := map[jose.HeaderKey]any{}
	if typ != "" {
		header[jose.HeaderType] = typ
	}
	return authtest.Key{ID: kid, Algorithm: jose.ES256, Private: p.key}.Sign(t, claims, header)
}

const base = "https://fhir.example.org/fhir"

func (p *provider) claims(changes map[string]any) map[string]any {
	c := map[string]any{"iss": p.URL, "sub": "u1", "aud": base, "exp": at.Add(time.Hour).Unix(), "iat": at.Unix(), "jti": "j1", "client_id": "app", "scope": "patient/*.rs launch/patient", "patient": "p1",
		"fhirUser": base + "/Practitioner/dr"}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

var at = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newIssuers(t *testing.T, clock func() time.Time, issuers ...oidc.Issuer) *oidc.Issuers {
	t.Helper()
	s, err := oidc.New(oidc.Options{Issuers: issuers, Base: base, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func always() time.Time { return at }

func TestTokens(t *testing.T) {
	p, other := newProvider(t), newProvider(t)
	s := newIssuers(t, always, oidc.Issuer{URL: p.URL, Audiences: []string{base}})
	want := func(change func(*auth.Claims)) *auth.Claims {
		c := &auth.Claims{Issuer: p.URL, Subject: "u1", Client: "app", TokenID: "j1", Scope: "patient/*.rs launch/patient", Patient: "p1", FHIRUser: "Practitioner/dr", Issued: at, Expires: at.Add(time.Hour)}
		if change != nil {
			change(c)
		}
		return c
	}
	with := func(name string, value any) string {
		return p.token(t, p.claims(map[string]any{name: value}), "at+jwt", "k")
	}
	for _, test := range []struct {
		name, token string
		want        *auth.Claims // nil: not valid
	}{
		{"RFC 9068", p.token(t, p.claims(nil), "at+jwt", "k"), want(nil)},
		{"typ in full", p.token(t, p.claims(nil), "application/at+jwt", "k"), want(nil)},
		{"typ JWT", p.token(t, p.claims(nil), "JWT", "k"), want(nil)},
		{"no typ", p.token(t, p.claims(nil), "", "k"), want(nil)},
		{"aud with a slash, among others", with("aud", []string{"x", base + "/"}), want(nil)},
		{"azp", p.token(t, p.claims(map[string]any{"client_id": nil, "azp": "app2"}), "JWT", "k"), want(func(c *auth.Claims) { c.Client = "app2" })},
		{"scp", p.token(t, p.claims(map[string]any{"scope": nil, "scp": []string{"user/*.rs", "openid"}}), "JWT", "k"), want(func(c *auth.Claims) { c.Scope = "user/*.rs openid" })},
		{"bound to a certificate", with("cnf", map[string]string{"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}), want(func(c *auth.Claims) { c.Thumbprint = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" })},
		{"patient with its type", with("patient", "Patient/p1"), want(nil)},
		{"patient elsewhere", with("patient", "https://other.example.org/Patient/p1"), want(func(c *auth.Claims) { c.Patient = "" })},
		{"fhirUser, relative", with("fhirUser", "Patient/p1"), want(func(c *auth.Claims) { c.FHIRUser = "Patient/p1" })},
		{"fhirUser elsewhere", with("fhirUser", "https://other.example.org/Practitioner/dr"), want(func(c *auth.Claims) { c.FHIRUser = "" })},
		{"fhirUser of another type", with("fhirUser", "Observation/o"), want(func(c *auth.Claims) { c.FHIRUser = "" })},
		{"break-glass", with("extensions", map[string]any{"ihe_iua": map[string]any{"purpose_of_use": []any{map[string]string{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "BTG"}}, "subject_role": []any{map[string]string{"system": auth.RoleSystem, "code": auth.RoleAdministrator}, map[string]string{"system": "urn:oid:2.16.840.1.113883.6.96", "code": "309343006"}}}}),
			want(func(c *auth.Claims) {
				c.BreakGlass, c.PurposeOfUse, c.Roles = true, []auth.Coding{{System: "http://terminology.hl7.org/CodeSystem/v3-ActReason", Code: "BTG"}}, []auth.Coding{{System: "urn:oid:2.16.840.1.113883.6.96", Code: "309343006"}}
			})},
		{"of another issuer", other.token(t, other.claims(nil), "at+jwt", "k"), nil},
		{"signed by another, who says that it is this one", other.token(t, p.claims(nil), "at+jwt", "k"), nil},
		{"unknown kid", p.token(t, p.claims(nil), "at+jwt", "k2"), nil},
		{"for another server", with("aud", "https://other.example.org"), nil},
		{"no aud", with("aud", nil), nil},
		{"expired", with("exp", at.Add(-time.Minute).Unix()), nil},
		{"no exp", with("exp", nil), nil},
		{"not yet", with("nbf", at.Add(time.Minute).Unix()), nil},
		{"from the future", with("iat", at.Add(time.Minute).Unix()), nil},
		{"no sub", with("sub", nil), nil},
		{"an id_token", with("nonce", "n"), nil},
		{"an id_token by its hash", with("at_hash", "n"), nil},
		{"an id_token by its kind", with("typ", "ID"), nil},
		{"a refresh token", with("typ", "Refresh"), nil},
		{"a logout token", p.token(t, p.claims(nil), "logout+jwt", "k"), nil},
		{"none", "eyJhbGciOiJub25lIiwia2lkIjoiayJ9." + strings.Split(with("x", "y"), ".")[1] + ".", nil},
		{"opaque", "x", nil},
		{"empty", "", nil},
		{"too long", strings.Repeat("x", oidc.MaxTokenBytes+1), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := s.Claims(t.Context(), test.token)
			if test.want == nil {
				if !errors.Is(err, auth.ErrToken) {
					t.Fatal(got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if n := p.discovered.Load(); n != 1 {
		t.Errorf("discovery was asked for %d times", n)
	}
	if n := p.keysAsked.Load(); n != 1 { // the clock stands still: a kid that is not known does not let a flood through
		t.Errorf("keys were asked for %d times", n)
	}
	if n := other.discovered.Load(); n != 0 {
		t.Errorf("an issuer that is not trusted was asked %d times", n)
	}
}

// TestOutage has an issuer go away and come back: no access meanwhile, but for tokens whose keys are known.
func TestOutage(t *testing.T) {
	p := newProvider(t)
	now := at
	s := newIssuers(t, func() time.Time { return now }, oidc.Issuer{URL: p.URL, Audiences: []string{base}})
	token := p.token(t, p.claims(map[string]any{"exp": at.Add(24 * time.Hour).Unix()}), "at+jwt", "k")
	step := func(what string, after time.Duration, want error) {
		t.Helper()
		now = now.Add(after)
		if _, err := s.Claims(t.Context(), token); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	p.down.Store(true)
	step("down at first", 0, auth.ErrUnavailable)
	p.down.Store(false)
	step("back, but asked a moment ago", time.Second, auth.ErrUnavailable)
	step("back", 10*time.Second, nil)
	p.down.Store(true)
	step("keys are known", time.Minute, nil)
	step("keys are too old", 5*time.Minute, auth.ErrUnavailable)
	p.down.Store(false)
	step("back again", 11*time.Second, nil)
}

func TestIntrospection(t *testing.T) {
	p := newProvider(t)
	now := at
	clock := func() time.Time { return now }
	asking := oidc.Issuer{URL: p.URL, Audiences: []string{base}, ClientID: "firth", ClientSecret: "s&cret"}
	s := newIssuers(t, clock, asking)
	p.opaque["good"] = `{"active":true,"scope":"system/Observation.rs","client_id":"backend","exp":` + timeOf(at.Add(time.Hour)) + `}`
	p.opaque["over"] = `{"active":true,"scope":"system/Observation.rs","client_id":"backend","exp":` + timeOf(at.Add(-time.Hour)) + `}`
	p.opaque["other"] = `{"active":true,"iss":"https://other.example.org","client_id":"backend","exp":` + timeOf(at.Add(time.Hour)) + `}`
	p.opaque["for another"] = `{"active":true,"aud":"https://other.example.org","client_id":"backend","exp":` + timeOf(at.Add(time.Hour)) + `}`
	for token, want := range map[string]error{"good": nil, "over": auth.ErrToken, "other": auth.ErrToken, "for another": auth.ErrToken, "unknown": auth.ErrToken} {
		got, err := s.Claims(t.Context(), token)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", token, err, want)
		}
		if err == nil && (got.Subject != "backend" || got.Issuer != p.URL || got.Scope != "system/Observation.rs" || got.TokenID == "" || strings.Contains(got.TokenID, token)) {
			t.Errorf("%s: %+v", token, got)
		}
	}
	asked := p.asked.Load()
	for range 10 {
		if _, err := s.Claims(t.Context(), "good"); err != nil {
			t.Error(err)
		}
	}
	if p.asked.Load() != asked {
		t.Error("asked again within half a minute")
	}
	p.mu.Lock()
	delete(p.opaque, "good")
	p.mu.Unlock()
	now = now.Add(31 * time.Second)
	if _, err := s.Claims(t.Context(), "good"); !errors.Is(err, auth.ErrToken) {
		t.Error("revoked: ", err)
	}
	p.down.Store(true)
	if _, err := s.Claims(t.Context(), "new"); !errors.Is(err, auth.ErrUnavailable) {
		t.Error("down: ", err)
	}
	p.down.Store(false)

	asking.Introspect = true
	strict := newIssuers(t, clock, asking)
	token := p.token(t, p.claims(nil), "at+jwt", "k")
	if _, err := strict.Claims(t.Context(), token); !errors.Is(err, auth.ErrToken) {
		t.Error("a JWT that was revoked: ", err)
	}
	p.mu.Lock()
	p.opaque[token] = `{"active":true,"sub":"u1","exp":` + timeOf(at.Add(time.Hour)) + `}`
	p.mu.Unlock()
	now = now.Add(31 * time.Second)
	if got, err := strict.Claims(t.Context(), token); err != nil || got.Patient != "p1" {
		t.Error("a JWT that is active: ", got, err)
	}
	asking.ClientSecret, asking.Introspect = "wrong", false
	if _, err := newIssuers(t, clock, asking).Claims(t.Context(), "good"); !errors.Is(err, auth.ErrUnavailable) {
		t.Error("with a wrong secret: ", err)
	}
}

func timeOf(t time.Time) string {
	text, _ := json.Marshal(t.Unix())
	return string(text)
}

func TestOptions(t *testing.T) {
	for _, test := range []struct {
		want    string
		issuers []oidc.Issuer
	}{
		{`issuer "ftp://x": not an https URL`, []oidc.Issuer{{URL: "ftp://x", Audiences: []string{base}}}},
		{`issuer "https://x": no audience`, []oidc.Issuer{{URL: "https://x"}}},
		{`issuer "https://x": introspection needs a client id`, []oidc.Issuer{{URL: "https://x", Audiences: []string{base}, Introspect: true}}},
		{`issuer "https://x/": named twice`, []oidc.Issuer{{URL: "https://x", Audiences: []string{base}}, {URL: "https://x/", Audiences: []string{base}}}},
	} {
		if _, err := oidc.New(oidc.Options{Issuers: test.issuers, Base: base, Clock: always}); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func FuzzToken(f *testing.F) {
	s, err := oidc.New(oidc.Options{Issuers: []oidc.Issuer{{URL: "http://127.0.0.1:1", Audiences: []string{base}}}, Base: base, Clock: always})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjEifQ.AAAA")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := s.Claims(t.Context(), token); !errors.Is(err, auth.ErrToken) && !errors.Is(err, auth.ErrUnavailable) {
			t.Fatal(err)
		}
	})
}
