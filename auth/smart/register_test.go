package smart_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/firth-health/firth/auth/smart"
)

func jsonUnmarshal(text string, v any) error { return json.Unmarshal([]byte(text), v) }

func TestRegistration(t *testing.T) {
	off := newSite(t, nil)
	if got := off.post("/auth/register", "application/json", `{"client_name":"x","redirect_uris":["`+redirectURI+`"]}`); got.status != http.StatusNotFound {
		t.Errorf("while off: %d %s", got.status, got.body)
	}
	if off.Endpoints().Register != "" || off.request(http.MethodGet, "/.well-known/smart-configuration", "").json["registration_endpoint"] != nil {
		t.Error("an endpoint that is off is said to be there")
	}
	s := newSite(t, func(o *smart.Options) { o.Registration = true })
	register := func(body string) answered { return s.post("/auth/register", "application/json", body) }
	got := register(`{"client_name":"Self-made","redirect_uris":["` + redirectURI + `"],"token_endpoint_auth_method":"none","grant_types":["authorization_code"],"scope":"openid launch/patient patient/Observation.rs","software_id":"x"}`)
	if got.status != http.StatusCreated || got.text("client_id") == "" || got.json["client_secret"] != nil || got.text("client_name") != "Self-made" || got.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	b := s.browser()
	p := b.login(b.authorize(s.ask("client_id", got.text("client_id"))), "anna").at(t, "/auth/consent")
	if !strings.Contains(p.body, "This app registered itself") {
		t.Errorf("%s", p.body)
	}
	secret := register(`{"redirect_uris":["` + redirectURI + `"]}`)
	if secret.status != http.StatusCreated || len(secret.text("client_secret")) != 43 || secret.json["client_secret_expires_at"] != 0.0 || secret.text("token_endpoint_auth_method") != "client_secret_basic" {
		t.Errorf("%d %s", secret.status, secret.body)
	}
	for _, keys := range []string{`"jwks_uri":"https://app.example/jwks"`, `"jwks":` + string(s.keySet())} {
		if got := register(`{"redirect_uris":["` + redirectURI + `"],"token_endpoint_auth_method":"private_key_jwt",` + keys + `}`); got.status != http.StatusCreated {
			t.Errorf("%s: %d %s", keys[:10], got.status, got.body)
		}
	}
	for body, want := range map[string]string{
		`x`:  "invalid_client_metadata",
		`{}`: "invalid_redirect_uri",
		`{"redirect_uris":["http://app.example/cb"]}`:                                                 "invalid_redirect_uri",
		`{"redirect_uris":["javascript:alert(1)"]}`:                                                   "invalid_redirect_uri",
		`{"redirect_uris":["https://a.example/cb"],"scope":"system/*.rs"}`:                            "invalid_client_metadata",
		`{"redirect_uris":["https://a.example/cb"],"scope":"firth/accounts"}`:                         "invalid_client_metadata",
		`{"redirect_uris":["https://a.example/cb"],"grant_types":["client_credentials"]}`:             "invalid_client_metadata",
		`{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"client_secret_jwt"}`: "invalid_client_metadata",
		`{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"private_key_jwt"}`:   "invalid_client_metadata",
		`{"redirect_uris":["https://a.example/cb"],"jwks_uri":"https://a.example/jwks"}`:              "invalid_client_metadata",
	} {
		if got := register(body); got.status != http.StatusBadRequest || got.text("error") != want {
			t.Errorf("%s: %d %s, want %s", body, got.status, got.body, want)
		}
	}
}

func TestBrands(t *testing.T) {
	brand := smart.Brand{
		Name: "Mercy General", Website: "https://www.mercy.example/welcome", PortalURL: "https://portal.mercy.example", Logo: "https://mercy.example/logo.png", Aliases: []string{"MG"}, Phone: "+1 555 0100", City: "Springfield",
	}
	s := newSite(t, func(o *smart.Options) { o.Brand = brand })
	got := s.request(http.MethodGet, "/auth/brands.json", "")
	etag := got.header.Get("ETag")
	if !strings.HasPrefix(etag, `W/"`) || got.text("type") != "collection" || got.text("timestamp") == "" {
		t.Fatalf("%v %s", got.header, got.body)
	}
	if !strings.Contains(got.body, `"value":"https://mercy.example"`) || !strings.Contains(got.body, s.base) {
		t.Errorf("%s", got.body)
	}
	if again := s.request(http.MethodGet, "/auth/brands.json", "", "If-None-Match", etag); again.status != http.StatusNotModified {
		t.Errorf("unchanged: %d", again.status)
	}
	s.pass(48 * 3600e9)
	s.Server = s.open(func(o *smart.Options) { o.Brand = brand })
	if again := s.request(http.MethodGet, "/auth/brands.json", ""); again.body != got.body || again.header.Get("ETag") != etag {
		t.Error("after a restart it says that it changed")
	}
	brand.Phone = "+1 555 0199"
	s.Server = s.open(func(o *smart.Options) { o.Brand = brand })
	if again := s.request(http.MethodGet, "/auth/brands.json", ""); again.text("timestamp") == got.text("timestamp") || again.header.Get("ETag") == etag {
		t.Error("a change is not told")
	}
	own := `{"resourceType":"Bundle","type":"collection","timestamp":"2026-01-01T00:00:00Z","entry":[{"resource":{"resourceType":"Organization","identifier":[{"system":"urn:x","value":"%s"}]}},{"resource":{"resourceType":"Organization","identifier":[{"system":"urn:x","value":"2"}]}}]}`
	for value, fine := range map[string]bool{"1": true, "2": false, "3": false} {
		_, err := smart.New(t.Context(), smart.Options{
			BaseURL: "https://x.example/fhir", Key: key(), State: s.store, Brand: smart.Brand{IdentifierSystem: "urn:x", IdentifierValue: "1", Bundle: []byte(strings.Replace(own, "%s", value, 1))},
		})
		if (err == nil) != fine && value != "3" || value == "3" && err == nil {
			t.Errorf("bundle with %s: %v", value, err)
		}
	}
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
