package e2e

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/internal/firthtest"
)

// serveProvider starts an OpenID provider with one key.
func serveProvider(t *testing.T, s firthtest.Signer) (issuer string) {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]any{"issuer": issuer, "jwks_uri": issuer + "/keys", "authorization_endpoint": issuer + "/a", "token_endpoint": issuer + "/t"}
		if r.URL.Path == "/keys" {
			answer = map[string]any{"keys": []any{s.JWK(t)}}
		}
		_, _ = w.Write(must(t, answer))
	}))
	t.Cleanup(provider.Close)
	issuer = provider.URL
	return issuer
}

// TestConsentAboutOrganization denies the data of a patient to who works for an organization, by the PractitionerRoles that are stored, and sees who begins to work there.
func TestConsentAboutOrganization(t *testing.T) {
	rs, _ := firthtest.NewSigners(t)
	issuer := serveProvider(t, rs)
	store, keys := place(t), filepath.Join(t.TempDir(), "keys")
	file := filepath.Join(t.TempDir(), "seed.ndjson")
	seed := strings.Join([]string{
		`{"resourceType":"Patient","id":"p"}`,
		`{"resourceType":"Organization","id":"hospital"}`,
		`{"resourceType":"Organization","id":"ward","partOf":{"reference":"Organization/hospital"}}`,
		`{"resourceType":"Organization","id":"practice"}`,
		`{"resourceType":"Practitioner","id":"in"}`, `{"resourceType":"Practitioner","id":"out"}`, `{"resourceType":"Practitioner","id":"unknown"}`,
		`{"resourceType":"PractitionerRole","id":"in","active":true,"practitioner":{"reference":"Practitioner/in"},"organization":{"reference":"Organization/ward"}}`,
		`{"resourceType":"PractitionerRole","id":"out","active":true,"practitioner":{"reference":"Practitioner/out"},"organization":{"reference":"Organization/practice"}}`,
		`{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"x"}],"policyRule":{"text":"x"},"patient":{"reference":"Patient/p"},` +
			`"provision":{"type":"deny","actor":[{"role":{"text":"x"},"reference":{"reference":"Organization/hospital"}}]}}`,
	}, "\n") + "\n"
	if err := os.WriteFile(file, []byte(seed), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := run(t, "", importing(store, file)...); code != 0 {
		t.Fatal(stderr)
	}
	g := serveGuarded(t, store, keys, "--oidc-issuer", issuer, "--oidc-audience", "api")
	sees := func(who, path string) int {
		return g.status(rs.Token(t, "at+jwt", map[string]any{"iss": issuer, "sub": who, "aud": "api", "exp": time.Now().Add(time.Hour).Unix(), "jti": rand.Text(), "client_id": "portal", "scope": "user/*.cruds",
			"fhirUser": "Practitioner/" + who}), "GET", path, "")
	}
	for who, want := range map[string]int{"in": 404, "out": 200, "unknown": 404} {
		if got := sees(who, "/Patient/p"); got != want {
			t.Errorf("%s: %d, want %d", who, got, want)
		}
		if got := sees(who, "/Practitioner/in"); got != 200 {
			t.Errorf("%s, what is not the patient's: %d", who, got)
		}
	}
	token := rs.Token(t, "at+jwt", map[string]any{"iss": issuer, "sub": "a", "aud": "api", "exp": time.Now().Add(time.Hour).Unix(), "jti": rand.Text(), "client_id": "registry", "scope": "system/PractitionerRole.cruds"})
	joined := `{"resourceType":"PractitionerRole","id":"out","active":true,"practitioner":{"reference":"Practitioner/out"},"organization":{"reference":"Organization/hospital"}}`
	if got := g.status(token, "PUT", "/PractitionerRole/out", joined); got != 200 {
		t.Fatal("a role is changed: ", got)
	}
	for begun := time.Now(); sees("out", "/Patient/p") != 404; time.Sleep(200 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal("who works there now still sees the patient")
		}
	}
	if code := g.Stop(t); code != 0 {
		t.Error("exit ", code)
	}
}
