package auth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/search"
)

// What of a Binary limits who reaches it is what docs/access.md says, and Binary.securityContext is not among it.

// binaries are of every kind of context.
var binaries = map[string]string{
	"own":       `,"securityContext":{"reference":"Patient/p"}`,
	"others":    `,"securityContext":{"reference":"Patient/q"}`,
	"document":  `,"securityContext":{"reference":"DocumentReference/of-p"}`,
	"absent":    `,"securityContext":{"reference":"Patient/nobody"}`,
	"foreign":   `,"securityContext":{"reference":"https://elsewhere.example/fhir/Patient/p"}`,
	"logical":   `,"securityContext":{"identifier":{"value":"p"}}`,
	"none":      ``,
	"sensitive": `,"meta":{"security":[{"code":"R"}]}`,
}

// reached are those that a token may read, and the same for any other action on them but creating.
func reached(t *testing.T, rules *auth.Rules, claims auth.Claims, action auth.Action) map[string]bool {
	t.Helper()
	g, err := rules.Grant(t.Context(), claims)
	if err != nil || len(g.Ignored()) > 0 {
		t.Fatal(err, g.Ignored())
	}
	found := map[string]bool{}
	for name, more := range binaries {
		err := g.Permits(t.Context(), action, resource(t, `{"resourceType":"Binary","id":"`+name+`","contentType":"text/plain"`+more+`}`), nil)
		if err != nil && !isForbidden(err) {
			t.Fatal(err)
		}
		if err == nil {
			found[name] = true
		}
	}
	return found
}

func TestBinaryContext(t *testing.T) {
	every := map[string]bool{}
	for name := range binaries {
		every[name] = true
	}
	consents := newConsents() // takes all that is known to be q's, and a Binary by name
	consents.Put(resource(t, consentOf("all", "q", policy)))
	consents.Put(resource(t, consentOf("one", "q", `"provision":{"type":"deny","data":[{"meaning":"instance","reference":{"reference":"Binary/others"}}]}`)))
	rules := newRules(t, auth.Options{Relations: family{}, Consents: consents})
	for _, test := range []struct {
		name   string
		claims auth.Claims
		want   map[string]bool
	}{
		{"a system", auth.Claims{Scope: "system/*.cruds"}, every},
		{"a system that sees nothing else", auth.Claims{Scope: "system/Binary.cruds"}, every},
		{"a professional", auth.Claims{FHIRUser: "Practitioner/d", Scope: "user/*.cruds"}, every},
		{"a professional who sees some Patients", auth.Claims{FHIRUser: "Practitioner/d", Scope: "user/Binary.cruds user/Patient.rs?active=true"}, every},
		{"by a label", auth.Claims{FHIRUser: "Practitioner/d", Scope: "user/Binary.cruds?_security=R"}, map[string]bool{"sensitive": true}},
		{"without a label", auth.Claims{FHIRUser: "Practitioner/d", Scope: "user/Binary.cruds?_security:not=R"},
			map[string]bool{"own": true, "others": true, "document": true, "absent": true, "foreign": true, "logical": true, "none": true}},
		{"the patient's app", auth.Claims{Patient: "p", Scope: "patient/*.cruds patient/Binary.cruds"}, map[string]bool{}},
		{"the patient", auth.Claims{FHIRUser: "Patient/p", Scope: "user/*.cruds user/Binary.cruds"}, map[string]bool{}},
		{"the mother", auth.Claims{FHIRUser: "RelatedPerson/mother", Scope: "user/Binary.cruds"}, map[string]bool{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, action := range []auth.Action{auth.Read, auth.Search, auth.Update, auth.Delete} {
				if diff := cmp.Diff(test.want, reached(t, rules, test.claims, action)); diff != "" {
					t.Errorf("%s (-want +got)\n%s", action, diff)
				}
			}
		})
	}
}

// TestBinaryContextAsParameter has a SearchParameter for the context, by which scopes can then be limited to what they spell out.
func TestBinaryContextAsParameter(t *testing.T) {
	r, err := search.NewRegistry(definitions(t), search.Options{BaseURL: base, References: true})
	if err != nil {
		t.Fatal(err)
	}
	custom, err := r.ReadCustom(resource(t, `{"resourceType":"SearchParameter","id":"context","url":"https://example.org/context","name":"Context","status":"active","description":"context",
		"code":"context","base":["Binary"],"type":"reference","expression":"Binary.securityContext"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.SetCustom([]search.CustomState{{Custom: custom, Ready: []string{"Binary"}}})
	rules, err := auth.New(auth.Options{Definitions: definitions(t), Search: r, BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	for scope, want := range map[string]map[string]bool{
		"system/Binary.cruds?context=Patient/p":              {"own": true},
		"system/Binary.cruds?context:missing=true":           {"none": true, "sensitive": true},
		"system/Binary.cruds?context=DocumentReference/of-p": {"document": true},
	} {
		for _, action := range []auth.Action{auth.Read, auth.Search, auth.Update, auth.Delete} {
			if diff := cmp.Diff(want, reached(t, rules, auth.Claims{Scope: scope}, action)); diff != "" {
				t.Errorf("%s: %s (-want +got)\n%s", scope, action, diff)
			}
		}
	}
	for _, scope := range []string{"system/Binary.r?context.name=Pine", "system/Binary.r?context:Patient.active=true"} {
		if _, err := rules.ParseScopes(scope); err == nil {
			t.Errorf("%s: a chain is a limit", scope)
		}
	}
}
