package smart_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/firth-health/firth/auth/smart/events"
)

// What is wrong with a request is told to the app, with its state; nobody is asked to log in.
func TestAuthorizeRefusals(t *testing.T) {
	s := newSite(t, nil)
	for _, tt := range []struct {
		name    string
		changes []string
		want    string
	}{
		{"no response_type", []string{"response_type", ""}, "invalid_request"},
		{"response_type token", []string{"response_type", "token"}, "unsupported_response_type"},
		{"response_type of OpenID's hybrid flow", []string{"response_type", "code id_token"}, "unsupported_response_type"},
		{"no aud", []string{"aud", ""}, "invalid_request"},
		{"aud of another server", []string{"aud", "https://evil.example/fhir"}, "invalid_request"},
		{"aud with something behind", []string{"aud", s.base + "/Patient"}, "invalid_request"},
		{"aud in upper case", []string{"aud", strings.ToUpper(s.base)}, "invalid_request"},
		{"no challenge", []string{"code_challenge", ""}, "invalid_request"},
		{"no method, which means plain", []string{"code_challenge_method", ""}, "invalid_request"},
		{"plain", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"method in lower case", []string{"code_challenge_method", "s256"}, "invalid_request"},
		{"challenge that is no hash", []string{"code_challenge", verifier[:42]}, "invalid_request"},
		{"challenge with padding", []string{"code_challenge", challenge + "="}, "invalid_request"},
		{"no scope", []string{"scope", ""}, "invalid_scope"},
		{"scopes of others only", []string{"scope", "email phone"}, "invalid_scope"},
		{"actions out of order", []string{"scope", "patient/Observation.sr"}, "invalid_scope"},
		{"unknown action", []string{"scope", "openid patient/Observation.x"}, "invalid_scope"},
		{"no actions", []string{"scope", "patient/Observation"}, "invalid_scope"},
		{"system scope", []string{"scope", "openid system/Observation.rs"}, "invalid_scope"},
		{"quotes in a scope", []string{"scope", `patient/"Observation".rs`}, "invalid_scope"},
		{"right that the app does not have", []string{"scope", "firth/accounts"}, "invalid_scope"},
		{"launch that does not exist", []string{"launch", "xyz"}, "invalid_request"},
		{"state too long", []string{"state", strings.Repeat("x", 5000)}, "invalid_request"},
		{"no page may be shown", []string{"prompt", "none"}, "login_required"},
		{"max_age is no number", []string{"max_age", "soon"}, "invalid_request"},
		{"request object", []string{"request", "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"},
		{"answer in a fragment", []string{"response_mode", "fragment"}, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := s.ask(tt.changes...)
			p := s.browser().authorize(q)
			if p.away == nil || !strings.HasPrefix(p.away.String(), redirectURI+"?") || p.query.Get("error") != tt.want || p.query.Get("state") != q.Get("state") || p.query.Has("code") {
				t.Errorf("away to %v with %d:\n%s", p.away, p.status, p.body)
			}
			if p.query.Get("error_description") == "" {
				t.Error("no error_description")
			}
		})
	}
	t.Run("no state", func(t *testing.T) {
		p := s.browser().authorize(s.ask("state", ""))
		if p.away == nil || p.query.Get("error") != "invalid_request" || p.query.Has("state") {
			t.Errorf("away to %v", p.away)
		}
	})
	t.Run("twice the same parameter", func(t *testing.T) {
		p := s.browser().get("/auth/authorize?" + s.ask().Encode() + "&scope=openid")
		if p.away != nil || p.status != http.StatusBadRequest {
			t.Errorf("away to %v with %d", p.away, p.status)
		}
	})
	if told := s.told(events.AuthzRefused); len(told) < 27 || told[0].Client != "public" || !told[0].Failed {
		t.Errorf("%d events", len(told))
	}
}

// An answer never goes to an address that the app is not registered with, whatever else is wrong.
func TestNoRedirectToStrangers(t *testing.T) {
	s := newSite(t, nil)
	if err := s.Clients().Disable(t.Context(), "other", true); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		changes []string
	}{
		{"unknown client", []string{"client_id", "nobody"}},
		{"no client", []string{"client_id", ""}},
		{"disabled client", []string{"client_id", "other", "redirect_uri", "https://other.example/cb"}},
		{"client without redirects", []string{"client_id", "service"}},
		{"no redirect", []string{"redirect_uri", ""}},
		{"another address", []string{"redirect_uri", "https://evil.example/callback"}},
		{"another client's address", []string{"redirect_uri", "https://other.example/cb"}},
		{"a slash more", []string{"redirect_uri", redirectURI + "/"}},
		{"a query more", []string{"redirect_uri", redirectURI + "?x=1"}},
		{"a fragment", []string{"redirect_uri", redirectURI + "#x"}},
		{"a deeper path", []string{"redirect_uri", redirectURI + "/../evil"}},
		{"other letters", []string{"redirect_uri", "https://APP.example/callback"}},
		{"a user in front", []string{"redirect_uri", "https://app.example@evil.example/callback"}},
		{"javascript", []string{"redirect_uri", "javascript:alert(1)"}},
	} {
		for _, also := range []struct {
			name    string
			changes []string
		}{{"", nil}, {" and more", []string{"response_type", "token", "aud", "x", "scope", ""}}} {
			t.Run(tt.name+also.name, func(t *testing.T) {
				q := s.ask(append(tt.changes, also.changes...)...)
				for _, p := range []shown{s.browser().authorize(q), s.browser().post("/auth/authorize", q)} {
					if p.away != nil || p.status != http.StatusBadRequest || p.header.Get("Location") != "" {
						t.Errorf("away to %v with %d", p.away, p.status)
					}
					if strings.Contains(p.body, "evil") || strings.Contains(p.body, "javascript") {
						t.Errorf("the page repeats the address:\n%s", p.body)
					}
				}
			})
		}
	}
}

func TestAuthorizeForms(t *testing.T) {
	s := newSite(t, nil)
	t.Run("POST", func(t *testing.T) {
		b := s.browser()
		p := b.post("/auth/authorize", s.ask()).at(t, "/auth/login")
		p = b.login(p, "anna").at(t, "/auth/consent") // she is the patient: nothing to choose
		if p = b.send(p, "/auth/consent", "decision", "allow"); p.query.Get("code") == "" || p.query.Get("state") != "st+te &/=ü" {
			t.Errorf("away to %v", p.away)
		}
	})
	t.Run("aud with a slash", func(t *testing.T) {
		s.browser().authorize(s.ask("aud", s.base+"/")).at(t, "/auth/login")
	})
	t.Run("redirect URI with a query", func(t *testing.T) {
		p := s.browser().consented(s.ask("redirect_uri", "https://app.example/other?x=1"), "anna", "")
		if !strings.HasPrefix(p.away.String(), "https://app.example/other?x=1&code=") {
			t.Errorf("away to %v", p.away)
		}
	})
	t.Run("body that is no form", func(t *testing.T) {
		if got := s.post("/auth/authorize", "application/json", `{"client_id":"public"}`); got.status != http.StatusBadRequest {
			t.Errorf("status %d", got.status)
		}
	})
	t.Run("too large", func(t *testing.T) {
		if p := s.browser().post("/auth/authorize", s.ask("scope", strings.Repeat("patient/Observation.rs ", 20_000))); p.status != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", p.status)
		}
	})
	t.Run("other methods", func(t *testing.T) {
		if got := s.request(http.MethodPut, "/auth/authorize", ""); got.status != http.StatusMethodNotAllowed {
			t.Errorf("status %d", got.status)
		}
	})
}

// The person can let an app have less than it asks for, or nothing.
func TestConsent(t *testing.T) {
	s := newSite(t, nil)
	t.Run("less", func(t *testing.T) {
		got := s.tokens(s.ask(), "doctor", "ben", "openid", "patient/Observation.rs")
		if got.text("scope") != "launch/patient openid patient/Observation.rs" || got.json["refresh_token"] != nil || got.text("patient") != "ben" {
			t.Errorf("got %s", got.body)
		}
	})
	t.Run("not more than was asked", func(t *testing.T) {
		got := s.tokens(s.ask("scope", "launch/patient patient/Observation.rs"), "doctor", "ben", "patient/Observation.rs", "patient/*.cruds", "user/*.cruds", "offline_access", "openid")
		if got.text("scope") != "launch/patient patient/Observation.rs" {
			t.Errorf("got %s", got.body)
		}
	})
	t.Run("nothing chosen", func(t *testing.T) {
		b := s.browser()
		p := b.login(b.authorize(s.ask()), "anna").at(t, "/auth/consent")
		form := p.form(t, "/auth/consent")
		form["scope"], form["decision"] = []string{"offline_access"}, []string{"allow"}
		if p = b.post("/auth/consent", form); p.status != http.StatusBadRequest || !strings.Contains(p.body, "Choose at least one") {
			t.Errorf("%d %s", p.status, p.body)
		}
	})
	for name, deny := range map[string]func(*browser, shown) shown{
		"denied":                func(b *browser, p shown) shown { return b.send(p, "/auth/consent", "decision", "deny") },
		"no button":             func(b *browser, p shown) shown { return b.send(p, "/auth/consent") },
		"denied while choosing": nil,
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			p := b.login(b.authorize(s.ask()), "doctor").at(t, "/auth/patient")
			if deny == nil {
				p = b.send(p, "/auth/consent", "decision", "deny")
			} else {
				p = deny(b, b.send(p, "/auth/patient", "patient", "anna").at(t, "/auth/consent"))
			}
			if p.away == nil || p.query.Get("error") != "access_denied" || p.query.Get("state") != "st+te &/=ü" || p.query.Has("code") {
				t.Errorf("away to %v: %s", p.away, p.body)
			}
		})
	}
	t.Run("a form sent twice", func(t *testing.T) {
		b := s.browser()
		p := b.login(b.authorize(s.ask()), "anna").at(t, "/auth/consent")
		if first := b.send(p, "/auth/consent", "decision", "allow"); first.query.Get("code") == "" {
			t.Fatalf("%d %s", first.status, first.body)
		}
		if again := b.send(p, "/auth/consent", "decision", "allow"); again.away != nil {
			t.Errorf("away to %v", again.away)
		}
	})
	t.Run("what the person may not give", func(t *testing.T) {
		b := s.browser()
		p := b.login(b.authorize(s.ask("scope", "launch/patient patient/Observation.rs user/Observation.rs")), "nurse").at(t, "/auth/patient")
		if strings.Contains(p.body, "Carl") || !strings.Contains(p.body, "Ben Bauer") {
			t.Errorf("patients to choose from:\n%s", p.body)
		}
		if refused := b.send(p, "/auth/patient", "patient", "carl"); refused.status != http.StatusBadRequest {
			t.Errorf("carl could be chosen: %d", refused.status)
		}
		p = b.send(p, "/auth/patient", "patient", "ben").at(t, "/auth/consent")
		if !strings.Contains(p.body, "Not possible for you or this app (1)") {
			t.Errorf("consent page:\n%s", p.body)
		}
		p = b.send(p, "/auth/consent", "decision", "allow", "scope", "user/Observation.rs")
		if p.away != nil {
			t.Errorf("away to %v", p.away)
		}
	})
	t.Run("who may open nobody's record", func(t *testing.T) {
		b := s.browser()
		if p := b.login(b.authorize(s.ask()), "clerk"); p.away == nil || p.query.Get("error") != "access_denied" {
			t.Errorf("%d %v", p.status, p.away)
		}
	})
	consents := s.told(events.Consent)
	if len(consents) != 3 || consents[0].Login != "doctor" || consents[0].Patient != "ben" || consents[0].Scope != "launch/patient openid patient/Observation.rs" {
		t.Errorf("events %+v", consents)
	}
}

func TestPatientSearch(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.login(b.authorize(s.ask()), "doctor").at(t, "/auth/patient")
	request := p.form(t, "/auth/patient").Get("request")
	for query, want := range map[string][]string{"be": {"Ben"}, "": {"Anna", "Ben", "Carl"}, "carl": {"Carl"}, "zz": {"Nobody found"}, `"><script>`: {"Nobody found"}} {
		p := b.get("/auth/patient?"+url.Values{"request": {request}, "q": {query}}.Encode()).at(t, "/auth/patient")
		for _, text := range want {
			if !strings.Contains(p.body, text) {
				t.Errorf("%q: no %s in\n%s", query, text, p.body)
			}
		}
		if strings.Contains(p.body, "<script") {
			t.Errorf("%q is not escaped", query)
		}
	}
	if p := b.send(p, "/auth/patient", "patient", "nobody"); p.status != http.StatusBadRequest {
		t.Errorf("an unknown patient could be chosen: %d", p.status)
	}
}

// A request belongs to the browser that took it up.
func TestRequestIsTheBrowsers(t *testing.T) {
	s := newSite(t, nil)
	victim := s.browser()
	p := victim.authorize(s.ask()).at(t, "/auth/login")
	request := p.form(t, "/auth/login").Get("request")
	thief := s.browser()
	thief.login(thief.authorize(s.ask()), "doctor").at(t, "/auth/patient")
	if p := thief.get("/auth/continue?request=" + request); p.status != http.StatusBadRequest || p.away != nil {
		t.Errorf("another browser could go on: %d %s", p.status, p.body)
	}
	s.pass(21 * 60e9)
	if p := victim.get("/auth/continue?request=" + request); p.status != http.StatusBadRequest {
		t.Errorf("after 21 minutes: %d", p.status)
	}
}

func TestPromptLogin(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login(b.authorize(s.ask()), "anna").at(t, "/auth/consent")
	b.authorize(s.ask()).at(t, "/auth/consent")
	s.pass(60e9)
	b.authorize(s.ask("max_age", "3600")).at(t, "/auth/consent")
	b.authorize(s.ask("max_age", "30")).at(t, "/auth/login")
	p := b.authorize(s.ask("prompt", "login")).at(t, "/auth/login")
	b.login(p, "anna").at(t, "/auth/consent")
}

// Every answer says whose it is, so that a client of several servers cannot be made to take a code of one to another (RFC 9207).
func TestAnswersNameTheIssuer(t *testing.T) {
	s := newSite(t, nil)
	for name, p := range map[string]shown{
		"code":  s.browser().consented(s.ask(), "anna", ""),
		"error": s.browser().authorize(s.ask("response_type", "token")),
	} {
		if p.away == nil || p.query.Get("iss") != s.Issuer() {
			t.Errorf("%s: away to %v", name, p.away)
		}
	}
	if got := s.request(http.MethodGet, "/.well-known/openid-configuration", ""); got.json["authorization_response_iss_parameter_supported"] != true {
		t.Error(got.body)
	}
}
