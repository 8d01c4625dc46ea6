package spec_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/spec"
)

func parameterCodes(list []*spec.SearchParameter) []string {
	var codes []string
	for _, p := range list {
		codes = append(codes, p.Code)
	}
	return codes
}

func TestSearchParameters(t *testing.T) {
	tests := map[string][]string{
		"Binary":  {"_content", "_id", "_lastUpdated", "_profile", "_query", "_security", "_source", "_tag"},
		"Basic":   {"_content", "_id", "_lastUpdated", "_profile", "_query", "_security", "_source", "_tag", "_text", "author", "code", "created", "identifier", "patient", "subject"},
		"Unknown": nil,
		// abstract types have no instances to search
		"DomainResource": nil,
	}
	d := definitions(t)
	for name, want := range tests {
		if diff := cmp.Diff(want, parameterCodes(d.SearchParameters(name))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSearchParametersAreComplete(t *testing.T) {
	d := definitions(t)
	reached := map[*spec.SearchParameter]bool{}
	for _, name := range d.ResourceTypes() {
		list := d.SearchParameters(name)
		if !slices.IsSortedFunc(list, func(a, b *spec.SearchParameter) int { return strings.Compare(a.Code, b.Code) }) {
			t.Errorf("%s: not sorted by code", name)
		}
		if codes := parameterCodes(list); len(slices.Compact(codes)) != len(list) {
			t.Errorf("%s: two parameters with one code", name)
		}
		for _, p := range list {
			reached[p] = true
		}
	}
	if len(reached) != len(d.AllSearchParameters()) {
		t.Errorf("%d of %d parameters belong to a type", len(reached), len(d.AllSearchParameters()))
	}
}

func TestSearchParameter(t *testing.T) {
	const url = "http://hl7.org/fhir/SearchParameter/"
	tests := []spec.SearchParameter{
		{
			URL: url + "MeasureReport-subject", Name: "subject", Code: "subject", Type: "reference",
			Description: "The identity of a subject to search for individual measure report results for",
			Expression:  "MeasureReport.subject", XPathUsage: "normal", Base: []string{"MeasureReport"},
			Target:     []string{"Practitioner", "Group", "Device", "Patient", "PractitionerRole", "RelatedPerson", "Location"},
			MultipleOr: true, MultipleAnd: true,
		},
		{
			URL: url + "Observation-code-value-quantity", Name: "code-value-quantity", Code: "code-value-quantity", Type: "composite",
			Description: "Code and quantity value parameter pair", Expression: "Observation", XPathUsage: "normal",
			Base: []string{"Observation"},
			Components: []spec.Component{
				{Definition: url + "clinical-code", Expression: "code"},
				{Definition: url + "Observation-value-quantity", Expression: "value.as(Quantity)"},
			},
			MultipleOr: false, MultipleAnd: true,
		},
		{
			URL: url + "Resource-lastUpdated", Name: "_lastUpdated", Code: "_lastUpdated", Type: "date",
			Description: "When the resource version last changed", Expression: "Resource.meta.lastUpdated", XPathUsage: "normal",
			Base:        []string{"Resource"},
			Comparators: []string{"eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap"},
			MultipleOr:  true, MultipleAnd: true,
		},
	}
	d := definitions(t)
	for _, want := range tests {
		if diff := cmp.Diff(&want, d.SearchParameter(want.URL+"|4.0.1")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.URL, diff)
		}
	}
	if d.SearchParameter("http://example.org/none") != nil {
		t.Error("an unknown parameter is known")
	}
	patient := d.SearchParameter(url + "clinical-patient")
	if len(patient.Base) != 32 || !slices.Contains(d.SearchParameters("Observation"), patient) {
		t.Errorf("clinical-patient has %d bases, or is not one of Observation's", len(patient.Base))
	}
}

func TestComponentsAreKnown(t *testing.T) {
	d := definitions(t)
	for _, p := range d.AllSearchParameters() {
		if (p.Type == "composite") != (len(p.Components) > 0) {
			t.Errorf("%s: %s with %d components", p.URL, p.Type, len(p.Components))
		}
		for _, c := range p.Components {
			if d.SearchParameter(c.Definition) == nil {
				t.Errorf("%s: component %s is unknown", p.URL, c.Definition)
			}
		}
	}
}

func TestCompartment(t *testing.T) {
	d := definitions(t)
	if diff := cmp.Diff([]string{"Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"}, d.Compartments()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	tests := []struct {
		code, resourceType string
		want               []string
	}{
		{"Patient", "Observation", []string{"subject", "performer"}},
		{"Patient", "Patient", []string{"link"}},
		{"Patient", "Organization", nil},
		{"Patient", "Task", nil},
		{"Device", "Observation", []string{"subject", "device"}},
		{"Encounter", "Encounter", []string{"{def}"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, d.Compartment(test.code).Parameters[test.resourceType]); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.code, test.resourceType, diff)
		}
	}
	if d.Compartment("Organization") != nil {
		t.Error("Organization has a compartment")
	}
	for _, code := range d.Compartments() {
		for name, params := range d.Compartment(code).Parameters {
			known := parameterCodes(d.SearchParameters(name))
			for _, p := range params {
				if p != "{def}" && !slices.Contains(known, p) {
					t.Errorf("%s compartment: %s has no parameter %s", code, name, p)
				}
			}
		}
	}
}
