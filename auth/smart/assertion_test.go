package smart_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/firth-health/firth/auth/smart/clients"
)

var jtis atomic.Int64

// assertion is a client assertion that is in order; changes alter its claims.
func (s *site) assertion(client, kid string, headers map[jose.HeaderKey]any, change func(map[string]any)) string {
	s.t.Helper()
	claims := map[string]any{"iss": client, "sub": client, "aud": s.root + "/auth/token", "exp": s.now().Add(4 * time.Minute).Unix(), "jti": "jti-" + strconv.FormatInt(jtis.Add(1), 10)}
	if change != nil {
		change(claims)
	}
	signing := jose.SigningKey{Algorithm: jose.ES384, Key: jose.JSONWebKey{Key: s.ec, KeyID: kid}}
	if kid == "rsa" {
		signing = jose.SigningKey{Algorithm: jose.RS384, Key: jose.JSONWebKey{Key: s.rsa, KeyID: kid}}
	}
	return s.sign(signing, headers, claims)
}

func (s *site) sign(signing jose.SigningKey, headers map[jose.HeaderKey]any, claims map[string]any) string {
	s.t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range headers {
		options = options.WithHeader(name, value)
	}
	signer, err := jose.NewSigner(signing, options)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func serviceForm(assertion string, changes ...string) url.Values {
	return changed(url.Values{
		"grant_type": {"client_credentials"}, "scope": {"system/Observation.rs"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}, changes...)
}

// assertionCase is an assertion with a request around it, and what comes of them.
type assertionCase struct {
	name      string
	assertion string
	changes   []string // of the form
	want      string   // error; empty for a token
}

// in is a time from now, as claims have it.
func (s *site) in(d time.Duration) int64 { return s.now().Add(d).Unix() }

// claiming is an assertion with another value of a claim; nil is none.
func (s *site) claiming(name string, value any) string {
	return s.assertion("service", "ec", nil, func(c map[string]any) {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	})
}

// ofClaims are assertions that say this and that.
func (s *site) ofClaims() []assertionCase {
	return []assertionCase{
		{"issuer as aud", s.claiming("aud", s.root), nil, ""},
		{"several aud", s.claiming("aud", []string{"x", s.root + "/auth/token"}), nil, ""},
		{"client_id as well", s.claiming("iat", s.in(0)), []string{"client_id", "service"}, ""},
		{"registered jku's absence", s.claiming("nbf", s.in(-time.Minute)), nil, ""},
		{"another client_id", s.claiming("iat", s.in(0)), []string{"client_id", "asymmetric"}, "invalid_client"},
		{"wrong aud", s.claiming("aud", "https://evil.example/token"), nil, "invalid_client"},
		{"no aud", s.claiming("aud", nil), nil, "invalid_client"},
		{"expired", s.claiming("exp", s.in(-time.Minute)), nil, "invalid_client"},
		{"no exp", s.claiming("exp", nil), nil, "invalid_client"},
		{"exp an hour ahead", s.claiming("exp", s.in(time.Hour)), nil, "invalid_client"},
		{"not yet valid", s.claiming("nbf", s.in(time.Hour)), nil, "invalid_client"},
		{"iss of another", s.claiming("iss", "asymmetric"), nil, "invalid_client"},
		{"no iss", s.claiming("iss", nil), nil, "invalid_client"},
		{"sub of another", s.claiming("sub", "asymmetric"), nil, "invalid_client"},
		{"no jti", s.claiming("jti", nil), nil, "invalid_client"},
	}
}

// ofKeys are assertions signed in this and that way.
func (s *site) ofKeys() []assertionCase {
	stranger, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	good := map[string]any{"iss": "service", "sub": "service", "aud": s.root + "/auth/token", "exp": s.in(time.Minute), "jti": "unsigned"}
	secret, err := json.Marshal(good)
	if err != nil {
		s.t.Fatal(err)
	}
	return []assertionCase{
		{"unknown client", s.assertion("nobody", "ec", nil, nil), nil, "invalid_client"},
		{"client without keys", s.assertion("public", "ec", nil, nil), nil, "invalid_client"},
		{"unknown kid", s.assertion("service", "other", nil, nil), nil, "invalid_client"},
		{"no kid", s.assertion("service", "", nil, nil), nil, "invalid_client"},
		{"kid of another type of key", s.sign(jose.SigningKey{Algorithm: jose.ES384, Key: jose.JSONWebKey{Key: s.ec, KeyID: "rsa"}}, nil, good), nil, "invalid_client"},
		{"stranger's key", s.sign(jose.SigningKey{Algorithm: jose.ES384, Key: jose.JSONWebKey{Key: stranger, KeyID: "ec"}}, nil, good), nil, "invalid_client"},
		{"RS256", s.sign(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: s.rsa, KeyID: "rsa"}}, nil, good), nil, "invalid_client"},
		{"HMAC with what is public", s.sign(jose.SigningKey{Algorithm: jose.HS384, Key: jose.JSONWebKey{Key: secret, KeyID: "rsa"}}, nil, good), nil, "invalid_client"},
		{"alg none", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJzZXJ2aWNlIiwic3ViIjoic2VydmljZSJ9.", nil, "invalid_client"},
		{"jku of a stranger", s.assertion("service", "ec", map[jose.HeaderKey]any{"jku": "https://evil.example/keys"}, nil), nil, "invalid_client"},
	}
}

// ofForms are requests with a good assertion, or none.
func (s *site) ofForms() []assertionCase {
	return []assertionCase{
		{"no JWT", "xyz", nil, "invalid_client"},
		{"empty", "", []string{"client_assertion", ""}, "invalid_client"},
		{"wrong type of assertion", s.claiming("iat", s.in(0)), []string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "invalid_client"},
		{"no type of assertion", s.claiming("iat", s.in(0)), []string{"client_assertion_type", ""}, "invalid_client"},
		{"wrong grant_type", s.claiming("iat", s.in(0)), []string{"grant_type", "not_a_grant_type"}, "unsupported_grant_type"},
		{"no scope", s.claiming("iat", s.in(0)), []string{"scope", ""}, "invalid_scope"},
		{"scope beyond", s.claiming("iat", s.in(0)), []string{"scope", "system/Observation.rs system/Condition.rs"}, "invalid_scope"},
		{"more actions", s.claiming("iat", s.in(0)), []string{"scope", "system/Patient.cruds"}, "invalid_scope"},
		{"patient scope", s.claiming("iat", s.in(0)), []string{"scope", "patient/Observation.rs"}, "invalid_scope"},
		{"user scope", s.claiming("iat", s.in(0)), []string{"scope", "system/Observation.rs user/Observation.rs"}, "invalid_scope"},
		{"malformed scope", s.claiming("iat", s.in(0)), []string{"scope", "system/Observation.sr"}, "invalid_scope"},
		{"v1 scope", s.claiming("iat", s.in(0)), []string{"scope", "system/Patient.read"}, ""},
		{"secret as well", s.claiming("iat", s.in(0)), []string{"client_secret", "x"}, "invalid_request"},
	}
}

func TestBackendServices(t *testing.T) {
	s := newSite(t, nil)
	for _, kid := range []string{"rsa", "ec"} {
		t.Run(kid, func(t *testing.T) {
			got := s.call("/auth/token", serviceForm(s.assertion("service", kid, nil, nil)))
			if got.status != http.StatusOK || got.text("scope") != "system/Observation.rs" || got.json["expires_in"] != 300.0 || got.text("token_type") != "Bearer" || got.json["refresh_token"] != nil || got.json["patient"] != nil {
				t.Fatalf("%d %s", got.status, got.body)
			}
			claims, err := s.Lookup(t.Context(), got.text("access_token"))
			if err != nil || claims.Subject != "service" || claims.Client != "service" || claims.FHIRUser != "" || claims.Scope != "system/Observation.rs" {
				t.Errorf("%+v %v", claims, err)
			}
		})
	}
	for _, tt := range slices.Concat(s.ofClaims(), s.ofKeys(), s.ofForms()) {
		t.Run(tt.name, func(t *testing.T) {
			got := s.call("/auth/token", serviceForm(tt.assertion, tt.changes...))
			if tt.want == "" && got.status == http.StatusOK && got.json["access_token"] != nil {
				return
			}
			if got.text("error") != tt.want || got.json["access_token"] != nil || got.status != http.StatusBadRequest && got.status != http.StatusUnauthorized {
				t.Errorf("%d %s, want %s", got.status, got.body, tt.want)
			}
		})
	}
	t.Run("used twice", s.usedTwice)
	t.Run("secret instead of keys", s.secretInsteadOfKeys)
	t.Run("after five minutes", s.afterFiveMinutes)
}

func (s *site) usedTwice(t *testing.T) {
	assertion := s.assertion("service", "ec", nil, nil)
	if got := s.call("/auth/token", serviceForm(assertion)); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := s.call("/auth/token", serviceForm(assertion)); got.text("error") != "invalid_client" {
		t.Errorf("%d %s", got.status, got.body)
	}
	s.pass(time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.call("/auth/token", serviceForm(assertion)); got.text("error") != "invalid_client" {
		t.Errorf("an hour later: %d %s", got.status, got.body)
	}
}

func (s *site) secretInsteadOfKeys(t *testing.T) {
	got := s.call("/auth/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"system/Observation.rs"}}, basic("confidential", s.secret)...)
	if got.text("error") != "unauthorized_client" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func (s *site) afterFiveMinutes(t *testing.T) {
	got := s.call("/auth/token", serviceForm(s.assertion("service", "ec", nil, nil)))
	s.pass(5 * time.Minute)
	if _, err := s.Lookup(t.Context(), got.text("access_token")); err == nil {
		t.Error("the token lives")
	}
}

// A client's keys behind a URL: with its jku or without, after it has changed them, and when it cannot be asked.
func TestKeysByURL(t *testing.T) {
	s := newSite(t, nil)
	var set atomic.Value
	set.Store([]byte(s.keySet()))
	var asked atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(set.Load().([]byte))
	}))
	defer host.Close()
	address := host.URL + "/jwks"
	s.client(clients.Client{ID: "byurl", Name: "By URL", Type: clients.Asymmetric, JWKSURL: address, Scopes: "system/Observation.rs"})
	for range 3 {
		if got := s.call("/auth/token", serviceForm(s.assertion("byurl", "ec", map[jose.HeaderKey]any{"jku": address}, nil))); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times within a minute", asked.Load())
	}
	s.pass(2 * time.Minute)
	if got := s.call("/auth/token", serviceForm(s.assertion("byurl", "rsa", nil, nil))); got.status != http.StatusOK || asked.Load() != 2 {
		t.Errorf("%d %s, asked %d times", got.status, got.body, asked.Load())
	}
	if got := s.call("/auth/token", serviceForm(s.assertion("byurl", "ec", map[jose.HeaderKey]any{"jku": host.URL + "/others"}, nil))); got.text("error") != "invalid_client" {
		t.Errorf("another jku: %d %s", got.status, got.body)
	}
	set.Store([]byte(`{"keys":[]}`))
	s.pass(2 * time.Minute)
	if got := s.call("/auth/token", serviceForm(s.assertion("byurl", "ec", nil, nil))); got.text("error") != "invalid_client" {
		t.Errorf("after the keys are gone: %d %s", got.status, got.body)
	}
	host.Close()
	s.pass(2 * time.Minute)
	if got := s.call("/auth/token", serviceForm(s.assertion("byurl", "ec", nil, nil))); got.text("error") != "invalid_client" {
		t.Errorf("while nobody answers: %d %s", got.status, got.body)
	}
}
