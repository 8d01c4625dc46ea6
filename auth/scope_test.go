package auth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/search"
)

func TestParseScope(t *testing.T) {
	const rs = auth.Read | auth.Search
	for _, test := range []struct {
		text string
		want auth.Scope
	}{
		{"openid", auth.Scope{Name: "openid"}},
		{"launch/patient", auth.Scope{Name: "launch/patient"}},
		{"offline_access", auth.Scope{Name: "offline_access"}},
		{"patient/Observation.rs", auth.Scope{Level: auth.PatientLevel, Type: "Observation", Actions: rs}},
		{"user/*.cruds", auth.Scope{Level: auth.UserLevel, Type: "*", Actions: auth.Create | auth.Read | auth.Update | auth.Delete | auth.Search}},
		{"system/Patient.c", auth.Scope{Level: auth.SystemLevel, Type: "Patient", Actions: auth.Create}},
		{"system/Patient.ud", auth.Scope{Level: auth.SystemLevel, Type: "Patient", Actions: auth.Update | auth.Delete}},
		{"patient/*.read", auth.Scope{Level: auth.PatientLevel, Type: "*", Actions: rs, V1: true}},
		{"user/Patient.write", auth.Scope{Level: auth.UserLevel, Type: "Patient", Actions: auth.Create | auth.Update | auth.Delete, V1: true}},
		{"system/*.*", auth.Scope{Level: auth.SystemLevel, Type: "*", Actions: auth.Create | auth.Read | auth.Update | auth.Delete | auth.Search, V1: true}},
		{
			"patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
			auth.Scope{Level: auth.PatientLevel, Type: "Observation", Actions: rs, Query: []search.Pair{{Name: "category", Value: "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"}}},
		},
		{
			"user/Observation.r?code=a,b&status=final",
			auth.Scope{Level: auth.UserLevel, Type: "Observation", Actions: auth.Read, Query: []search.Pair{{Name: "code", Value: "a,b"}, {Name: "status", Value: "final"}}},
		},
	} {
		t.Run(test.text, func(t *testing.T) {
			got, err := auth.ParseScope(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got.String() != test.text {
				t.Errorf("printed %s", got)
			}
		})
	}
}

func TestParseScopeRefuses(t *testing.T) {
	for _, text := range []string{
		"email", "Launch", "launch/practitioner", "patient/", "patient/Observation", "patient/Observation.", "patient/.rs", "patient.Observation.rs", "group/Patient.rs",
		"patient/Observation.sr", "patient/Observation.rr", "patient/Observation.x", "patient/Observation.RS", "patient/Observation.reads", "patient/observation.rs",
		"patient/Observation1.rs", "patient/*.rs?", "patient/Observation.rs?code", "patient/Observation.rs?code=", "patient/Observation.rs?=x", "patient/Observation.rs?code=%zz",
		"patient/Observation.rs?code=%00", "patient/Observation.read?code=x", "patient/Observation.*?code=x", "patient//Observation.rs", "Patient/Observation.rs",
		"patient/Observation.rs\x00", "patient/Öbservation.rs", "patient/Observation.rs?code=\"x\"", `patient/Observation.rs?code=\`,
		"patient/Observation.rs?" + strings.Repeat("a=b&", 17), "", "/", "*", "patient/**.rs", "patient/Obs*.rs",
	} {
		s, err := auth.ParseScope(text)
		var refused *auth.ScopeError
		if !errors.As(err, &refused) {
			t.Errorf("%q: %+v, %v", text, s, err)
			continue
		}
		if refused.Scope != text || refused.Reason == "" || text != "" && len(text) > 8 && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseScopes(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"  openid   fhirUser ", "openid fhirUser"},
		{"patient/*.rs openid patient/*.rs", "patient/*.rs openid"},
		{"patient/*.read patient/*.rs", "patient/*.read"},
		{"patient/*.*", "patient/*.*"},
		{"patient/Observation.rs?code=a%20b%26c%3Dd%2Be%25", "patient/Observation.rs?code=a%20b%26c%3Dd%2Be%25"},
		{"patient/Observation.rs?code=http%3A%2F%2Floinc.org%7C8867-4", "patient/Observation.rs?code=http://loinc.org|8867-4"},
		{"patient/Observation.rs?code=a&status=final patient/Observation.rs?status=final&code=a", "patient/Observation.rs?code=a&status=final"},
		{"patient/Observation.rs?code=a&code=a", "patient/Observation.rs?code=a"},
	} {
		got, err := auth.ParseScopes(test.text)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
	for _, text := range []string{"openid nope", strings.Repeat("x", 20_000)} {
		if _, err := auth.ParseScopes(text); err == nil {
			t.Errorf("no error for %.10s…", text)
		}
	}
	many := ""
	for i := range 300 {
		many += " patient/Observation.rs?code=" + strings.Repeat("x", i+1)[:min(i+1, 20)] + strings.Repeat("y", i/20)
	}
	if _, err := auth.ParseScopes(many); err == nil {
		t.Error("300 scopes")
	}
}

func TestRulesParseScopes(t *testing.T) {
	rules := newRules(t, auth.Options{})
	for _, text := range []string{
		"openid patient/*.rs user/Observation.cruds system/*.* system/AuditEvent.rs",
		"patient/Observation.rs?category=laboratory&code:in=http://hl7.org/fhir/ValueSet/observation-vitalsignresult",
		"patient/Observation.rs?status:not=entered-in-error patient/Observation.rs?value-quantity=gt5||mg patient/Condition.cruds?_tag=x",
		"system/*.rs?_security=N patient/Observation.rs?_lastUpdated=ge2020 patient/Observation.rs?_id=1,2 user/Patient.rs?_filter=name%20co%20x",
	} {
		all, err := rules.ParseScopes(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if all.String() != text {
			t.Errorf("printed %s", all)
		}
	}
	for _, test := range []struct{ scope, why string }{
		{"patient/Observations.rs", "does not exist"},
		{"patient/Resource.rs", "does not exist"},
		{"patient/DomainResource.rs", "does not exist"},
		{"patient/Observation.rs?colour=red", "no search parameter"},
		{"patient/Observation.rs?subject:Patient.name=x", "reaches beyond"},
		{"patient/Observation.rs?patient.name=x", "no search parameter"},
		{"patient/Patient.rs?_has:Observation:patient:code=x", "no search parameter"},
		{"patient/Observation.rs?_list=1", "reaches beyond"},
		{"patient/Observation.rs?_filter=subject.name%20eq%20x", "reaches beyond"},
		{"patient/Observation.rs?_include=Observation:subject", "no search parameter"},
		{"patient/Observation.rs?_count=5", "no search parameter"},
		{"patient/Observation.rs?_sort=date", "no search parameter"},
		{"patient/Observation.rs?_summary=count", "no search parameter"},
		{"patient/Observation.rs?_format=json", "no search parameter"},
		{"patient/Observation.rs?_elements=id", "no search parameter"},
		{"patient/Observation.rs?code:exact=x", "not understood"},
		{"patient/Observation.rs?date=soon", "not understood"},
		{"patient/Observation.rs?code=,", "says nothing"},
		{"patient/*.rs?code=x", "not all resource types"},
		{"patient/Observation.cu?_lastUpdated=ge2020", "changes with every write"},
		{"system/Observation.rs?_lastUpdated:missing=maybe", "not understood"},
	} {
		_, err := rules.ParseScopes("openid " + test.scope)
		var refused *auth.ScopeError
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, test.why) || refused.Scope != test.scope {
			t.Errorf("%s: %v", test.scope, err)
		}
	}
}

func FuzzParseScopes(f *testing.F) {
	for _, text := range []string{"openid fhirUser launch/patient patient/*.rs", "user/Observation.cruds?code=a|b&category:in=x", "system/*.*", "patient/X.read patient/X.write", "patient/Observation.rs?a=%25%26"} {
		f.Add(text)
	}
	rules := newRules(f, auth.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		if known, err := rules.ParseScopes(text); err == nil {
			g, err := rules.Grant(t.Context(), auth.Claims{Patient: "p", Scope: known.String()})
			if err != nil || len(g.Ignored()) > 0 || len(g.Scopes()) != len(known) {
				t.Fatalf("%q: %v, %v", text, err, g.Ignored())
			}
		}
		all, err := auth.ParseScopes(text)
		if err != nil {
			return
		}
		printed := all.String()
		again, err := auth.ParseScopes(printed)
		if err != nil {
			t.Fatalf("%q is printed %q: %v", text, printed, err)
		}
		if diff := cmp.Diff(all, again); diff != "" && len(all) > 0 {
			t.Fatalf("%q is printed %q (-once +again)\n%s", text, printed, diff)
		}
		if !all.SubsetOf(all) {
			t.Fatalf("%q does not cover itself", text)
		}
		if both := all.Intersect(all); !both.SubsetOf(all) || !all.SubsetOf(both) {
			t.Fatalf("%q and itself is %q", text, both)
		}
	})
}
