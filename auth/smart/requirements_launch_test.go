package smart_test

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/firth-health/firth/auth/smart/tokens"
)

// appLaunch is app-launch.html up to the authorization code.
func appLaunch() []requirement {
	return []requirement{
		{id: "14", verdict: holds, test: func(c *check) {
			c.ok(c.lists("code_challenge_methods_supported", "S256"), "S256 is not listed")
			c.equal(c.standalone.status, http.StatusOK)
		}},
		{id: "15", verdict: holds, test: func(c *check) {
			c.ok(!c.lists("code_challenge_methods_supported", "plain"), "plain is listed")
			p := c.browser().authorize(c.ask("code_challenge_method", "plain", "code_challenge", verifier))
			c.equal(p.query.Get("error"), "invalid_request")
		}},
		{id: "16", verdict: holds, note: "`metadata`: tests of package server", test: func(c *check) {
			c.equal(c.config.header.Get("Access-Control-Allow-Origin"), "*")
		}},
		{id: "17", verdict: holds, note: "FHIR API: the server asks `AllowsOrigin`", test: func(c *check) {
			c.equal(c.standalone.header.Get("Access-Control-Allow-Origin"), "https://app.example")
			allowed, err := c.AllowsOrigin(c.t.Context(), "https://app.example")
			c.ok(allowed && err == nil, "%v %v", allowed, err)
			stranger, err := c.AllowsOrigin(c.t.Context(), "https://evil.example")
			c.ok(!stranger && err == nil, "%v %v", stranger, err)
		}},
		{id: "18", verdict: holds, test: func(c *check) {
			p := c.browser().authorize(c.ask("redirect_uri", "https://app.example/unregistered"))
			c.ok(p.away == nil && p.status == http.StatusBadRequest, "%v %d", p.away, p.status)
		}},
		{id: "19", verdict: holds, note: "off unless the operator turns it on", test: func(c *check) {
			got := c.post("/auth/register", "application/json", `{"redirect_uris":["`+redirectURI+`"],"token_endpoint_auth_method":"none"}`)
			c.equal(got.status, http.StatusCreated)
		}},
		{id: "24", verdict: holds, test: func(c *check) {
			got := c.post("/auth/register", "application/json", `{"redirect_uris":["`+redirectURI+`"],"token_endpoint_auth_method":"none","client_name":"Mine"}`)
			c.ok(got.text("client_id") != "" && got.text("client_name") == "Mine", "%s", got.body)
		}},
		{id: "27", verdict: holds, test: func(c *check) {
			c.ok(c.answer.query.Get("code") != "" && c.denied.query.Get("error") != "", "%v %v", c.answer.away, c.denied.away)
		}},
		{id: "30", verdict: holds, test: func(c *check) {
			c.ok(c.config.status == http.StatusOK && c.config.json != nil, "%d %s", c.config.status, c.config.body)
		}},
		{id: "31", verdict: holds, note: "missing, blank, wrong, and the challenge itself", test: func(c *check) {
			for _, wrong := range []string{"", " ", strings.Repeat("x", 43), challenge} {
				code := c.browser().consented(c.ask(), "anna", "").query.Get("code")
				got := c.call("/auth/token", codeForm(code, "code_verifier", wrong))
				c.ok(got.status == http.StatusBadRequest && got.json["access_token"] == nil, "%q: %d %s", wrong, got.status, got.body)
			}
		}},
		{id: "48", verdict: holds, test: func(c *check) { c.browser().authorize(c.ask()).at(c.t, "/auth/login"); c.ok(true, "") }},
		{id: "49", verdict: holds, test: func(c *check) {
			c.browser().post("/auth/authorize", c.ask()).at(c.t, "/auth/login")
			c.ok(true, "")
		}},
		{id: "53", verdict: holds, test: func(c *check) { c.ok(c.answer.query.Get("code") != "", "%v", c.answer.away) }},
		{id: "54", verdict: holds, test: func(c *check) { c.equal(c.denied.query.Get("error"), "access_denied") }},
		{id: "55", verdict: holds, note: "60 s", test: codeExpires},
		{id: "56", verdict: holds, test: func(c *check) {
			c.equal(c.answer.status, http.StatusSeeOther)
			c.ok(strings.HasPrefix(c.answer.away.String(), redirectURI+"?"), "%v", c.answer.away)
		}},
		{id: "57", verdict: holds, test: func(c *check) { c.equal(len(c.answer.query["code"]), 1) }},
		{id: "58", verdict: holds, note: "60 s", test: codeExpires},
		{id: "59", verdict: holds, test: func(c *check) {
			c.equal(c.answer.query["state"], []string{"st+te &/=ü"})
			c.equal(c.denied.query["state"], []string{"st+te &/=ü"})
			c.equal(c.wrongAud.query["state"], []string{"st+te &/=ü"})
		}},
	}
}

func codeExpires(c *check) {
	code := c.browser().consented(c.ask(), "anna", "").query.Get("code")
	c.pass(tokens.CodeLife + time.Second)
	c.equal(c.call("/auth/token", codeForm(code)).text("error"), "invalid_grant")
	c.ok(tokens.CodeLife <= time.Minute, "%v", tokens.CodeLife)
}

// tokenResponse is app-launch.html from the access token on.
func tokenResponse() []requirement {
	return []requirement{
		{id: "73", verdict: holds, test: func(c *check) {
			c.ok(c.standalone.text("access_token") != "", "%s", c.standalone.body)
			got := c.call("/auth/token", codeForm("wrong"))
			c.ok(got.status == http.StatusBadRequest && got.text("error") == "invalid_grant", "%d %s", got.status, got.body)
		}},
		{id: "74", verdict: holds, test: func(c *check) { c.ok(c.standalone.text("access_token") != "", "%s", c.standalone.body) }},
		{id: "75", verdict: holds, test: func(c *check) { c.equal(c.standalone.text("token_type"), "Bearer") }},
		{id: "76", verdict: holds, test: func(c *check) { c.equal(c.standalone.json["expires_in"], 3600.0) }},
		{id: "77", verdict: holds, test: tokenExpires},
		{id: "78", verdict: holds, test: func(c *check) { c.equal(c.standalone.text("scope"), allScopes) }},
		{id: "79", verdict: holds, test: func(c *check) {
			got := c.site.tokens(c.ask(), "anna", "", "patient/Observation.rs")
			c.equal(got.text("scope"), "launch/patient patient/Observation.rs")
		}},
		{id: "80", verdict: holds, test: func(c *check) { c.ok(c.standalone.text("id_token") != "", "%s", c.standalone.body) }},
		{id: "81", verdict: holds, test: func(c *check) { c.ok(c.standalone.text("refresh_token") != "", "%s", c.standalone.body) }},
		{id: "82", verdict: declined, note: "for servers with several FHIR endpoints; this has one"},
		{id: "83", verdict: holds, test: func(c *check) { c.equal(c.ehr.text("patient"), "ben") }},
		{id: "84", verdict: holds, test: func(c *check) { c.ok(c.standalone.json["access_token"] != nil, "%s", c.standalone.body) }},
		{id: "85", verdict: holds, test: func(c *check) {
			c.ok(regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`).MatchString(c.standalone.text("access_token")), "%s", c.standalone.body)
		}},
		{id: "86", verdict: holds, test: func(c *check) { c.equal(c.standalone.header.Get("Cache-Control"), "no-store") }},
		{id: "87", verdict: holds, test: func(c *check) { c.equal(c.standalone.header.Get("Pragma"), "no-cache") }},
		{id: "88", verdict: holds, test: func(c *check) {
			c.equal(c.standalone.json["expires_in"], 3600.0)
			c.equal(c.backend.json["expires_in"], 300.0)
		}},
		{id: "89", verdict: holds, test: func(c *check) {
			c.ok(c.standalone.json["refresh_token"] != nil, "none with offline_access")
			c.ok(c.noRefresh.json["refresh_token"] == nil, "one that nobody asked for")
		}},
		{id: "91", verdict: holds, test: func(c *check) {
			c.ok(c.standalone.json["expires_in"].(float64) <= 3600, "%v", c.standalone.json["expires_in"])
		}},
		{id: "92", verdict: declined, note: "all clients get the same life"},
		{id: "94", verdict: holds, note: "`Lookup`, which the server asks at every request", test: tokenExpires},
		{id: "95", verdict: elsewhere, note: "package auth, and the authorization matrix in internal/authmatrix"},
		{id: "96", verdict: holds, note: "with and without a final slash; a server has one FHIR endpoint, and takes its own tokens only", test: func(c *check) {
			c.equal(c.wrongAud.query.Get("error"), "invalid_request")
			c.browser().authorize(c.ask("aud", c.base+"/")).at(c.t, "/auth/login")
		}},
		{id: "99", verdict: holds, test: func(c *check) { c.equal(c.introspected.json["active"], true) }},
		{id: "100", verdict: holds, note: "until the person signs out, at most 12 hours", test: func(c *check) {
			b := c.browser()
			got := c.call("/auth/token", codeForm(b.consented(c.ask("scope", "launch/patient online_access patient/Observation.rs"), "anna", "").query.Get("code")))
			got = c.refresh(got.text("refresh_token"))
			c.equal(got.status, http.StatusOK)
			b.send(b.get("/auth/account"), "/auth/logout")
			c.equal(c.refresh(got.text("refresh_token")).status, http.StatusBadRequest)
		}},
		{id: "101", verdict: holds, note: "120 days from the last use", test: func(c *check) {
			b := c.browser()
			got := c.call("/auth/token", codeForm(b.consented(c.ask(), "anna", "").query.Get("code")))
			b.send(b.get("/auth/account"), "/auth/logout")
			c.equal(c.refresh(got.text("refresh_token")).status, http.StatusOK)
		}},
		{id: "102", verdict: holds, note: "public clients are eligible too", test: func(c *check) { c.ok(c.standalone.json["refresh_token"] != nil, "none") }},
		{id: "103", verdict: holds, test: func(c *check) {
			got := c.site.tokens(c.ask(), "anna", "")
			c.equal(c.refresh(got.text("refresh_token"), "client_id", "other").text("error"), "invalid_grant")
			c.equal(c.refresh(got.text("refresh_token")).status, http.StatusOK)
		}},
		{id: "104", verdict: holds, test: func(c *check) {
			got := c.site.tokens(c.ask(), "anna", "")
			more := c.refresh(got.text("refresh_token"), "scope", allScopes+" patient/Immunization.rs")
			c.equal(more.text("error"), "invalid_scope")
		}},
		{id: "109", verdict: holds, test: func(c *check) { c.equal(c.refreshed.text("scope"), allScopes) }},
		{id: "110", verdict: holds, test: func(c *check) {
			c.ok(c.refreshed.text("access_token") != "" && c.refreshed.text("access_token") != c.standalone.text("access_token"), "%s", c.refreshed.body)
		}},
		{id: "111", verdict: holds, note: "`Bearer`, as RFC 6750 spells it; letters do not matter", test: func(c *check) { c.ok(strings.EqualFold(c.refreshed.text("token_type"), "bearer"), "") }},
		{id: "112", verdict: holds, test: func(c *check) { c.equal(c.refreshed.json["expires_in"], 3600.0) }},
		{id: "113", verdict: holds, test: func(c *check) { c.ok(c.refreshed.text("scope") != "", "%s", c.refreshed.body) }},
		{id: "114", verdict: holds, test: func(c *check) { c.equal(c.refreshed.text("scope"), c.standalone.text("scope")) }},
		{id: "115", verdict: holds, test: func(c *check) { c.equal(c.narrowed.text("scope"), lessScopes) }},
		{id: "116", verdict: holds, note: "a new one at each use", test: func(c *check) {
			c.ok(c.refreshed.text("refresh_token") != "" && c.refreshed.text("refresh_token") != c.standalone.text("refresh_token"), "%s", c.refreshed.body)
		}},
		{id: "118", verdict: holds, test: func(c *check) { c.equal(c.refreshed.text("patient"), "anna") }},
	}
}

func tokenExpires(c *check) {
	got := c.site.tokens(c.ask(), "anna", "")
	_, err := c.Lookup(c.t.Context(), got.text("access_token"))
	c.ok(err == nil, "%v", err)
	c.pass(time.Hour)
	_, err = c.Lookup(c.t.Context(), got.text("access_token"))
	c.ok(err != nil, "it lives after an hour")
}
