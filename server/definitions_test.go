package server

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDeclaredDefinitions reads every definition that the CapabilityStatement names from this server: profiles, search parameters, operations and compartments.
func TestDeclaredDefinitions(t *testing.T) {
	f := newFixture(t)
	rest := declaredStatement(t, f).Rest[0]
	named := map[string]bool{}
	for _, r := range rest.Resource {
		named[r.Profile] = true
		for _, p := range r.SearchParam {
			named[p.Definition] = true
		}
		for _, op := range r.Operation {
			named[op.Definition] = true
		}
	}
	for _, p := range rest.SearchParam {
		named[p.Definition] = true
	}
	for _, op := range rest.Operation {
		named[op.Definition] = true
	}
	for _, url := range rest.Compartment {
		named[url] = true
	}
	delete(named, "")
	for url := range named {
		parts := strings.Split(url, "/")
		got := f.local("GET", "/"+strings.Join(parts[len(parts)-2:], "/"), "")
		var definition struct{ ResourceType, URL string }
		if err := json.Unmarshal([]byte(got.body), &definition); err != nil || got.status != 200 || definition.URL != url || definition.ResourceType != parts[len(parts)-2] {
			t.Errorf("%s: %d %.200s", url, got.status, got.body)
		}
	}
	if len(named) < 1400 {
		t.Errorf("%d definitions are named", len(named))
	}
	f.run(t, []step{
		{name: "in part", method: "GET", path: "/StructureDefinition/Patient?_elements=url", status: 200, answer: "...SUBSETTED"},
		{name: "in XML", method: "GET", path: "/SearchParameter/Patient-active?_format=xml", status: 200, answer: `...<url value="http://hl7.org/fhir/SearchParameter/Patient-active"/>`},
		{name: "a definition that nothing names", method: "GET", path: "/StructureDefinition/none", status: 404, answer: outcome("not-found", "StructureDefinition/none: not found")},
		{name: "one that is stored comes first", method: "PUT", path: "/StructureDefinition/Patient", body: `{"resourceType":"StructureDefinition","id":"Patient","url":"urn:mine"}`, status: 201, answer: "*"},
		{name: "the stored one", method: "GET", path: "/StructureDefinition/Patient", status: 200, answer: `..."url":"urn:mine"`},
	})
}
