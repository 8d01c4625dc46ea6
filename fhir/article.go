package fhir

import "strings"

// Indefinite puts the indefinite article before the name of a type, as messages have it: a Patient, an Observation, an unsignedInt, a uri.
func Indefinite(name string) string {
	if name != "" && strings.Contains("AEIOaeio", name[:1]) || strings.HasPrefix(name, "un") {
		return "an " + name
	}
	return "a " + name
}
