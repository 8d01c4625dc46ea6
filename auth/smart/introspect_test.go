package smart_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/events"
)

// service returns an access token of the client that acts for itself.
func (s *site) service(scope string) string {
	s.t.Helper()
	got := s.call("/auth/token", serviceForm(s.assertion("service", "ec", nil, nil), "scope", scope))
	if got.status != http.StatusOK {
		s.t.Fatalf("%d %s", got.status, got.body)
	}
	return got.text("access_token")
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func TestIntrospection(t *testing.T) {
	s := newSite(t, nil)
	token := s.tokens(s.ask(), "anna", "")
	by := bearer(s.service("firth/introspection"))
	ask := func(token string, headers ...string) answered {
		return s.call("/auth/introspect", url.Values{"token": {token}}, headers...)
	}
	got := ask(token.text("access_token"), by...)
	exp, _ := got.json["exp"].(float64)
	if got.status != http.StatusOK || exp < float64(s.now().Add(59*time.Minute).Unix()) || exp > float64(s.now().Add(time.Hour).Unix()) {
		t.Fatalf("%d %s", got.status, got.body)
	}
	anna, err := s.Accounts().Find(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"active": true, "scope": allScopes, "client_id": "public", "token_type": "Bearer", "iss": s.root, "sub": anna.ID, "aud": s.base, "fhirUser": s.base + "/Patient/anna",
		"patient": "anna", "need_patient_banner": true, "smart_style_url": s.root + "/auth/style.json",
	}
	for _, name := range []string{"exp", "iat", "jti"} {
		want[name] = got.json[name]
	}
	if diff := cmp.Diff(want, got.json); diff != "" {
		t.Error(diff)
	}

	inactive := `{"active":false}`
	for name, got := range map[string]answered{
		"unknown":                ask("x", by...),
		"refresh token":          ask(token.text("refresh_token"), by...),
		"client, another's":      ask(token.text("access_token"), basic("confidential", s.secret)...),
		"unknown, asked by form": ask("firth_at_xyz", basic("confidential", s.secret)...),
	} {
		if got.status != http.StatusOK || got.body != inactive {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	own := s.browser().consented(s.ask("client_id", "confidential"), "anna", "")
	ownToken := s.call("/auth/token", codeForm(own.query.Get("code"), "client_id", "confidential"), basic("confidential", s.secret)...).text("access_token")
	if got := ask(ownToken, basic("confidential", s.secret)...); got.json["active"] != true {
		t.Errorf("a client's own token: %d %s", got.status, got.body)
	}
	service := s.call("/auth/introspect", serviceForm(s.assertion("service", "ec", nil, nil), "grant_type", "", "scope", "", "token", ownToken))
	if service.json["active"] != true {
		t.Errorf("by assertion: %d %s", service.status, service.body)
	}
	for name, got := range map[string]answered{
		"nobody":                  ask(ownToken),
		"public client":           s.call("/auth/introspect", url.Values{"token": {ownToken}, "client_id": {"public"}}),
		"wrong secret":            ask(ownToken, basic("confidential", "x")...),
		"token without the right": ask(ownToken, bearer(ownToken)...),
		"no token at all":         ask(ownToken, bearer("x")...),
	} {
		if got.status != http.StatusUnauthorized && got.status != http.StatusForbidden || got.json["active"] != nil {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := s.call("/auth/introspect", url.Values{}, by...); got.status != http.StatusBadRequest {
		t.Errorf("no token in the form: %d %s", got.status, got.body)
	}
	s.pass(time.Hour)
	if got := ask(token.text("access_token"), bearer(s.service("firth/introspection"))...); got.body != inactive {
		t.Errorf("after an hour: %s", got.body)
	}
}

func TestRevocation(t *testing.T) {
	s := newSite(t, nil)
	revoke := func(token, client string, changes ...string) answered {
		return s.call("/auth/revoke", changed(url.Values{"token": {token}, "client_id": {client}}, changes...))
	}
	lives := func(token string) bool {
		_, err := s.Lookup(t.Context(), token)
		if err != nil && !errors.Is(err, auth.ErrToken) {
			t.Fatal(err)
		}
		return err == nil
	}
	token := s.tokens(s.ask(), "anna", "")
	access, refresh := token.text("access_token"), token.text("refresh_token")
	for name, got := range map[string]answered{"another client": revoke(access, "other"), "another client, refresh": revoke(refresh, "other"), "unknown": revoke("x", "public"), "with a hint": revoke("x", "public", "token_type_hint", "refresh_token")} {
		if got.status != http.StatusOK || !lives(access) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := revoke(access, "public"); got.status != http.StatusOK || lives(access) {
		t.Errorf("access token: %d %s", got.status, got.body)
	}
	again := s.refresh(refresh)
	if again.status != http.StatusOK {
		t.Fatalf("the refresh token went too: %s", again.body)
	}
	if got := revoke(again.text("refresh_token"), "public"); got.status != http.StatusOK || lives(again.text("access_token")) || s.refresh(again.text("refresh_token")).status != http.StatusBadRequest {
		t.Errorf("refresh token: %d %s", got.status, got.body)
	}
	for name, got := range map[string]answered{
		"no client": s.call("/auth/revoke", url.Values{"token": {access}}), "secret client": revoke(access, "confidential"), "no token": revoke("", "public"), "JSON": s.post("/auth/revoke", "application/json", `{}`),
	} {
		if got.status == http.StatusOK {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if told := s.told(events.TokenRevoked); len(told) != 2 || told[0].TokenID == "" || told[1].Patient != "anna" {
		t.Errorf("events %+v", told)
	}
}

// What is revoked on one server is so at once there, and within seconds on others on the same store.
func TestSeveralServers(t *testing.T) {
	s := newSite(t, nil)
	other := s.open(nil)
	token := s.tokens(s.ask(), "anna", "").text("access_token")
	if _, err := other.Lookup(t.Context(), token); err != nil {
		t.Fatalf("on the other server: %v", err)
	}
	if got := s.call("/auth/revoke", url.Values{"token": {token}, "client_id": {"public"}}); got.status != http.StatusOK {
		t.Fatal(got.body)
	}
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, auth.ErrToken) {
		t.Errorf("on the same: %v", err)
	}
	s.pass(3 * time.Second)
	if _, err := other.Lookup(t.Context(), token); !errors.Is(err, auth.ErrToken) {
		t.Errorf("on the other after 3 s: %v", err)
	}
}

// A token that was seen a moment ago is looked up without the store.
func TestLookupIsCheap(t *testing.T) {
	s := newSite(t, nil)
	token := s.tokens(s.ask(), "anna", "").text("access_token")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := s.Lookup(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}); n > 4 {
		t.Errorf("%v allocations", n)
	}
	if _, err := s.Lookup(t.Context(), "firth_at_x"); !errors.Is(err, auth.ErrToken) {
		t.Error(err)
	}
}

// What is over is deleted, and nothing else.
func TestSweep(t *testing.T) {
	s := newSite(t, nil)
	token := s.tokens(s.ask(), "doctor", "anna")
	s.browser().authorize(s.ask())
	s.service("system/Observation.rs")
	count := func() (counts map[string]int) {
		counts = map[string]int{}
		for _, kind := range []string{"account", "login", "attempts", "link", "session", "client", "request", "launch", "authorization", "code", "access", "refresh", "assertion", "signing-key"} {
			list, err := s.store.ListState(t.Context(), "smart-"+kind, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) > 0 {
				counts[kind] = len(list)
			}
		}
		return counts
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"account": 4, "login": 4, "session": 1, "client": 5, "request": 1, "authorization": 1, "code": 1, "access": 2, "refresh": 1, "assertion": 1, "signing-key": 1}, count()); diff != "" {
		t.Errorf("at once: %s", diff)
	}
	s.pass(13 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"account": 4, "login": 4, "client": 5, "authorization": 1, "refresh": 1, "signing-key": 1}, count()); diff != "" {
		t.Errorf("after 13 hours: %s", diff)
	}
	if got := s.refresh(token.text("refresh_token")); got.status != http.StatusOK {
		t.Fatal(got.body)
	}
	s.pass(300 * 24 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"account": 4, "login": 4, "client": 5, "signing-key": 1}, count()); diff != "" {
		t.Errorf("after 300 days: %s", diff)
	}
}
