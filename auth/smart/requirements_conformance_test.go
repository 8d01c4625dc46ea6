package smart_test

import (
	"net/http"
	"net/url"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth/smart"
)

// capabilities is conformance.html.
func capabilities() []requirement {
	return append(declared(), described()...)
}

// declared are the capabilities, each with what it promises.
func declared() []requirement {
	able := func(names ...string) func(*check) {
		return func(c *check) { c.ok(c.capable(names...), "%v are not all declared", names) }
	}
	given := func(capability string, test func(*check)) func(*check) {
		return func(c *check) {
			c.ok(c.capable(capability), "%s is not declared", capability)
			test(c)
		}
	}
	fine := func(pick func(*walk) answered) func(*check) {
		return func(c *check) { c.equal(pick(c.walk).status, http.StatusOK) }
	}
	standalone, ehr := fine(func(w *walk) answered { return w.standalone }), fine(func(w *walk) answered { return w.ehr })
	grants := func(scope string) func(*check) {
		return func(c *check) {
			c.equal(c.site.tokens(c.ask("scope", "launch/patient "+scope), "doctor", "anna").text("scope"), "launch/patient "+scope)
		}
	}
	return []requirement{
		{id: "346", verdict: holds, test: able("launch-standalone", "launch-ehr")},
		{id: "348", verdict: holds, test: able("launch-standalone", "client-public", "client-confidential-symmetric", "context-standalone-patient", "permission-patient")},
		{id: "349", verdict: holds, test: able("launch-ehr", "client-public", "client-confidential-symmetric", "context-ehr-patient", "permission-patient")},
		{id: "350", verdict: holds, test: able("launch-standalone", "client-public", "client-confidential-symmetric", "permission-user", "permission-patient")},
		{id: "351", verdict: holds, test: able("launch-ehr", "client-public", "client-confidential-symmetric", "context-ehr-patient", "context-ehr-encounter", "permission-user", "permission-patient")},
		{id: "352", verdict: holds, test: given("launch-ehr", ehr)},
		{id: "353", verdict: holds, test: given("launch-standalone", standalone)},
		{id: "354", verdict: holds, test: given("authorize-post", func(c *check) { c.browser().post("/auth/authorize", c.ask()).at(c.t, "/auth/login") })},
		{id: "355", verdict: holds, test: given("client-public", standalone)},
		{id: "356", verdict: holds, test: given("client-confidential-symmetric", func(c *check) {
			code := c.browser().consented(c.ask("client_id", "confidential"), "anna", "").query.Get("code")
			c.equal(c.call("/auth/token", codeForm(code, "client_id", ""), basic("confidential", c.secret)...).status, http.StatusOK)
			c.equal(c.call("/auth/token", codeForm(code, "client_id", ""), basic("confidential", "wrong")...).status, http.StatusUnauthorized)
		})},
		{id: "357", verdict: holds, test: given("client-confidential-asymmetric", fine(func(w *walk) answered { return w.backend }))},
		{id: "358", verdict: holds, test: given("sso-openid-connect", func(c *check) { c.equal(c.idClaims["fhirUser"], c.base+"/Practitioner/dora") })},
		{id: "359", verdict: holds, test: given("context-banner", func(c *check) { c.equal(c.ehr.json["need_patient_banner"], false) })},
		{id: "360", verdict: holds, test: given("context-style", func(c *check) { c.equal(c.ehr.text("smart_style_url"), c.root+"/auth/style.json") })},
		{id: "361", verdict: holds, test: given("context-ehr-patient", func(c *check) { c.equal(c.ehr.text("patient"), "ben") })},
		{id: "362", verdict: holds, test: given("context-ehr-encounter", func(c *check) { c.equal(c.ehr.text("encounter"), "e1") })},
		{id: "363", verdict: holds, test: given("context-standalone-patient", func(c *check) { c.equal(c.standalone.text("patient"), "anna") })},
		{id: "364", verdict: noMatter, note: "not declared: nobody chooses an encounter"},
		{id: "365", verdict: holds, test: given("permission-offline", func(c *check) { c.ok(c.standalone.json["refresh_token"] != nil, "") })},
		{id: "366", verdict: holds, test: given("permission-online", func(c *check) {
			got := c.site.tokens(c.ask("scope", "launch/patient online_access patient/Observation.rs"), "anna", "")
			c.ok(got.json["refresh_token"] != nil, "%s", got.body)
		})},
		{id: "367", verdict: holds, test: given("permission-patient", grants("patient/Observation.rs"))},
		{id: "368", verdict: holds, test: given("permission-user", grants("user/Appointment.rs"))},
		{id: "369", verdict: holds, test: given("permission-v1", grants("patient/Observation.read"))},
		{id: "370", verdict: holds, test: given("permission-v2", grants("patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"))},
		{id: "371", verdict: noMatter, note: "not declared: app state is experimental"},
	}
}

// described is the discovery document.
func described() []requirement {
	return []requirement{
		{id: "372", verdict: holds, test: func(c *check) {
			for _, path := range []string{"/fhir/.well-known/smart-configuration", "/.well-known/smart-configuration"} {
				c.ok(c.request(http.MethodGet, path, "").json["token_endpoint"] != nil, "%s", path)
			}
		}},
		{id: "373", verdict: holds, test: func(c *check) {
			list, _ := c.config.json["capabilities"].([]any)
			var got []string
			for _, capability := range list {
				got = append(got, capability.(string))
			}
			c.equal(cmp.Diff(smart.Capabilities(), got), "")
		}},
		{id: "374", verdict: holds, test: func(c *check) { c.equal(c.config.header.Get("Content-Type"), "application/json") }}, // XML was asked for
		{id: "376", verdict: holds, test: func(c *check) { c.equal(c.config.status, http.StatusOK) }},
		{id: "377", verdict: holds, test: func(c *check) { c.equal(c.config.header.Get("Content-Type"), "application/json") }},
		{id: "378", verdict: holds, test: func(c *check) {
			for name, value := range c.config.json {
				if text, ok := value.(string); ok {
					u, err := url.Parse(text)
					c.ok(err == nil && u.IsAbs() && u.Host != "", "%s: %s", name, text)
				}
			}
		}},
		{id: "380", verdict: holds, test: func(c *check) { c.equal(c.config.header.Get("Content-Type"), "application/json") }},
		{id: "381", verdict: holds, test: func(c *check) {
			c.equal(c.config.text("issuer"), c.root)
			c.equal(c.openid.text("issuer"), c.root)
			c.equal(c.idClaims["iss"], c.root)
		}},
		{id: "382", verdict: holds, test: func(c *check) {
			c.equal(c.config.text("jwks_uri"), c.root+"/auth/jwks")
			c.ok(len(c.keySetOf().Keys) > 0, "no keys")
		}},
		{id: "383", verdict: holds, test: func(c *check) { c.equal(c.config.text("authorization_endpoint"), c.root+"/auth/authorize") }},
		{id: "384", verdict: holds, test: func(c *check) {
			c.ok(c.lists("grant_types_supported", "authorization_code") && c.lists("grant_types_supported", "client_credentials"), "%s", c.config.body)
		}},
		{id: "385", verdict: holds, test: func(c *check) { c.equal(c.config.text("token_endpoint"), c.root+"/auth/token") }},
		{id: "386", verdict: holds, note: "client_secret_basic, private_key_jwt, none; a secret in the form is refused", test: func(c *check) {
			c.ok(c.lists("token_endpoint_auth_methods_supported", "client_secret_basic"), "")
		}},
		{id: "387", verdict: holds, test: func(c *check) { c.equal(c.config.text("user_access_brand_bundle"), c.root+"/auth/brands.json") }},
		{id: "388", verdict: holds, test: func(c *check) { c.ok(c.config.json["user_access_brand_identifier"] != nil, "") }},
		{id: "389", verdict: holds, test: func(c *check) {
			c.ok(c.lists("scopes_supported", "launch/patient") && c.lists("scopes_supported", "patient/*.rs"), "")
		}},
		{id: "390", verdict: holds, note: "the text is that of `management_endpoint`, where a person sees and ends access; both are there", test: func(c *check) {
			c.ok(c.lists("response_types_supported", "code"), "")
			c.equal(c.config.text("management_endpoint"), c.root+"/auth/account")
		}},
		{id: "391", verdict: holds, test: func(c *check) { c.equal(c.config.text("introspection_endpoint"), c.root+"/auth/introspect") }},
		{id: "392", verdict: holds, test: func(c *check) {
			c.equal(c.config.text("revocation_endpoint"), c.root+"/auth/revoke")
			got := c.site.tokens(c.ask(), "anna", "")
			c.equal(c.call("/auth/revoke", url.Values{"token": {got.text("access_token")}, "client_id": {"public"}}).status, http.StatusOK)
			_, err := c.Lookup(c.t.Context(), got.text("access_token"))
			c.ok(err != nil, "the token lives")
		}},
		{id: "393", verdict: holds, test: func(c *check) {
			list, _ := c.config.json["capabilities"].([]any)
			c.equal(len(list), len(smart.Capabilities()))
		}},
		{id: "394", verdict: holds, test: func(c *check) { c.equal(c.config.json["code_challenge_methods_supported"], []any{"S256"}) }},
		{id: "438", verdict: holds, note: "while registration is on", test: func(c *check) { c.equal(c.config.text("registration_endpoint"), c.root+"/auth/register") }},
		{id: "439", verdict: declined, note: "there is one FHIR endpoint"},
	}
}
