package e2e

import (
	"crypto/rand"
	_ "crypto/sha512" // of the signatures
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/firthtest"
	"github.com/firth-health/firth/internal/teststore"
)

// guarded is a server with authorization.
type guarded struct {
	*testing.T
	*firthtest.Process
	store, keys, base, origin string
}

// serveGuarded starts one on a store.
func serveGuarded(t *testing.T, store, keys string, extra ...string) *guarded {
	t.Helper()
	args := append([]string{"serve", "--store", store, "--keys", keys, "--listen", "127.0.0.1:0"}, teststore.Flags()...)
	g := &guarded{T: t, Process: launch(t, append(args, extra...)...), store: store, keys: keys}
	g.Await(t, "ready ")
	g.base = g.Line(t, "ready ")
	g.origin = strings.TrimSuffix(g.base, "/fhir")
	return g
}

// admin runs a command on the server's store.
func (g *guarded) admin(args ...string) string {
	g.Helper()
	stdout, stderr, code := run(g.T, "", append(args, append([]string{"--store", g.store, "--keys", g.keys, "--log-level", "error"}, teststore.Flags()...)...)...)
	if code != 0 {
		g.Fatal(args, code, stderr)
	}
	return stdout
}

// grant asks the token endpoint for a token of a service: status, and the answer.
func (g *guarded) grant(s firthtest.Signer, client, scope string, changes ...func(claims map[string]any)) (int, map[string]any) {
	g.Helper()
	return g.post("/auth/token", s.Assertion(g.T, g.origin, client, scope, changes...))
}

func (g *guarded) post(path string, form url.Values) (int, map[string]any) {
	g.Helper()
	response, err := http.PostForm(g.origin+path, form)
	if err != nil {
		g.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		answer = nil
	}
	return response.StatusCode, answer
}

// status is that of a request with a token.
func (g *guarded) status(token, method, path, body string) int {
	g.Helper()
	status, _, _, err := request(method, g.base+path, body, "Authorization", "Bearer "+token)
	if err != nil {
		g.Fatal(err)
	}
	return status
}

// TestBackendServices lets services in by their keys, as SMART Backend Services describes it, and only to what they are registered for.
func TestBackendServices(t *testing.T) {
	rs, es := firthtest.NewSigners(t)
	dir, store := t.TempDir(), place(t)
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"keys":[` + string(must(t, es.JWK(t))) + `]}`))
	}))
	t.Cleanup(published.Close)
	g := serveGuarded(t, store, filepath.Join(dir, "keys"), "--private-clients")
	g.admin("client", "add", "gateway", "--name", "Ward 7", "--type", "asymmetric", "--jwks", firthtest.JWKS(t, rs, es), "--scopes", "system/Observation.c system/Patient.cu")
	g.admin("client", "add", "warehouse", "--name", "Warehouse", "--type", "asymmetric", "--jwks-url", published.URL, "--scopes", "system/*.rs")

	for _, test := range []struct {
		name, client, scope string
		signer              firthtest.Signer
		change              func(map[string]any)
		status              int
		problem             string
	}{
		{"RS384", "gateway", "system/Observation.c", rs, nil, 200, ""},
		{"ES384", "gateway", "system/Observation.c system/Patient.cu", es, nil, 200, ""},
		{"keys behind a URL", "warehouse", "system/*.rs", es, nil, 200, ""},
		{"a key that is not behind the URL", "warehouse", "system/*.rs", rs, nil, 401, "invalid_client"},
		{"more than registered", "gateway", "system/Observation.rs", rs, nil, 400, "invalid_scope"},
		{"no scope", "gateway", "", rs, nil, 400, "invalid_scope"},
		{"a scope of users", "gateway", "user/Observation.c", rs, nil, 400, "invalid_scope"},
		{"unknown client", "nobody", "system/Observation.c", rs, nil, 401, "invalid_client"},
		{"expired", "gateway", "system/Observation.c", rs, func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }, 401, "invalid_client"},
		{"for another server", "gateway", "system/Observation.c", rs, func(c map[string]any) { c["aud"] = "https://other.example.org" }, 401, "invalid_client"},
		{"no jti", "gateway", "system/Observation.c", rs, func(c map[string]any) { delete(c, "jti") }, 401, "invalid_client"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, answer := g.grant(test.signer, test.client, test.scope, func(c map[string]any) {
				if test.change != nil {
					test.change(c)
				}
			})
			if problem, _ := answer["error"].(string); status != test.status || problem != test.problem {
				t.Fatal(status, answer)
			}
			if status == 200 && (answer["token_type"] != "Bearer" || answer["expires_in"] != 300.0 || answer["scope"] != test.scope || answer["refresh_token"] != nil) {
				t.Error(answer)
			}
		})
	}
	t.Run("replay", func(t *testing.T) {
		again := func(c map[string]any) { c["jti"] = "the same" }
		first, _ := g.grant(rs, "gateway", "system/Observation.c", again)
		second, answer := g.grant(rs, "gateway", "system/Observation.c", again)
		if first != 200 || second != 401 || answer["error"] != "invalid_client" {
			t.Error(first, second, answer)
		}
	})
	t.Run("what the tokens allow", func(t *testing.T) {
		token := func(s firthtest.Signer, client, scope string) string {
			_, answer := g.grant(s, client, scope)
			return answer["access_token"].(string)
		}
		gateway, warehouse := token(rs, "gateway", "system/Observation.c system/Patient.cu"), token(es, "warehouse", "system/*.rs")
		patient, observation := `{"resourceType":"Patient","id":"p"}`, `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`
		got := []int{
			g.status(gateway, "PUT", "/Patient/p", patient), g.status(gateway, "POST", "/Observation", observation), g.status(gateway, "GET", "/Patient/p", ""), g.status(gateway, "DELETE", "/Patient/p", ""),
			g.status(warehouse, "GET", "/Patient/p", ""), g.status(warehouse, "GET", "/Observation?patient=p", ""), g.status(warehouse, "POST", "/Observation", observation),
			g.status("none", "GET", "/Patient/p", ""), g.status(warehouse, "GET", "/AuditEvent", ""),
		}
		if diff := cmp.Diff([]int{201, 201, 403, 403, 200, 200, 403, 401, 403}, got); diff != "" {
			t.Error(diff)
		}
		g.admin("client", "disable", "warehouse")
		if got := g.status(warehouse, "GET", "/Patient/p", ""); got != 401 {
			t.Error("a client that was disabled: ", got)
		}
	})
	if code := g.Stop(t); code != 0 {
		t.Error("exit ", code)
	}
}

func must(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestForeignIssuer trusts an OpenID provider: its tokens give what they say, those of another provider nothing, and without it nobody who is not known yet gets in.
func TestForeignIssuer(t *testing.T) {
	rs, es := firthtest.NewSigners(t)
	var down atomic.Bool
	var issuer string
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]any{"issuer": issuer, "jwks_uri": issuer + "/keys", "authorization_endpoint": issuer + "/a", "token_endpoint": issuer + "/t"}
		if r.URL.Path == "/keys" {
			answer = map[string]any{"keys": []any{rs.JWK(t)}}
		}
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(must(t, answer))
	}))
	t.Cleanup(provider.Close)
	issuer = provider.URL
	store, keys := place(t), filepath.Join(t.TempDir(), "keys")
	seed := `{"resourceType":"Patient","id":"p"}` + "\n" + `{"resourceType":"Patient","id":"q"}` + "\n" +
		`{"resourceType":"Observation","id":"op","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}` + "\n" +
		`{"resourceType":"Observation","id":"oq","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/q"}}` + "\n"
	file := filepath.Join(t.TempDir(), "seed.ndjson")
	if err := os.WriteFile(file, []byte(seed), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := run(t, "", importing(store, file)...); code != 0 {
		t.Fatal(stderr)
	}
	g := serveGuarded(t, store, keys, "--oidc-issuer", issuer, "--oidc-audience", "api")
	token := func(s firthtest.Signer, changes map[string]any) string {
		claims := map[string]any{"iss": issuer, "sub": "u", "aud": "api", "exp": time.Now().Add(time.Hour).Unix(), "jti": rand.Text(), "client_id": "portal", "scope": "patient/*.rs", "patient": "p"}
		for name, value := range changes {
			claims[name] = value
		}
		return s.Token(t, "at+jwt", claims)
	}
	down.Store(true)
	if got := g.status(token(rs, nil), "GET", "/Patient/p", ""); got != 503 {
		t.Error("before the provider is there: ", got)
	}
	down.Store(false)
	for begun := time.Now(); g.status(token(rs, nil), "GET", "/Patient/p", "") != 200; time.Sleep(200 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal("the provider is not asked again")
		}
	}
	for _, test := range []struct {
		name, token, path string
		status            int
	}{
		{"own", token(rs, nil), "/Observation/op", 200},
		{"of somebody else", token(rs, nil), "/Observation/oq", 404},
		{"a user", token(rs, map[string]any{"scope": "user/*.rs", "patient": "", "fhirUser": "Practitioner/x"}), "/Observation/oq", 200},
		{"a service", token(rs, map[string]any{"scope": "system/Observation.rs"}), "/Observation/oq", 200},
		{"a service with less", token(rs, map[string]any{"scope": "system/Patient.rs"}), "/Observation/oq", 403},
		{"for another server", token(rs, map[string]any{"aud": "other"}), "/Observation/op", 401},
		{"expired", token(rs, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), "/Observation/op", 401},
		{"signed by another", token(es, nil), "/Observation/op", 401},
		{"of an unknown issuer", token(rs, map[string]any{"iss": "https://other.example.org"}), "/Observation/op", 401},
	} {
		if got := g.status(test.token, "GET", test.path, ""); got != test.status {
			t.Errorf("%s: %d, want %d", test.name, got, test.status)
		}
	}
	total := ask(t, 200, "GET", g.base+"/Observation", "", "Authorization", "Bearer "+token(rs, nil)).Get("total").Text()
	if total != "1" {
		t.Errorf("a patient's app sees %s Observations", total)
	}
	if code := g.Stop(t); code != 0 {
		t.Error("exit ", code)
	}
}
