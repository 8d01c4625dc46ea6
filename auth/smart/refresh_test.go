package smart_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
)

const lessScopes = "openid patient/Observation.rs"

// A refresh token gives the same scopes, or fewer, and is replaced at each use.
func TestRefresh(t *testing.T) {
	s := newSite(t, nil)
	first := s.tokens(s.ask(), "doctor", "anna")
	second := s.refresh(first.text("refresh_token"))
	if second.status != http.StatusOK || second.text("scope") != allScopes || second.text("patient") != "anna" || second.text("refresh_token") == first.text("refresh_token") ||
		second.text("token_type") != "Bearer" || second.json["expires_in"] != 3600.0 || second.header.Get("Cache-Control") != "no-store" || second.header.Get("Pragma") != "no-cache" {
		t.Fatalf("%d %s", second.status, second.body)
	}
	third := s.refresh(second.text("refresh_token"), "scope", lessScopes)
	if third.text("scope") != lessScopes {
		t.Fatalf("%d %s", third.status, third.body)
	}
	if claims, err := s.Lookup(t.Context(), third.text("access_token")); err != nil || claims.Scope != lessScopes {
		t.Errorf("%+v %v", claims, err)
	}
	fourth := s.refresh(third.text("refresh_token"), "scope", "patient/Observation.r")
	if fourth.text("scope") != "patient/Observation.r" {
		t.Errorf("part of a scope: %d %s", fourth.status, fourth.body)
	}
	more := s.refresh(fourth.text("refresh_token"), "scope", "patient/Observation.rs patient/Immunization.rs")
	if more.status != http.StatusBadRequest || more.text("error") != "invalid_scope" {
		t.Errorf("more scopes: %d %s", more.status, more.body)
	}
	fifth := s.refresh(fourth.text("refresh_token"))
	if fifth.text("scope") != allScopes {
		t.Errorf("after fewer scopes all again: %d %s", fifth.status, fifth.body)
	}
	if sixth := s.refresh(fifth.text("refresh_token"), "client_id", ""); sixth.text("scope") != allScopes {
		t.Errorf("a public client need not say which it is: %d %s", sixth.status, sixth.body)
	}
	if told := s.told(events.TokenRefresh); len(told) != 5 || told[1].Scope != lessScopes || told[0].TokenID == "" {
		t.Errorf("events %+v", told)
	}
}

func TestRefreshRefusals(t *testing.T) {
	s := newSite(t, nil)
	token := s.tokens(s.ask(), "doctor", "anna").text("refresh_token")
	for name, got := range map[string]answered{
		"missing":         s.refresh(""),
		"unknown":         s.refresh("firth_rt_" + strings.Repeat("A", 48)),
		"garbage":         s.refresh("x"),
		"another client":  s.refresh(token, "client_id", "other"),
		"a secret client": s.refresh(token, "client_id", "confidential"),
	} {
		if got.status != http.StatusBadRequest && got.status != http.StatusUnauthorized || got.json["access_token"] != nil {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := s.refresh(token); got.status != http.StatusOK {
		t.Errorf("others spoiled it: %d %s", got.status, got.body)
	}
}

// A refresh token that is used twice takes away everything, once the grace for two tabs is over.
func TestRefreshReuse(t *testing.T) {
	s := newSite(t, nil)
	first := s.tokens(s.ask(), "doctor", "anna")
	second := s.refresh(first.text("refresh_token"))
	s.pass(31 * time.Second)
	if got := s.refresh(first.text("refresh_token")); got.status != http.StatusBadRequest || got.text("error") != "invalid_grant" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := s.refresh(second.text("refresh_token")); got.status != http.StatusBadRequest {
		t.Errorf("the newer one lives: %d %s", got.status, got.body)
	}
	for _, token := range []string{first.text("access_token"), second.text("access_token")} {
		if _, err := s.Lookup(t.Context(), token); !errors.Is(err, auth.ErrToken) {
			t.Errorf("an access token lives: %v", err)
		}
	}
	if told := s.told(events.TokenReuse); len(told) != 1 {
		t.Errorf("events %+v", told)
	}
}

// Offline access lasts for months after the last use, whoever is logged in; online access until the session ends.
func TestOfflineAndOnline(t *testing.T) {
	s := newSite(t, nil)
	offline := s.tokens(s.ask(), "doctor", "anna")
	for range 3 {
		s.pass(100 * 24 * time.Hour)
		if offline = s.refresh(offline.text("refresh_token")); offline.status != http.StatusOK {
			t.Fatalf("after 100 days: %d %s", offline.status, offline.body)
		}
	}
	s.pass(121 * 24 * time.Hour)
	if got := s.refresh(offline.text("refresh_token")); got.status != http.StatusBadRequest {
		t.Errorf("after 121 days without use: %d %s", got.status, got.body)
	}

	online := s.ask("scope", "launch/patient online_access patient/Observation.rs")
	b := s.browser()
	answer := b.consented(online, "doctor", "anna")
	got := s.call("/auth/token", codeForm(answer.query.Get("code")))
	s.pass(3 * time.Hour)
	if got = s.refresh(got.text("refresh_token")); got.status != http.StatusOK {
		t.Fatalf("online, 3 hours later: %d %s", got.status, got.body)
	}
	s.pass(10 * time.Hour)
	if got := s.refresh(got.text("refresh_token")); got.status != http.StatusBadRequest {
		t.Errorf("online, after the session: %d %s", got.status, got.body)
	}

	b = s.browser()
	got = s.call("/auth/token", codeForm(b.consented(online, "doctor", "anna").query.Get("code")))
	b.send(b.get("/auth/account").at(t, "/auth/account"), "/auth/logout")
	if got := s.refresh(got.text("refresh_token")); got.status != http.StatusBadRequest {
		t.Errorf("online, after signing out: %d %s", got.status, got.body)
	}

	none := s.tokens(s.ask("scope", "launch/patient patient/Observation.rs"), "doctor", "anna")
	if none.json["refresh_token"] != nil {
		t.Errorf("a refresh token that nobody asked for: %s", none.body)
	}
}

// What an administrator takes away is away: at once for tokens, and for what comes of refresh tokens.
func TestAdministrationEndsAccess(t *testing.T) {
	s := newSite(t, nil)
	lives := func(token string) bool {
		_, err := s.Lookup(t.Context(), token)
		if err != nil && !errors.Is(err, auth.ErrToken) {
			t.Fatal(err)
		}
		return err == nil
	}
	nurse, err := s.Accounts().Find(t.Context(), "nurse")
	if err != nil {
		t.Fatal(err)
	}
	got := s.tokens(s.ask(), "nurse", "ben")
	if !lives(got.text("access_token")) {
		t.Fatal("no access")
	}
	if _, err := s.Accounts().Change(t.Context(), nurse.ID, "patients", func(a *accounts.Account) { a.Patients = []string{"anna"} }); err != nil {
		t.Fatal(err)
	}
	if lives(got.text("access_token")) || s.refresh(got.text("refresh_token")).status != http.StatusBadRequest {
		t.Error("access to a patient whose record the person may no longer open")
	}

	got = s.tokens(s.ask(), "nurse", "anna")
	if _, err := s.Accounts().Change(t.Context(), nurse.ID, "scopes", func(a *accounts.Account) { a.Scopes = "patient/Observation.rs" }); err != nil {
		t.Fatal(err)
	}
	narrowed := s.refresh(got.text("refresh_token"))
	if strings.Contains(narrowed.text("scope"), "Condition") || !strings.Contains(narrowed.text("scope"), "Observation") {
		t.Errorf("scopes the account lost: %d %s", narrowed.status, narrowed.body)
	}
	if err := s.Accounts().Disable(t.Context(), nurse.ID, true); err != nil {
		t.Fatal(err)
	}
	if lives(narrowed.text("access_token")) || s.refresh(narrowed.text("refresh_token")).status != http.StatusBadRequest {
		t.Error("access for a disabled account")
	}

	got = s.tokens(s.ask(), "doctor", "anna")
	if !lives(got.text("access_token")) {
		t.Fatal("no access")
	}
	if _, err := s.Clients().Change(t.Context(), "public", "disabled", func(c *clients.Client) { c.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	if lives(got.text("access_token")) || s.refresh(got.text("refresh_token")).status != http.StatusUnauthorized {
		t.Error("access for a disabled client")
	}
}
