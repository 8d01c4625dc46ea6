package smart_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/firth-health/firth/auth/smart/clients"
)

// backendServices is backend-services.html.
func backendServices() []requirement {
	matrix := "package auth, and the authorization matrix in internal/authmatrix"
	return []requirement{
		{id: "228", verdict: holds, test: func(c *check) {
			c.ok(c.capable("client-confidential-asymmetric") && c.lists("token_endpoint_auth_methods_supported", "private_key_jwt"), "%s", c.config.body)
		}},
		{id: "231", verdict: elsewhere, note: "tests of cmd/firth: TLS 1.2 or later, by the server or a proxy before it"},
		{id: "240", verdict: holds, test: func(c *check) {
			c.equal(c.backend.status, http.StatusOK)
			c.equal(c.call("/auth/token", serviceForm(c.assertion("asymmetric", "ec", nil, nil))).text("error"), "invalid_scope")
		}},
		{id: "241", verdict: holds, test: func(c *check) { c.equal(c.backend.text("scope"), "system/Observation.rs") }},
		{id: "243", verdict: elsewhere, note: matrix},
		{id: "244", verdict: elsewhere, note: matrix},
		{id: "245", verdict: elsewhere, note: matrix},
		{id: "246", verdict: elsewhere, note: matrix},
		{id: "247", verdict: elsewhere, note: "docs/security.md: every request but discovery needs a token"},
		{id: "248", verdict: holds, test: func(c *check) { c.ok(c.backend.json["refresh_token"] == nil, "%s", c.backend.body) }},
		{id: "249", verdict: holds, test: func(c *check) {
			for name, change := range badAssertions(c) {
				got := c.refusedBackend(change)
				c.ok(got.text("error") == "invalid_client" && got.json["access_token"] == nil, "%s: %d %s", name, got.status, got.body)
			}
		}},
		{id: "250", verdict: holds, test: scopeBeyond},
		{id: "251", verdict: holds, test: func(c *check) {
			c.equal(c.refusedBackend(nil, "grant_type", "x").text("error"), "unsupported_grant_type")
			c.equal(c.refusedBackend(nil, "scope", "").text("error"), "invalid_scope")
			c.equal(c.refusedBackend(nil, "client_assertion_type", "x").text("error"), "invalid_client")
		}},
		{id: "252", verdict: holds, test: func(c *check) { c.ok(c.refusedBackend(nil, "scope", "").text("error_description") != "", "none") }},
		{id: "253", verdict: holds, test: func(c *check) { c.equal(c.backend.status, http.StatusOK) }},
		{id: "254", verdict: holds, test: func(c *check) { c.ok(c.backend.text("access_token") != "", "%s", c.backend.body) }},
		{id: "255", verdict: holds, note: "`Bearer`; letters do not matter", test: func(c *check) { c.ok(strings.EqualFold(c.backend.text("token_type"), "bearer"), "%s", c.backend.body) }},
		{id: "256", verdict: holds, test: func(c *check) { c.equal(c.backend.json["expires_in"], 300.0) }},
		{id: "257", verdict: holds, test: func(c *check) { c.equal(c.backend.json["expires_in"], 300.0) }},
		{id: "258", verdict: holds, test: func(c *check) { c.equal(c.backend.text("scope"), "system/Observation.rs") }},
		{id: "259", verdict: holds, note: "unknown scopes of other systems are left out", test: func(c *check) {
			got := c.refusedBackend(nil, "scope", "system/Observation.rs email")
			c.equal(got.text("scope"), "system/Observation.rs")
		}},
		{id: "260", verdict: holds, test: func(c *check) { c.equal(c.backend.text("scope"), "system/Observation.rs") }},
		{id: "261", verdict: holds, test: backendExpires},
		{id: "262", verdict: holds, test: func(c *check) { c.equal(c.backend.json["expires_in"], 300.0) }},
		{id: "265", verdict: holds, note: "`Lookup`, which the server asks at every request", test: backendExpires},
		{id: "266", verdict: elsewhere, note: matrix},
	}
}

func scopeBeyond(c *check) {
	for _, scope := range []string{"system/Condition.rs", "system/*.rs", "system/Patient.cruds", "system/Observation.rs system/Condition.rs", "patient/Observation.rs"} {
		c.equal(c.refusedBackend(nil, "scope", scope).text("error"), "invalid_scope")
	}
}

func backendExpires(c *check) {
	got := c.refusedBackend(nil)
	_, err := c.Lookup(c.t.Context(), got.text("access_token"))
	c.ok(err == nil, "%v", err)
	c.pass(5 * time.Minute)
	_, err = c.Lookup(c.t.Context(), got.text("access_token"))
	c.ok(err != nil, "it lives after five minutes")
}

// badAssertions are ways in which an assertion can be wrong.
func badAssertions(c *check) map[string]func(map[string]any) {
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = value }
	}
	return map[string]func(map[string]any){
		"aud": set("aud", "https://evil.example"), "exp": set("exp", c.now().Add(-time.Hour).Unix()), "far exp": set("exp", c.now().Add(time.Hour).Unix()), "iss": set("iss", "x"), "sub": set("sub", "x"), "jti": set("jti", ""),
	}
}

// introspection is token-introspection.html.
func introspection() []requirement {
	same := func(name string) func(*check) {
		return func(c *check) { c.equal(c.introspected.json[name], c.standalone.json[name]) }
	}
	return []requirement{
		{id: "269", verdict: holds, test: func(c *check) {
			c.equal(c.config.text("introspection_endpoint"), c.root+"/auth/introspect")
		}},
		{id: "271", verdict: holds, test: func(c *check) {
			c.equal(c.introspected.status, http.StatusOK)
			c.equal(c.call("/auth/introspect", url.Values{"token": {"unknown"}}, basic("confidential", c.secret)...).body, `{"active":false}`)
		}},
		{id: "272", verdict: holds, test: func(c *check) { c.equal(c.introspected.json["active"], true) }},
		{id: "273", verdict: holds, test: same("scope")},
		{id: "274", verdict: holds, test: func(c *check) { c.equal(c.introspected.json["client_id"], "public") }},
		{id: "275", verdict: holds, test: func(c *check) {
			exp, ok := c.introspected.json["exp"].(float64)
			c.ok(ok && exp == float64(int64(exp)), "%v", c.introspected.json["exp"])
		}},
		{id: "276", verdict: holds, test: func(c *check) {
			c.equal(c.introspected.json["exp"].(float64)-c.introspected.json["iat"].(float64), c.standalone.json["expires_in"])
		}},
		{id: "277", verdict: holds, test: func(c *check) {
			for _, name := range []string{"patient", "encounter", "fhirContext", "need_patient_banner", "intent", "smart_style_url", "tenant"} {
				c.ok(c.ehr.json[name] != nil, "no %s in the token response", name)
				c.equal(c.introspectedEHR.json[name], c.ehr.json[name])
			}
		}},
		{id: "278", verdict: holds, test: func(c *check) { c.equal(c.introspected.json["iss"], c.idClaims["iss"]) }},
		{id: "279", verdict: holds, test: func(c *check) { c.equal(c.introspected.json["sub"], c.idClaims["sub"]) }},
		{id: "280", verdict: holds, test: func(c *check) { c.equal(c.introspected.json["fhirUser"], c.idClaims["fhirUser"]) }},
		{id: "281", verdict: holds, test: func(c *check) {
			c.equal(c.call("/auth/introspect", url.Values{"token": {c.standalone.text("access_token")}}).status, http.StatusUnauthorized)
		}},
		{id: "282", verdict: holds, note: "the scope is `firth/introspection`", test: func(c *check) { c.equal(c.introspected.json["active"], true) }},
		{id: "283", verdict: holds, test: func(c *check) { c.equal(c.introspected.json["client_id"], "public") }}, // asked by the client service
	}
}

// asymmetric is client-confidential-asymmetric.html and client-confidential-symmetric.html.
func asymmetric() []requirement {
	return []requirement{
		{id: "285", verdict: holds, test: func(c *check) { c.ok(c.capable("client-confidential-asymmetric"), "") }},
		{id: "286", verdict: holds, test: func(c *check) { c.equal(c.config.text("token_endpoint"), c.root+"/auth/token") }},
		{id: "287", verdict: holds, test: func(c *check) { c.ok(c.lists("scopes_supported", "system/*.rs"), "%s", c.config.body) }},
		{id: "288", verdict: holds, test: func(c *check) { c.ok(c.lists("token_endpoint_auth_methods_supported", "private_key_jwt"), "") }},
		{id: "289", verdict: holds, test: func(c *check) {
			c.ok(c.lists("token_endpoint_auth_signing_alg_values_supported", "RS384") && c.lists("token_endpoint_auth_signing_alg_values_supported", "ES384"), "")
		}},
		{id: "296", verdict: holds, note: "TestKeysByURL asks such a URL", test: func(c *check) {
			_, _, err := c.Clients().Create(c.t.Context(), clients.Client{Name: "x", Type: clients.Asymmetric, JWKSURL: "https://app.example/jwks", Scopes: "system/*.rs"})
			c.ok(err == nil, "%v", err)
		}},
		{id: "297", verdict: holds, test: func(c *check) { c.equal(c.backend.status, http.StatusOK) }}, // the client's keys are inline
		{id: "305", verdict: holds, note: "only administrators change it; a set that cannot be read, or has private keys, is refused", test: func(c *check) {
			_, err := c.Clients().Change(c.t.Context(), "service", "keys", func(client *clients.Client) { client.JWKS = []byte(`{"keys":[{"kty":"oct","k":"AAAA","kid":"x"}]}`) })
			c.ok(err != nil, "it can be spoiled")
			c.equal(c.refusedBackend(nil).status, http.StatusOK)
		}},
		{id: "306", verdict: elsewhere, note: "docs/security.md says so where clients are registered"},
		{id: "310", verdict: holds, note: "both", test: func(c *check) {
			for _, kid := range []string{"rsa", "ec"} {
				c.equal(c.call("/auth/token", serviceForm(c.assertion("service", kid, nil, nil))).status, http.StatusOK)
			}
		}},
		{id: "311", verdict: declined, note: "RS384 and ES384 are enough"},
		{id: "316", verdict: holds, test: func(c *check) {
			client, _, err := c.Clients().Create(c.t.Context(), clients.Client{Name: "x", Type: clients.Asymmetric, JWKS: c.keySet(), Scopes: "system/*.rs"})
			c.ok(err == nil && client.ID != "", "%v", err)
		}},
		{id: "326", verdict: holds, test: func(c *check) { c.equal(c.backend.status, http.StatusOK) }},
		{id: "335", verdict: holds, test: func(c *check) {
			for name, change := range badAssertions(c) {
				c.ok(c.refusedBackend(change).text("error") == "invalid_client", "%s", name)
			}
			good := c.assertion("service", "ec", nil, nil)
			spoiled := good[:len(good)-8] + "AAAAAAAA"
			c.equal(c.call("/auth/token", serviceForm(spoiled)).text("error"), "invalid_client")
		}},
		{id: "336", verdict: holds, note: "in the store: also across servers and restarts", test: func(c *check) {
			assertion := c.assertion("service", "ec", nil, nil)
			c.equal(c.call("/auth/token", serviceForm(assertion)).status, http.StatusOK)
			c.equal(c.call("/auth/token", serviceForm(assertion)).text("error"), "invalid_client")
			again := func(claims map[string]any) { claims["jti"] = "the same" }
			c.equal(c.refusedBackend(again).status, http.StatusOK)
			c.equal(c.refusedBackend(again).text("error"), "invalid_client")
		}},
		{id: "337", verdict: holds, test: func(c *check) {
			c.equal(c.call("/auth/token", serviceForm(c.assertion("nobody", "ec", nil, nil))).text("error"), "invalid_client")
			c.equal(c.refusedBackend(nil, "client_id", "asymmetric").text("error"), "invalid_client")
		}},
		{id: "338", verdict: holds, note: "package auth/keys tests each step", test: func(c *check) {
			stranger := map[jose.HeaderKey]any{"jku": "https://evil.example/jwks"}
			c.equal(c.call("/auth/token", serviceForm(c.assertion("service", "ec", stranger, nil))).text("error"), "invalid_client")
			c.equal(c.call("/auth/token", serviceForm(c.assertion("service", "unknown", nil, nil))).text("error"), "invalid_client")
			mismatch := c.sign(jose.SigningKey{Algorithm: jose.ES384, Key: jose.JSONWebKey{Key: c.ec, KeyID: "rsa"}}, nil, map[string]any{"iss": "service", "sub": "service"})
			c.equal(c.call("/auth/token", serviceForm(mismatch)).text("error"), "invalid_client")
		}},
		{id: "339", verdict: holds, note: "with bounds on time and size, and to public addresses only; package auth/keys tests that", test: func(c *check) {
			_, asked := fetched(c)
			c.equal(asked, []string{http.MethodGet})
		}},
		{id: "340", verdict: holds, test: func(c *check) {
			got := c.call("/auth/token", serviceForm("x"))
			c.ok(got.text("error") == "invalid_client" && got.status == http.StatusUnauthorized, "%d %s", got.status, got.body)
		}},
		{id: "341", verdict: holds, test: func(c *check) {
			_, asked := fetched(c, 61*time.Second)
			c.equal(len(asked), 2)
		}},
		{id: "342", verdict: holds, test: func(c *check) {
			answers, asked := fetched(c, 20*time.Second, 20*time.Second)
			c.equal(answers, []int{http.StatusOK, http.StatusOK, http.StatusOK})
			c.equal(len(asked), 1)
		}},
		{id: "344", verdict: holds, test: func(c *check) {
			got := c.call("/auth/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"system/Observation.rs"}}, basic("confidential", c.secret)...)
			c.equal(got.text("error"), "unauthorized_client")
		}},
	}
}

// fetched authenticates a client whose keys are behind a URL that lets them be kept for a minute, and again after each pause. It returns the answers, and how the URL was asked.
func fetched(c *check, pauses ...time.Duration) (answers []int, asked []string) {
	set := c.keySet()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method)
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write(set)
	}))
	defer host.Close()
	client, _, err := c.Clients().Create(c.t.Context(), clients.Client{Name: "By URL", Type: clients.Asymmetric, JWKSURL: host.URL, Scopes: "system/Observation.rs"})
	c.ok(err == nil, "%v", err)
	for _, pause := range append([]time.Duration{0}, pauses...) {
		c.pass(pause)
		answers = append(answers, c.call("/auth/token", serviceForm(c.assertion(client.ID, "ec", nil, nil))).status)
	}
	return answers, asked
}
