package auth_test

import (
	"testing"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/search"
)

// A restricted device query must cost next to nothing beside the query.
func BenchmarkRestrict(b *testing.B) {
	for name, c := range map[string]struct {
		claims auth.Claims
		query  string
	}{
		"own patient asked":  {auth.Claims{Patient: "p", Scope: "patient/*.rs"}, "patient=p&code=8867-4&_sort=-date&_count=20"},
		"no patient asked":   {auth.Claims{Patient: "p", Scope: "patient/*.rs"}, "code=8867-4&_sort=-date&_count=20"},
		"granular":           {auth.Claims{Patient: "p", Scope: "patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs"}, "patient=p&code=8867-4&_sort=-date&_count=20"},
		"practitioner":       {auth.Claims{FHIRUser: "Practitioner/d", Scope: "user/*.rs"}, "patient=p&code=8867-4&_sort=-date&_count=20"},
		"practitioner chain": {auth.Claims{FHIRUser: "Practitioner/d", Scope: "user/*.rs"}, "patient.name=x&code=8867-4"},
	} {
		b.Run(name, func(b *testing.B) {
			g := grant(b, c.claims)
			q := parseQuery(b, "Observation", c.query)
			b.ReportAllocs()
			for b.Loop() {
				once := *q
				if err := g.Restrict(b.Context(), &once); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPermits(b *testing.B) {
	res := resource(b, `{"resourceType":"Observation","id":"hr-p","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"category":[{"coding":[{"code":"vital-signs"}]}],
		"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/enc-p"},"device":{"reference":"Device/cuff-p"},"effectiveDateTime":"2026-01-02","valueQuantity":{"value":60}}`)
	for name, claims := range map[string]auth.Claims{
		"patient":  {Patient: "p", Scope: "patient/*.rs"},
		"granular": {Patient: "p", Scope: "patient/Observation.rs?category=vital-signs"},
		"system":   {Scope: "system/*.rs"},
	} {
		b.Run(name, func(b *testing.B) {
			g := grant(b, claims)
			b.ReportAllocs()
			for b.Loop() {
				if err := g.Permits(b.Context(), auth.Read, res, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGrant(b *testing.B) {
	rules := newRules(b, auth.Options{})
	for b.Loop() {
		g, err := rules.Grant(b.Context(), auth.Claims{Patient: "p", Scope: "openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs?category=laboratory patient/Condition.rs"})
		if err != nil {
			b.Fatal(err)
		}
		if plan, _ := g.Limit("Observation", auth.Read); search.FollowsReferences(plan) {
			b.Fatal("unexpected")
		}
	}
}
