package server

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDefinitionSearch finds definitions by what names them, and stored resources among them.
func TestDefinitionSearch(t *testing.T) {
	f := newFixture(t)
	f.run(t, []step{
		{name: "a definition stored", method: "PUT", path: "/OperationDefinition/mine", body: `{"resourceType":"OperationDefinition","id":"mine","url":"urn:mine","name":"Stats of mine","code":"stats"}`, status: 201, answer: "*"},
		{name: "one in the place of another", method: "PUT", path: "/StructureDefinition/Patient", body: `{"resourceType":"StructureDefinition","id":"Patient","url":"http://hl7.org/fhir/StructureDefinition/Patient","name":"Other"}`, status: 201, answer: "*"},
	})
	tests := []struct {
		name, search string
		total        int
		want         []string
	}{
		{"own operation by URL", "OperationDefinition?url=" + f.base + "/OperationDefinition/Observation-waveform", 1, []string{"Observation-waveform"}},
		{"own operation by code", "OperationDefinition?code=waveform", 1, []string{"Observation-waveform"}},
		{"by name, exactly", "OperationDefinition?name:exact=Find%20a%20functional%20list", 1, []string{"List-find"}},
		{"of R4 by id", "OperationDefinition?_id=Observation-stats,none", 1, []string{"Observation-stats"}},
		{"stored ones come first", "OperationDefinition?code=stats", 2, []string{"mine", "Observation-stats"}},
		{"or where _sort says", "OperationDefinition?code=stats&_sort=-url", 2, []string{"mine", "Observation-stats"}},
		{"or the other way round", "OperationDefinition?code=stats&_sort=url", 2, []string{"Observation-stats", "mine"}},
		{"with another criterion", "OperationDefinition?code=stats&status=draft", 1, []string{"Observation-stats"}},
		{"a profile", "StructureDefinition?url=http://hl7.org/fhir/StructureDefinition/heartrate", 1, []string{"heartrate"}},
		{"one that is stored once", "StructureDefinition?url=http://hl7.org/fhir/StructureDefinition/Patient", 1, []string{"Patient"}},
		{"and not by what the definition said", "StructureDefinition?url=http://hl7.org/fhir/StructureDefinition/Patient&name=Patient", 0, nil},
		{"a search parameter", "SearchParameter?url=http://hl7.org/fhir/SearchParameter/clinical-code", 1, []string{"clinical-code"}},
		{"a compartment", "CompartmentDefinition?code=Device", 1, []string{"device"}},
		{"lists are of what is stored", "OperationDefinition", 1, []string{"mine"}},
		{"and what does not name anything", "OperationDefinition?status=draft&code:not=lastn", 0, nil},
		{"in all types what is stored", "?_type=OperationDefinition&_id=Observation-stats", 0, nil},
		{"the count", "SearchParameter?code=value-quantity&_summary=count", 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			total, ids, _ := f.pageOf(t, "/"+test.search)
			if diff := cmp.Diff(test.want, ids); total != test.total || diff != "" {
				t.Errorf("total %d (-want +got):\n%s", total, diff)
			}
		})
	}
}

// TestDefinitionPages follows the links through definitions with one stored among them: each comes once, in order.
func TestDefinitionPages(t *testing.T) {
	f := newFixture(t)
	f.run(t, []step{{name: "store", method: "PUT", path: "/SearchParameter/z", body: `{"resourceType":"SearchParameter","id":"z","url":"urn:z","name":"value","code":"value-mine","base":["Patient"],"status":"draft"}`, status: 201, answer: "*"}})
	for _, order := range []string{"", "&_sort=code", "&_sort=-url"} {
		_, whole, _ := f.pageOf(t, "/SearchParameter?name=value&_count=100"+order)
		if len(whole) < 5 {
			t.Fatalf("found %v", whole)
		}
		var paged []string
		for next := "/SearchParameter?name=value&_count=2" + order; next != ""; {
			total, ids, link := f.pageOf(t, next)
			if total != len(whole) {
				t.Errorf("total %d, want %d", total, len(whole))
			}
			paged = append(paged, ids...)
			if next = ""; link != "" {
				next = link[len(f.base):]
			}
		}
		if diff := cmp.Diff(whole, paged); diff != "" {
			t.Errorf("%q (-whole +paged):\n%s", order, diff)
		}
	}
	f.run(t, []step{
		{name: "a cursor that is none", method: "GET", path: "/SearchParameter?name=value&_cursor=x", status: 400, answer: "*"},
		{name: "deleting what stands for a definition brings it back", method: "PUT", path: "/StructureDefinition/Group", body: `{"resourceType":"StructureDefinition","id":"Group","url":"urn:g"}`, status: 201, answer: "*"},
		{name: "the stored one", method: "GET", path: "/StructureDefinition/Group", status: 200, answer: `..."url":"urn:g"`},
		{name: "deleted", method: "DELETE", path: "/StructureDefinition/Group", status: 204},
		{name: "the definition", method: "GET", path: "/StructureDefinition/Group", status: 200, answer: `..."url":"http://hl7.org/fhir/StructureDefinition/Group"`},
		{name: "is found", method: "GET", path: "/StructureDefinition?_id=Group", status: 200, answer: `..."url":"http://hl7.org/fhir/StructureDefinition/Group"`},
	})
}

// pageOf is one page of a search.
func (f *fixture) pageOf(t *testing.T, path string) (total int, ids []string, next string) {
	t.Helper()
	got := f.do("GET", path, "")
	var bundle struct {
		Total int
		Link  []struct{ Relation, URL string }
		Entry []struct{ Resource struct{ ID string } }
	}
	if err := json.Unmarshal([]byte(got.body), &bundle); err != nil || got.status != 200 {
		t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	for _, e := range bundle.Entry {
		ids = append(ids, e.Resource.ID)
	}
	for _, l := range bundle.Link {
		if l.Relation == "next" {
			next = l.URL
		}
	}
	return bundle.Total, ids, next
}
