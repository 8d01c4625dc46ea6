package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// keysOf lists the matches of a page as Type/id.
func (b bundle) keysOf() []string {
	var keys []string
	for _, e := range b.Entry {
		if e.Search.Mode == "match" {
			keys = append(keys, e.Resource.ResourceType+"/"+e.Resource.ID)
		}
	}
	return keys
}

// putAll stores resources given as JSON without resourceType and id, by key.
func (f *fixture) putAll(resources ...[2]string) {
	f.t.Helper()
	for _, r := range resources {
		typ, id, _ := strings.Cut(r[0], "/")
		body := `{"resourceType":"` + typ + `","id":"` + id + `"` + r[1] + `}`
		if got := f.persist("PUT", "/"+r[0], body); got.status != 201 {
			f.t.Fatal(got)
		}
	}
}

// allPages follows next links and lists the keys of all pages, which have at most n matches each.
func (f *fixture) allPages(t *testing.T, first answer, n int) []string {
	t.Helper()
	var keys []string
	for page := first; ; {
		if page.status != 200 {
			t.Fatal(page.status, page.body)
		}
		b := parseBundle(t, page.body)
		if len(b.keysOf()) > n || len(keys) > 0 && len(b.keysOf()) == 0 {
			t.Fatalf("%d matches on a page of %d", len(b.keysOf()), n)
		}
		keys = append(keys, b.keysOf()...)
		if b.link("next") == "" || len(keys) > 1000 {
			return keys
		}
		page = f.do("GET", b.link("next"), "")
	}
}

// TestSystemSearch stores patients, devices and observations in turn and finds them over all types, on pages of every size.
func TestSystemSearch(t *testing.T) {
	f := newFixture(t)
	tag := `,"meta":{"tag":[{"code":"x"}]}`
	var byTime, byType, devices []string
	for i := range 4 {
		for _, typ := range []string{"Patient", "Device", "Basic"} {
			key := fmt.Sprintf("%s/%s%d", typ, strings.ToLower(typ[:1]), i)
			f.putAll([2]string{key, tag})
			byTime = append(byTime, key)
		}
	}
	f.putAll([2]string{"Group/untagged", ""})
	for _, typ := range []string{"Basic", "Device", "Patient"} {
		for _, key := range byTime {
			if strings.HasPrefix(key, typ) {
				byType = append(byType, key)
			}
			if strings.HasPrefix(key, typ) && typ == "Device" {
				devices = append(devices, key)
			}
		}
	}
	newestFirst := slices.Clone(byTime)
	slices.Reverse(newestFirst)
	byID := slices.Clone(byType)
	slices.SortFunc(byID, func(a, b string) int { return strings.Compare(a[strings.Index(a, "/"):], b[strings.Index(b, "/"):]) })
	form := []string{"Content-Type", contentTypeForm}
	for count := 1; count <= 13; count++ {
		for query, want := range map[string][]string{
			"_tag=x": byType, "_tag=x&_sort=_lastUpdated": byTime, "_tag=x&_sort=-_lastUpdated": newestFirst, "_tag=x&_sort=_id": byID,
			"_tag=x&_sort=_tag,-_lastUpdated": newestFirst, "_type=Device&_tag=x": devices, "_type=Patient,Group,Device&_tag=x&_sort=_lastUpdated&_id=p1,d1,d3,untagged": {"Patient/p1", "Device/d1", "Device/d3"},
			"_tag=y": nil,
		} {
			t.Run(fmt.Sprintf("%s&_count=%d", query, count), func(t *testing.T) {
				first := f.do("GET", fmt.Sprintf("?%s&_count=%d", query, count), "")
				diff(t, want, f.allPages(t, first, count))
				if b := parseBundle(t, first.body); b.Total == nil || *b.Total != len(want) {
					t.Errorf("total %v, want %d", b.Total, len(want))
				}
				diff(t, want, f.allPages(t, f.do("POST", "/_search", fmt.Sprintf("%s&_count=%d", query, count), form...), count))
			})
		}
	}
	f.run(t, []step{
		{name: "types in the order asked", method: "GET", path: "?_type=Patient,Basic&_id=p1,b1&_elements=id", status: 200,
			answer: `..."link":[{"relation":"self","url":"BASE?_type=Patient%2CBasic&_id=p1%2Cb1&_elements=id"},{"relation":"first","url":"BASE?_type=Patient%2CBasic&_id=p1%2Cb1&_elements=id"}],"entry":[{"fullUrl":"BASE/Patient/p1",`},
		{name: "count", method: "GET", path: "?_summary=count", status: 200, answer: `..."total":13,"link":[{"relation":"self","url":"BASE?_summary=count"}]}`},
		{name: "no total", method: "GET", path: "?_type=Basic&_total=none&_count=1", status: 200, answer: `..."type":"searchset","link"`},
		{name: "not common, ignored", method: "GET", path: "?_type=Patient,Device&name=x&_id=p1", status: 200,
			answer: `...all 2 types that are searched must have it (ignored)","expression":["http.name"]`},
		{name: "not common, strictly", method: "GET", path: "?_type=Patient,Device&family=x", headers: []string{"Prefer", "handling=strict"}, status: 400,
			answer: `...all 2 types that are searched must have it","expression":["http.family"]`},
		{name: "common", method: "GET", path: "?_type=Patient,RelatedPerson&name=x", headers: []string{"Prefer", "handling=strict"}, status: 200, answer: `..."total":0`},
		{name: "named query", method: "GET", path: "?_type=Patient,Device&_query=x", status: 400, answer: outcome("not-supported", "there are no named queries; write the search with parameters", "http._query")},
		{name: "contained", method: "GET", path: "?_contained=both", status: 400,
			answer: outcome("not-supported", "at position 1 of the value: contained resources are not searched; _contained is false", "http._contained")},
		{name: "not contained", method: "GET", path: "?_type=Basic&_contained=false", headers: []string{"Prefer", "handling=strict"}, status: 200, answer: `..."url":"BASE?_type=Basic&_contained=false"`},
		{name: "a _has of one type", method: "GET", path: "?_has:Observation:patient:code=x", status: 400, answer: outcome("invalid", "patient of Observation never leads to Account, and all 146 types that are searched must be referred to; "+
			"search in one type, as [type]?_has:Observation:patient:code, or name types with _type", "http._has:Observation:patient:code")},
		{name: "a _has of the one type", method: "GET", path: "?_type=Patient&_has:Observation:patient:code=x", status: 200, answer: `..."total":0`},
		{name: "no type", method: "GET", path: "?_type=Pazient", status: 400, answer: outcome("value", `\"Pazient\" is not a resource type`, "http._type")},
		{name: "empty type", method: "GET", path: "?_type=", status: 400, answer: outcome("value", "_type needs the name of a resource type", "http._type")},
		{name: "no order", method: "GET", path: "?_type=Patient,Device&_sort=family", status: 400, answer: "...unknown search parameter family"},
		{name: "invented cursor", method: "GET", path: "?_cursor=abc", status: 400, answer: outcome("value", "the page link is not valid for this search")},
		{name: "cursor of other types", method: "GET", path: "?_type=Device&_cursor=eyJuIjozLCJ0IjpbeyJyIjoiQmFzaWMifV19", status: 400, answer: outcome("value", "the page link is not valid for this search")},
		{name: "in a batch", method: "POST", path: "", body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"?_type=Basic&_id=b1"}}]}`, status: 200, answer: `..."fullUrl":"BASE/Basic/b1"`},
	})
}

func TestCompartments(t *testing.T) {
	f := newFixture(t)
	f.putAll(
		[2]string{"Patient/1", `,"active":true`}, [2]string{"Patient/2", `,"link":[{"other":{"reference":"Patient/1"},"type":"seealso"}]`},
		[2]string{"Device/d", `,"patient":{"reference":"Patient/1"}`}, [2]string{"Encounter/e", `,"subject":{"reference":"Patient/1"}`},
		[2]string{"Practitioner/dr", ""}, [2]string{"RelatedPerson/r", `,"patient":{"reference":"Patient/2"}`},
		[2]string{"Observation/o1", `,"status":"final","code":{"text":"a"},"subject":{"reference":"Patient/1"},"encounter":{"reference":"Encounter/e"},"device":{"reference":"Device/d"}`},
		[2]string{"Observation/o2", `,"status":"amended","code":{"text":"a"},"subject":{"reference":"Patient/2"},"performer":[{"reference":"Patient/1"},{"reference":"Practitioner/dr"}]`},
		[2]string{"Observation/o3", `,"status":"final","code":{"text":"a"},"subject":{"reference":"Patient/2"},"performer":[{"reference":"RelatedPerson/r"}]`},
	)
	form := []string{"Content-Type", contentTypeForm}
	for path, want := range map[string][]string{
		"/Patient/1/Observation":                 {"Observation/o1", "Observation/o2"},
		"/Patient/1/Observation?status=final":    {"Observation/o1"},
		"/Patient/1/Observation?_sort=-_id":      {"Observation/o2", "Observation/o1"},
		"/Patient/2/Observation":                 {"Observation/o2", "Observation/o3"},
		"/Patient/none/Observation":              nil,
		"/Patient/1/Patient":                     {"Patient/1", "Patient/2"},
		"/Patient/1/Device":                      nil, // R4 has no Device in the compartment of a Patient
		"/Patient/1/*":                           {"Encounter/e", "Observation/o1", "Observation/o2", "Patient/1", "Patient/2"},
		"/Patient/1/*?_type=Observation,Patient": {"Observation/o1", "Observation/o2", "Patient/1", "Patient/2"},
		"/Patient/1/*?_sort=-_lastUpdated":       {"Observation/o2", "Observation/o1", "Encounter/e", "Patient/2", "Patient/1"},
		"/Encounter/e/Observation":               {"Observation/o1"},
		"/Encounter/e/*":                         {"Encounter/e", "Observation/o1"},
		"/Practitioner/dr/Observation":           {"Observation/o2"},
		"/RelatedPerson/r/Observation":           {"Observation/o3"},
		"/RelatedPerson/r/*":                     {"Observation/o3", "RelatedPerson/r"},
		"/Device/d/Observation":                  {"Observation/o1"},
		"/Device/d/*":                            {"Device/d", "Observation/o1"},
	} {
		t.Run(path, func(t *testing.T) {
			got := f.do("GET", path, "")
			if path == "/Patient/1/Device" {
				diff(t, []any{400, outcome("not-supported", "Device is never in the compartment of a Patient")}, []any{got.status, got.body})
				return
			}
			diff(t, want, f.allPages(t, got, 50))
			base, query, _ := strings.Cut(path, "?")
			diff(t, want, f.allPages(t, f.do("POST", base+"/_search", query+"&_count=1", form...), 1))
			self := strings.ReplaceAll(path, ",", "%2C")
			diff(t, f.base+self, parseBundle(t, got.body).link("self"))
		})
	}
	f.run(t, []step{
		{name: "no compartment", method: "GET", path: "/Basic/1/Observation", status: 404,
			answer: outcome("not-supported", "Basic has no compartment; these have: Device, Encounter, Patient, Practitioner, RelatedPerson")},
		{name: "no type", method: "GET", path: "/Patient/1/Pazient", status: 404, answer: `..."Pazient\" is not a resource type`},
		{name: "no compartment type", method: "GET", path: "/Pazient/1/Observation", status: 404, answer: `..."Pazient\" is not a resource type`},
		{name: "no id", method: "GET", path: "/Patient/a_b/Observation", status: 400, answer: `...is not a valid id`},
		{name: "no operation", method: "GET", path: "/Patient/1/$nothing", status: 404, answer: outcome("not-supported", `the operation \"$nothing\" is not known to this server`)},
		{name: "type outside", method: "GET", path: "/Patient/1/*?_type=Device", status: 400, answer: outcome("value", "Device is not among the types that are searched here", "http._type")},
		{name: "in a batch", method: "POST", path: "", body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/1/Observation?status=final"}}]}`,
			status: 200, answer: `..."fullUrl":"BASE/Observation/o1"`},
	})
}
