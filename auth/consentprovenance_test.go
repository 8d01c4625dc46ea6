package auth_test

import (
	"testing"

	"github.com/firth-health/firth/auth"
)

// TestConsentTakesProvenance shows that a Provenance goes with any of the resources that it is about: it says that they are there, who made them and when.
func TestConsentTakesProvenance(t *testing.T) {
	const (
		observations = "refers under target to Observation or key performer␁rPatient/q key subject␁rPatient/q"
		heartRates   = "refers under target to Observation and or key performer␁rPatient/q key subject␁rPatient/q or keys code␁t8867-4␁… keys component-code␁t8867-4␁…"
	)
	for _, test := range []struct {
		name, provision string
		claims          auth.Claims
		want            string
	}{
		{"a type, from a doctor", `"type":"deny","class":[{"code":"Observation"}]`, doctor, "not " + observations},
		{"a code, from a doctor", `"type":"deny","class":[{"code":"Observation"}],"code":[{"coding":[{"code":"8867-4"}]}]`, doctor, "not " + heartRates},
		{"a type, from an app", `"type":"deny","class":[{"code":"Observation"}]`, auth.Claims{Patient: "q", Scope: "patient/Provenance.rs"}, "and key target␁rPatient/q not " + observations},
		{"Provenance too", `"type":"deny","class":[{"code":"Observation"},{"code":"Provenance"}]`, doctor, "not or key target␁rPatient/q " + observations},
		{"from another", `"type":"deny","class":[{"code":"Observation"}],"actor":[{"reference":{"reference":"Practitioner/other"}}]`, doctor, all},
		{"in an emergency", `"type":"deny"`, auth.Claims{FHIRUser: "Practitioner/d", Scope: "user/*.rs", BreakGlass: true}, all},
		{"from the patient", `"type":"deny"`, auth.Claims{FHIRUser: "Patient/q", Patient: "q", Scope: "patient/Provenance.rs"}, "key target␁rPatient/q"},
		{"what is recorded", `"type":"deny","action":[{"coding":[{"code":"collect"}]}]`, doctor, all},
	} {
		t.Run(test.name, func(t *testing.T) {
			consents := auth.NewConsents(auth.ConsentOptions{})
			consents.Put(resource(t, consentOf("denial", "q", `"provision":{`+test.provision+`}`)))
			g, err := newRules(t, auth.Options{Consents: consents}).Grant(t.Context(), test.claims)
			if err != nil {
				t.Fatal(err)
			}
			if got := limit(g, "Provenance", auth.Read); got != test.want {
				t.Errorf("limit %s\nwant  %s", got, test.want)
			}
		})
	}
}
