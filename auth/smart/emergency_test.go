package smart_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/events"
)

const reason = "unconscious, needs his <medication> list"

// newEmergencySite is a site at which the nurse, who has anna and ben, may break the glass.
func newEmergencySite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, nil)
	s.mayBreakGlass("nurse", true)
	return s
}

func (s *site) mayBreakGlass(login string, may bool) {
	s.t.Helper()
	account, err := s.Accounts().Find(s.t.Context(), login)
	if err == nil {
		_, err = s.Accounts().Change(s.t.Context(), account.ID, "emergency access", func(a *accounts.Account) { a.BreakGlass = may })
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestBreakGlass opens the record of a patient who is not the nurse's: with a reason, for 15 minutes, once, and within the scopes; what comes of it says so.
func TestBreakGlass(t *testing.T) {
	s := newEmergencySite(t)
	b := s.browser()
	p := b.login(b.authorize(s.ask()), "nurse").at(t, "/auth/patient")
	if !strings.Contains(p.body, "Emergency access") || strings.Contains(p.body, "Carow") {
		t.Fatalf("the page for choosing a patient:\n%s", p.body)
	}
	p = b.get("/auth/emergency?request="+url.QueryEscape(p.form(t, "/auth/patient").Get("request"))).at(t, "/auth/emergency")
	if got := b.send(p, "/auth/emergency", "reason", " \n"); got.status != http.StatusBadRequest || !strings.Contains(got.body, "Say why it is needed.") {
		t.Errorf("no reason: %d %s", got.status, got.body)
	}
	if got := b.send(p, "/auth/emergency", "reason", strings.Repeat("ü", 301)); got.status != http.StatusBadRequest || !strings.Contains(got.body, "at most 300 characters") {
		t.Errorf("a long reason: %d", got.status)
	}
	p = b.send(p, "/auth/emergency", "reason", reason).at(t, "/auth/patient")
	p = b.send(p, "/auth/patient", "patient", "carl").at(t, "/auth/consent")
	if !strings.Contains(p.body, "unconscious, needs his &lt;medication&gt; list") || !strings.Contains(p.body, "15 minutes") || strings.Contains(p.body, "Stay connected</strong>") {
		t.Errorf("the page for consenting:\n%s", p.body)
	}
	answer := b.send(p, "/auth/consent", "decision", "allow", "scope", "patient/Observation.rs")
	got := s.call("/auth/token", codeForm(answer.query.Get("code")))
	if got.status != http.StatusOK || got.json["expires_in"] != 900.0 || got.json["refresh_token"] != nil || got.text("patient") != "carl" || strings.Contains(got.text("scope"), "Condition") {
		t.Fatalf("%d %s", got.status, got.body)
	}
	claims, err := s.Lookup(t.Context(), got.text("access_token"))
	if err != nil || !claims.BreakGlass || claims.Patient != "carl" || strings.Contains(claims.Scope, "offline_access") {
		t.Fatalf("%+v %v", claims, err)
	}
	if diff := cmp.Diff([]auth.Coding{{System: "http://terminology.hl7.org/CodeSystem/v3-ActReason", Code: "ETREAT", Display: "Emergency Treatment"}}, claims.PurposeOfUse); diff != "" {
		t.Error(diff)
	}
	introspected := s.call("/auth/introspect", url.Values{"token": {got.text("access_token")}}, bearer(s.service("firth/introspection"))...)
	purposes := []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "ETREAT"}}
	if diff := cmp.Diff(map[string]any{"ihe_iua": map[string]any{"purpose_of_use": purposes}}, introspected.json["extensions"]); diff != "" {
		t.Error(diff)
	}
	consented, issued := s.told(events.Consent), s.told(events.TokenIssued)
	if len(consented) != 1 || !consented[0].Emergency || consented[0].Detail != "emergency access: "+reason || consented[0].Patient != "carl" || !issued[0].Emergency {
		t.Errorf("%+v\n%+v", consented, issued)
	}
	s.pass(15 * time.Minute)
	if _, err := s.Lookup(t.Context(), got.text("access_token")); !errors.Is(err, auth.ErrToken) {
		t.Errorf("after 15 minutes: %v", err)
	}
}

// An app, or an EHR that launches one, leads to the page on which the glass is broken; who may not is refused.
func TestBreakGlassAsked(t *testing.T) {
	const actReason = "http://terminology.hl7.org/CodeSystem/v3-ActReason|"
	s := newEmergencySite(t)
	for _, purpose := range []string{"ETREAT", actReason + "ETREAT"} {
		b := s.browser()
		p := b.login(b.authorize(s.ask("purpose_of_use", purpose)), "nurse").at(t, "/auth/emergency")
		if got := b.get("/auth/consent?request=" + url.QueryEscape(p.form(t, "/auth/emergency").Get("request"))); got.path != "/auth/emergency" {
			t.Errorf("consent without a reason: %s", got.path)
		}
		b.send(p, "/auth/emergency", "reason", reason).at(t, "/auth/patient")
		if got := b.send(p, "/auth/consent", "decision", "deny"); got.query.Get("error") != "access_denied" {
			t.Errorf("cancelled: %v", got.away)
		}
	}
	b := s.browser()
	if got := b.login(b.authorize(s.ask("purpose_of_use", "ETREAT")), "doctor"); got.query.Get("error") != "access_denied" {
		t.Errorf("who may not: %d %v", got.status, got.away)
	}
	for purpose, want := range map[string]string{"TREAT": "", actReason + "TREAT": "", "HRESCH": "invalid_request", "": "", "ETREAT,TREAT": "invalid_request"} {
		if got := s.browser().authorize(s.ask("purpose_of_use", purpose)); got.query.Get("error") != want {
			t.Errorf("%q: %v", purpose, got.away)
		}
	}
	if got := s.browser().authorize(changed(s.ask(), "purpose_of_use", "TREAT")); got.path != "/auth/login" {
		t.Errorf("treatment: %s", got.path)
	}
	launch := s.prepare(`{"client_id":"public","patient":"carl"}`).text("launch")
	b = s.browser()
	p := b.login(b.authorize(s.ask("scope", ehrScopes, "launch", launch)), "nurse").at(t, "/auth/emergency")
	p = b.send(p, "/auth/emergency", "reason", reason).at(t, "/auth/consent")
	if got := b.send(p, "/auth/consent", "decision", "allow"); got.query.Get("code") == "" {
		t.Errorf("EHR launch: %v", got.away)
	}
}

// What was allowed in an emergency ends with the right to it, and is nobody else's.
func TestBreakGlassEnds(t *testing.T) {
	s := newEmergencySite(t)
	s.mayBreakGlass("doctor", true)
	b := s.browser()
	p := b.login(b.authorize(s.ask("purpose_of_use", "ETREAT")), "nurse").at(t, "/auth/emergency")
	p = b.send(p, "/auth/emergency", "reason", reason).at(t, "/auth/patient")
	request := "request=" + url.QueryEscape(p.form(t, "/auth/patient").Get("request"))
	b.send(p, "/auth/logout")
	other := b.login(b.get("/auth/continue?"+request).at(t, "/auth/login"), "doctor").at(t, "/auth/emergency")
	b.send(other, "/auth/logout")
	p = b.login(b.get("/auth/continue?"+request).at(t, "/auth/login"), "nurse").at(t, "/auth/patient")
	p = b.send(p, "/auth/patient", "patient", "carl").at(t, "/auth/consent")
	got := s.call("/auth/token", codeForm(b.send(p, "/auth/consent", "decision", "allow").query.Get("code")))
	if _, err := s.Lookup(t.Context(), got.text("access_token")); err != nil {
		t.Fatalf("%d %s %v", got.status, got.body, err)
	}
	s.mayBreakGlass("nurse", false)
	if _, err := s.Lookup(t.Context(), got.text("access_token")); !errors.Is(err, auth.ErrToken) {
		t.Errorf("the right was taken away: %v", err)
	}
	for name, user := range map[string]string{"a patient": "Patient/x", "a relative": "RelatedPerson/x"} {
		if _, err := s.Accounts().Create(t.Context(), accounts.Account{Login: "x", FHIRUser: user, BreakGlass: true}); !errors.Is(err, accounts.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
