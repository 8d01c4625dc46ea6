package smart_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/auth/smart/accounts"
)

// scopesAndContext is scopes-and-launch-context.html but for identity.
func scopesAndContext() []requirement {
	return slices.Concat(scopes(), contextOfLaunch(), furtherContext())
}

// scopes are what an app asks for and is granted.
func scopes() []requirement {
	matrix := "package auth, and the authorization matrix in internal/authmatrix"
	return []requirement{
		{id: "119", verdict: holds, note: "what the account allows and whose records the person may open bounds every token; package auth holds each request to it", test: func(c *check) {
			got := c.site.tokens(c.ask("scope", "launch/patient openid fhirUser patient/Observation.rs user/Observation.rs"), "nurse", "ben")
			c.ok(!strings.Contains(got.text("scope"), "user/"), "%s", got.body)
		}},
		{id: "123", verdict: elsewhere, note: matrix},
		{id: "126", verdict: holds, test: func(c *check) { c.ok(c.capable("permission-v1"), "") }},
		{id: "127", verdict: holds, test: func(c *check) {
			const v1 = "launch/patient patient/Observation.read patient/Condition.write patient/Immunization.*"
			c.equal(c.site.tokens(c.ask("scope", v1), "anna", "").text("scope"), v1)
		}},
		{id: "128", verdict: holds, note: "package auth has the tests of what they allow", test: func(c *check) {
			const v1 = "launch/patient offline_access patient/Observation.read"
			got := c.site.tokens(c.ask("scope", v1), "anna", "")
			got = c.refresh(got.text("refresh_token"), "scope", "patient/Observation.rs")
			c.equal(got.text("scope"), "patient/Observation.rs")
			got = c.refresh(got.text("refresh_token"), "scope", "patient/Observation.u")
			c.equal(got.text("error"), "invalid_scope")
		}},
		{id: "129", verdict: holds, note: "rejected with `invalid_scope`", test: func(c *check) {
			for _, scope := range []string{"patient/Observation.sr", "patient/Observation.x", "patient/Observation.rr", "patient/Observation."} {
				c.equal(c.browser().authorize(c.ask("scope", scope)).query.Get("error"), "invalid_scope")
			}
		}},
		{id: "130", verdict: elsewhere, note: matrix},
		{id: "134", verdict: holds, note: "57 characters, whatever the scopes", test: func(c *check) { c.equal(len(c.standalone.text("access_token")), 57) }},
		{id: "136", verdict: elsewhere, note: matrix},
		{id: "138", verdict: elsewhere, note: matrix},
		{id: "139", verdict: elsewhere, note: "docs/security.md: a Patient that links to the one in context can be read, what belongs to it cannot"},
		{id: "140", verdict: elsewhere, note: matrix},
		{id: "142", verdict: elsewhere, note: matrix},
		{id: "144", verdict: elsewhere, note: matrix},
		{id: "145", verdict: holds, test: func(c *check) {
			got := c.site.tokens(c.ask("scope", "launch/patient patient/*.cruds email"), "anna", "")
			c.equal(got.text("scope"), "launch/patient patient/*.cruds")
		}},
	}
}

// contextOfLaunch is what comes with the token.
func contextOfLaunch() []requirement {
	return []requirement{
		{id: "149", verdict: holds, test: func(c *check) {
			c.equal(c.standalone.json["patient"], "anna")
			c.equal(c.ehr.json["patient"], "ben")
			c.equal(c.ehr.json["encounter"], "e1")
		}},
		{id: "154", verdict: declined, note: "patient and encounter are what is gathered; an EHR launch brings any context along"},
		{id: "159", verdict: holds, test: func(c *check) {
			got := c.site.tokens(c.ask("scope", "launch/patient?role=https://example.org/role patient/Observation.rs"), "anna", "")
			c.equal(got.json["patient"], "anna")
		}},
		{id: "160", verdict: holds, note: "the role launch", test: func(c *check) {
			got := c.site.tokens(c.ask("scope", "launch/patient?role=https://example.org/role patient/Observation.rs"), "anna", "")
			c.equal(got.text("scope"), "launch/patient patient/Observation.rs")
		}},
		{id: "163", verdict: holds, note: "launch/encounter without an encounter is not granted", test: func(c *check) {
			got := c.site.tokens(c.ask("scope", "launch/patient launch/encounter patient/Observation.rs"), "anna", "")
			c.ok(got.json["encounter"] == nil && got.text("scope") == "launch/patient patient/Observation.rs", "%s", got.body)
		}},
		{id: "164", verdict: holds, test: func(c *check) {
			got := c.site.tokens(c.ask("scope", "patient/Observation.rs"), "doctor", "ben")
			c.equal(got.json["patient"], "ben")
		}},
		{id: "165", verdict: holds, note: "launch/patient is inferred: a patient is chosen", test: func(c *check) {
			b := c.browser()
			b.login(b.authorize(c.ask("scope", "patient/Observation.rs")), "doctor").at(c.t, "/auth/patient")
			c.ok(true, "")
		}},
		{id: "167", verdict: holds, test: func(c *check) { c.equal(c.standalone.json["patient"], "anna") }},
		{id: "168", verdict: holds, test: func(c *check) {
			c.equal(c.ehr.json["patient"], "ben")
			c.ok(c.ehr.json["intent"] != nil && c.ehr.json["smart_style_url"] != nil, "%s", c.ehr.body)
		}},
		{id: "169", verdict: holds, test: func(c *check) {
			c.ok(c.ehr.json["patient"] != nil && c.ehr.json["access_token"] != nil, "%s", c.ehr.body)
		}},
		{id: "170", verdict: holds, note: "an id without a type", test: func(c *check) {
			c.equal(c.ehr.json["patient"], "ben")
			claims, err := c.Lookup(c.t.Context(), c.site.tokens(c.ask(), "doctor", "carl").text("access_token"))
			c.ok(err == nil && claims.Patient == "carl", "%+v %v", claims, err)
		}},
		{id: "171", verdict: holds, test: ehr("encounter", "e1")},
		{id: "172", verdict: holds, test: func(c *check) {
			list, _ := c.ehr.json["fhirContext"].([]any)
			c.equal(len(list), 2)
		}},
		{id: "173", verdict: holds, test: func(c *check) {
			c.equal(c.ehr.json["need_patient_banner"], false)
			c.equal(c.standalone.json["need_patient_banner"], true)
		}},
		{id: "174", verdict: holds, test: ehr("intent", "reconcile-medications")},
		{id: "175", verdict: holds, test: func(c *check) {
			address := c.ehr.text("smart_style_url")
			c.equal(address, c.root+"/auth/style.json")
			got := c.request(http.MethodGet, strings.TrimPrefix(address, c.root), "")
			c.ok(got.status == http.StatusOK && got.text("color_background") != "", "%d %s", got.status, got.body)
		}},
		{id: "176", verdict: holds, test: ehr("tenant", "north")},
	}
}

// furtherContext is fhirContext.
func furtherContext() []requirement {
	return []requirement{
		{id: "177", verdict: holds, note: "by what the EHR gives when it prepares the launch", test: func(c *check) {
			c.ok(strings.Contains(c.ehr.body, `{"reference":"ImagingStudy/7"}`), "%s", c.ehr.body)
			c.equal(c.prepare(`{"client_id":"public","fhirContext":[{"reference":"Patient/anna"}]}`).status, http.StatusBadRequest)
			c.equal(c.prepare(`{"client_id":"public","fhirContext":[{"reference":"Encounter/1","role":"launch"}]}`).status, http.StatusBadRequest)
		}},
		{id: "178", verdict: holds, test: func(c *check) {
			c.equal(c.prepare(`{"client_id":"public","fhirContext":[{"type":"ImagingStudy"}]}`).status, http.StatusBadRequest)
		}},
		{id: "179", verdict: holds, test: item(`{"reference":"ImagingStudy/7"}`)},
		{id: "180", verdict: holds, test: item(`{"reference":"ImagingStudy/7"},{"reference":"ImagingStudy/8"}`)},
		{id: "181", verdict: holds, test: item(`{"canonical":"http://example.org/Questionnaire/q"}`)},
		{id: "182", verdict: holds, test: item(`{"canonical":"http://example.org/Questionnaire/q|2"}`)},
		{id: "183", verdict: holds, test: item(`{"identifier":{"system":"urn:x","value":"1"}}`)},
		{id: "184", verdict: holds, test: item(`{"reference":"ImagingStudy/7","type":"ImagingStudy"}`)},
		{id: "185", verdict: holds, test: item(`{"identifier":{"value":"1"},"type":"ImagingStudy"}`)},
		{id: "186", verdict: holds, test: item(`{"reference":"ImagingStudy/7","role":"https://example.org/role"}`)},
		{id: "187", verdict: holds, test: item(`{"reference":"ImagingStudy/7","role":"launch"}`)},
		{id: "188", verdict: holds, test: func(c *check) {
			c.equal(c.prepare(`{"client_id":"public","fhirContext":[{"reference":"ImagingStudy/7","role":"mother"}]}`).status, http.StatusBadRequest)
		}},
		{id: "189", verdict: holds, test: item(`{"reference":"ImagingStudy/7"}`)},
		{id: "190", verdict: holds, test: func(c *check) {
			c.equal(c.prepare(`{"client_id":"public","fhirContext":[{"reference":"ImagingStudy/7","role":""}]}`).status, http.StatusBadRequest)
		}},
		{id: "192", verdict: holds, test: item(`{"reference":"ImagingStudy/7","role":"https://example.org/role"},{"reference":"ImagingStudy/8","role":"https://example.org/role"}`)},
		{id: "194", verdict: holds, note: "passed on as it was given", test: ehr("intent", "reconcile-medications")},
		{id: "217", verdict: noMatter, note: "no scopes or parameters of tokens are added; rights at this server's own API are `firth/…`"},
	}
}

// ehr checks a member of the answer to an EHR launch.
func ehr(name string, want any) func(*check) {
	return func(c *check) { c.equal(c.ehr.json[name], want) }
}

// item checks that items of fhirContext arrive as they were given.
func item(items string) func(*check) {
	return func(c *check) {
		launch := c.prepare(`{"client_id":"public","patient":"ben","fhirContext":[` + items + `]}`)
		c.equal(launch.status, http.StatusCreated)
		got := c.site.tokens(c.ask("scope", ehrScopes, "launch", launch.text("launch")), "doctor", "")
		var want any
		if err := json.Unmarshal([]byte("["+items+"]"), &want); err != nil {
			c.t.Fatal(err)
		}
		c.equal(got.json["fhirContext"], want)
	}
}

// identity is what scopes-and-launch-context.html says of who the user is.
func identity() []requirement {
	return []requirement{
		{id: "197", verdict: holds, test: func(c *check) {
			if _, err := c.Accounts().Find(c.t.Context(), "visitor"); err != nil {
				account, err := c.Accounts().Create(c.t.Context(), accounts.Account{Login: "visitor", Patients: []string{"anna"}})
				if err == nil {
					err = c.Accounts().SetPassword(c.t.Context(), account.ID, password)
				}
				c.ok(err == nil, "%v", err)
			}
			got := c.site.tokens(c.ask(), "visitor", "anna")
			c.ok(!strings.Contains(got.text("scope"), "fhirUser"), "%s", got.body)
			claims, _ := c.verified(got.text("id_token"))
			c.ok(claims["fhirUser"] == nil, "%v", claims)
		}},
		{id: "198", verdict: holds, test: func(c *check) {
			c.equal(c.idClaims["fhirUser"], c.base+"/Practitioner/dora")
			_, err := c.Accounts().Create(c.t.Context(), accounts.Account{Login: "odd", FHIRUser: "Device/1"})
			c.ok(err != nil, "a Device may be a user")
		}},
		{id: "199", verdict: noMatter, note: "the administrator says which resource somebody is"},
		{id: "200", verdict: holds, test: func(c *check) {
			c.ok(c.standalone.text("id_token") != "", "none with openid")
			c.ok(c.noRefresh.json["id_token"] == nil, "one without openid")
		}},
		{id: "203", verdict: holds, test: func(c *check) { c.equal(c.idClaims["fhirUser"], c.base+"/Practitioner/dora") }},
		{id: "204", verdict: noMatter, note: "it is absolute"},
		{id: "205", verdict: holds, test: func(c *check) {
			c.ok(c.answer.query.Get("code") != "" && c.standalone.text("id_token") != "", "%s", c.standalone.body)
			c.equal(c.idClaims["nonce"], "n-0S6_WzA2Mj")
			c.equal(c.idClaims["aud"], "public")
			c.equal(c.idClaims["iss"], c.root)
			c.equal(c.idClaims["exp"].(float64)-c.idClaims["iat"].(float64), 3600.0)
			c.ok(len(c.idClaims["sub"].(string)) <= 255, "")
		}},
		{id: "206", verdict: holds, note: "prompt and max_age are understood", test: func(c *check) {
			c.equal(c.browser().authorize(c.ask("prompt", "none")).query.Get("error"), "login_required")
		}},
		{id: "207", verdict: holds, test: func(c *check) { c.ok(len(c.keySetOf().Keys) >= 1, "no keys") }},
		{id: "208", verdict: declined, note: "bare keys are enough"},
		{id: "209", verdict: holds, test: func(c *check) { c.equal(c.idClaims["fhirUser"], c.base+"/Practitioner/dora") }},
		{id: "210", verdict: holds, test: func(c *check) {
			claims, kid := c.verified(c.standalone.text("id_token")) // takes RS256 only
			c.ok(claims != nil && kid != "", "")
			list, _ := c.openid.json["id_token_signing_alg_values_supported"].([]any)
			c.equal(list, []any{"RS256"})
		}},
		{id: "212", verdict: declined, note: "the id_token has all there is"},
		{id: "213", verdict: declined, note: "refused with `request_not_supported`"},
		{id: "214", verdict: declined, note: "the id_token has all there is"},
	}
}
