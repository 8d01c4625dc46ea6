package fhir

import "testing"

func TestIndefinite(t *testing.T) {
	for name, want := range map[string]string{"Patient": "a Patient", "Observation": "an Observation", "integer": "an integer", "unsignedInt": "an unsignedInt", "uri": "a uri", "UsageContext": "a UsageContext", "": "a "} {
		if got := Indefinite(name); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
