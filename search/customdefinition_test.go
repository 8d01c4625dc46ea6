package search

import (
	"strings"
	"testing"
)

// readCustom reads a SearchParameter that has an effect.
func readCustom(t testing.TB, r *Registry, text string) *Custom {
	t.Helper()
	c, err := r.ReadCustom(parseResource(t, text))
	if err != nil || c == nil {
		t.Fatalf("%s: %v, %v", text, c, err)
	}
	return c
}

// TestCheckCustom defines a parameter beside another one. A code belongs to the types of its parameter: two may share it as long as no type has both, which those notice
// who call alike what their devices, patients and practitioners have in common.
func TestCheckCustom(t *testing.T) {
	at := func(url, text string) string { return strings.Replace(text, "http://example.org/x", url, 1) }
	other := func(base, expression string) string {
		return strings.Replace(at("urn:other", searchParameter("x", "string", base, expression, "")), `"id":"x"`, `"id":"other"`, 1)
	}
	patients := searchParameter("x", "string", "Patient", "Patient.name.family", "")
	for _, c := range []struct{ name, text, beside, want string }{
		{"alone", patients, "", ""},
		{"beside itself", patients, patients, ""},
		{"itself before it changed", patients, searchParameter("x", "token", "Patient", "Patient.gender", ""), ""},
		{"the code at another type", patients, other("Practitioner", "Practitioner.name.family"), ""},
		{"the code at the same type", patients, other("Patient", "Patient.name.given"), "SearchParameter.code: Patient has a search parameter x already: SearchParameter/other"},
		{"the code at every type", patients, other("Resource", "Resource.language"), "SearchParameter.code: Patient has a search parameter x already: SearchParameter/other"},
		{"the code at every type, and at one of them", searchParameter("x", "string", "DomainResource", "DomainResource.language", ""), other("Observation", "Observation.language"),
			"SearchParameter.code: Observation has a search parameter x already: SearchParameter/other"},
		{"the code at what has no narrative", searchParameter("x", "string", "DomainResource", "DomainResource.language", ""), other("Binary", "Binary.language"), ""},
		{"another code at the same type", patients, searchParameter("y", "string", "Patient", "Patient.name.given", ""), ""},
		{"the url", at("http://example.org/y", patients), searchParameter("y", "string", "Practitioner", "Practitioner.name.family", ""), "SearchParameter.url: SearchParameter/y is active and has the same url"},
		{"a code of the specification", searchParameter("gender", "token", "Patient", "Patient.gender", ""), "",
			"SearchParameter.code: Patient has a search parameter gender already: http://hl7.org/fhir/SearchParameter/individual-gender"},
		{"a code of the specification at another type", searchParameter("gender", "token", "Observation", "Observation.status", ""), "", ""},
		{"leads nowhere", searchParameter("x", "string", "Patient", "Patient.nothing", ""), "",
			`SearchParameter.expression: the parameter cannot be compiled for Patient: it has an error in "Patient.nothing": line 1, column 9: Patient has no element nothing`},
		{"a composite that leads nowhere", searchParameter("x", "composite", "Patient", "Patient", `,"component":[{"definition":"urn:unknown","expression":"name"}]`), "",
			"SearchParameter.component: the parameter cannot be compiled for Patient: it has a component of an unknown definition urn:unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTestRegistry(t)
			custom := readCustom(t, r, c.text)
			all := []*Custom{custom}
			if c.beside != "" {
				all = append(all, readCustom(t, r, c.beside))
			}
			got := ""
			if err := r.CheckCustom(custom, all); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
