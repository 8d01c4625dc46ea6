package scopes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/scopes"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "",
		"openid  fhirUser openid":               "openid fhirUser",
		"email phone launch/imagingstudy urn:x": "",
		"launch/patient?role=https://x.example patient/Observation.rs": "launch/patient patient/Observation.rs",
		"patient/Observation.rs?category=a|b firth/introspection":      "patient/Observation.rs?category=a|b firth/introspection",
		"patient/Observation.read user/*.*":                            "patient/Observation.read user/*.*",
	} {
		list, err := scopes.Parser(auth.ParseScopes).Parse(text)
		if err != nil || list.String() != want {
			t.Errorf("%q: %q %v, want %q", text, list, err, want)
		}
	}
	for _, text := range []string{"patient/Observation", "patient/.rs", "user/observation.rs", "system/Observation.sr", "patient/Observation.rs?", "patient/Observation.read?code=1", `openid patient/"x".rs`} {
		if list, err := scopes.Parser(auth.ParseScopes).Parse(text); err == nil {
			t.Errorf("%q: %q", text, list)
		}
	}
}

func TestDescribe(t *testing.T) {
	for text, want := range map[string]scopes.Description{
		"patient/Observation.rs":          {Title: "Read and search observation", Sentence: "In the record of this patient."},
		"user/*.cruds":                    {Title: "Read, search, create, change and delete everything", Sentence: "In all records that you may see yourself.", Writes: true},
		"patient/MedicationRequest.write": {Title: "Create, change and delete medication request", Sentence: "In the record of this patient.", Writes: true},
		"patient/Observation.s?category=http://x|vital-signs&code=1": {Title: "Search observation", Sentence: "In the record of this patient. Only where category is vital-signs and code is 1."},
		"system/Device.u":     {Title: "Change device", Sentence: "In all records, on the app's own account.", Writes: true},
		"offline_access":      {Title: "Stay connected", Sentence: "The app keeps this access while you are away, until you take it back or the app is not used for a long time."},
		"launch/encounter":    {Title: "Know the encounter", Sentence: "The app learns which encounter this is about."},
		"firth/introspection": {Title: "Manage this server", Sentence: "The right firth/introspection of this server.", Writes: true},
	} {
		list, err := scopes.Parser(auth.ParseScopes).Parse(text)
		if err != nil || len(list) != 1 {
			t.Fatalf("%q: %v %v", text, list, err)
		}
		if diff := cmp.Diff(want, scopes.Describe(list[0])); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	for _, text := range []string{"openid", "fhirUser", "profile", "online_access", "launch"} {
		list, err := scopes.Parser(auth.ParseScopes).Parse(text)
		if d := scopes.Describe(list[0]); err != nil || d.Title == "" || d.Sentence == "" || d.Writes {
			t.Errorf("%q: %+v %v", text, d, err)
		}
	}
}
