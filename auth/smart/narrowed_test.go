package smart_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
)

// change alters what a client is registered with.
func (s *site) change(id string, change func(*clients.Client)) {
	s.t.Helper()
	if _, err := s.Clients().Change(s.t.Context(), id, "changed", change); err != nil {
		s.t.Fatal(err)
	}
}

// scope is what an access token allows; "none" for a token that is void.
func (s *site) scope(token string) string {
	s.t.Helper()
	claims, err := s.Lookup(s.t.Context(), token)
	if errors.Is(err, auth.ErrToken) {
		return "none"
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return claims.Scope
}

// What a client is no longer registered for is not honoured any more: at once in access tokens, at the next use of refresh tokens.
func TestClientLosesScopes(t *testing.T) {
	s := newSite(t, nil)
	const before = "launch/patient offline_access patient/Observation.rs patient/Condition.read"
	got := s.tokens(s.ask("scope", before), "doctor", "anna")
	scopes := func(text string) { s.change("public", func(c *clients.Client) { c.Scopes = text }) }
	for _, step := range []struct {
		name, registered, access, refreshed string // empty: invalid_grant
	}{
		{"no less", "launch/patient offline_access patient/*.cruds", before, before},
		{"a type less", "launch/patient offline_access patient/Observation.rs", "launch/patient offline_access patient/Observation.rs", "launch/patient offline_access patient/Observation.rs"},
		{"a part of one", "offline_access patient/Observation.rs?category=laboratory", "offline_access patient/Observation.rs?category=laboratory", "offline_access patient/Observation.rs?category=laboratory"},
		{"for a while only", "launch/patient patient/Observation.rs", "launch/patient patient/Observation.rs", ""},
		{"something else", "patient/Device.rs", "none", ""},
		{"all again", "", before, before},
	} {
		scopes(step.registered)
		if diff := cmp.Diff(step.access, s.scope(got.text("access_token"))); diff != "" {
			t.Error(step.name, diff)
		}
		next := s.refresh(got.text("refresh_token"))
		if step.refreshed == "" {
			if next.status != http.StatusBadRequest || next.text("error") != "invalid_grant" {
				t.Errorf("%s: %d %s", step.name, next.status, next.body)
			}
			continue
		}
		if diff := cmp.Diff(step.refreshed, next.text("scope")); diff != "" || s.scope(next.text("access_token")) != step.refreshed {
			t.Error(step.name, diff, next.body)
		}
		got.json["refresh_token"] = next.text("refresh_token")
	}
	scopes("launch/patient offline_access patient/Observation.rs")
	if more := s.refresh(got.text("refresh_token"), "scope", "patient/Condition.read"); more.status != http.StatusBadRequest || more.text("error") != "invalid_scope" {
		t.Errorf("what was granted, by name: %d %s", more.status, more.body)
	}
}

// A revoked access token stays so, whatever its client was registered for at that time.
func TestRevokedWhileVoid(t *testing.T) {
	s := newSite(t, nil)
	token := s.tokens(s.ask("scope", "launch/patient patient/Observation.rs"), "doctor", "anna").text("access_token")
	s.change("public", func(c *clients.Client) { c.Scopes = "patient/Device.rs" })
	if got := s.call("/auth/revoke", url.Values{"token": {token}, "client_id": {"public"}}); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	s.change("public", func(c *clients.Client) { c.Scopes = "" })
	if got := s.scope(token); got != "none" {
		t.Error("lives again:", got)
	}
}

// What is between the request and the tokens counts, too.
func TestClientChangesMeanwhile(t *testing.T) {
	s := newSite(t, nil)
	code := func() string { return s.browser().consented(s.ask(), "doctor", "anna").query.Get("code") }
	narrow, gone := code(), code()
	s.change("public", func(c *clients.Client) { c.Scopes = "launch/patient patient/Observation.rs" })
	if got := s.call("/auth/token", codeForm(narrow)); got.text("scope") != "launch/patient patient/Observation.rs" || got.json["refresh_token"] != nil || got.json["id_token"] != nil {
		t.Errorf("fewer scopes: %d %s", got.status, got.body)
	}
	s.change("public", func(c *clients.Client) { c.Scopes = "patient/Device.rs" })
	if got := s.call("/auth/token", codeForm(gone)); got.status != http.StatusBadRequest || got.text("error") != "invalid_grant" {
		t.Errorf("none of the scopes: %d %s", got.status, got.body)
	}
	s.change("public", func(c *clients.Client) { c.Scopes = "" })
	for name, change := range map[string]func(*clients.Client){
		"scopes":       func(c *clients.Client) { c.Scopes = "launch/patient patient/Observation.rs" },
		"redirect URI": func(c *clients.Client) { c.RedirectURIs = []string{"https://app.example/new"} },
	} {
		b := s.browser()
		p := b.login(b.authorize(s.ask()), "anna").at(t, "/auth/consent")
		was, err := s.Clients().Get(t.Context(), "public")
		if err != nil {
			t.Fatal(err)
		}
		s.change("public", change)
		if p := b.send(p, "/auth/consent", "decision", "allow"); p.status != http.StatusBadRequest || p.away != nil || !strings.Contains(p.body, "start again") {
			t.Errorf("%s: %d %v", name, p.status, p.away)
		}
		s.change("public", func(c *clients.Client) { c.Scopes, c.RedirectURIs = was.Scopes, was.RedirectURIs })
	}
}

// Tokens of a service end with what it is registered for, those of apps with what the account allows.
func TestServiceAndAccountLoseScopes(t *testing.T) {
	s := newSite(t, nil)
	service := s.service("system/Observation.rs system/Patient.rs")
	s.change("service", func(c *clients.Client) { c.Scopes = "system/Patient.rs" })
	if got := s.scope(service); got != "system/Patient.rs" {
		t.Error("service:", got)
	}
	s.change("service", func(c *clients.Client) { c.Scopes = "system/Device.rs" })
	if got := s.scope(service); got != "none" {
		t.Error("service:", got)
	}
	nurse, err := s.Accounts().Find(t.Context(), "nurse")
	if err != nil {
		t.Fatal(err)
	}
	token := s.tokens(s.ask("scope", "launch/patient patient/Observation.rs patient/Condition.rs"), "nurse", "ben").text("access_token")
	if _, err := s.Accounts().Change(t.Context(), nurse.ID, "scopes", func(a *accounts.Account) { a.Scopes = "patient/Condition.r" }); err != nil {
		t.Fatal(err)
	}
	if got := s.scope(token); got != "launch/patient patient/Condition.r" {
		t.Error("account:", got)
	}
}
