package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/store"
)

// included lists what came besides the matches as Type/id, sorted.
func (b bundle) included() []string {
	var keys []string
	for _, e := range b.Entry {
		if e.Search.Mode == "include" {
			keys = append(keys, e.Resource.ResourceType+"/"+e.Resource.ID)
		}
	}
	slices.Sort(keys)
	return keys
}

// referring stores resources that refer to each other.
func referring(f *fixture) {
	f.putAll(
		[2]string{"Organization/o", `,"name":"Ward","partOf":{"reference":"Organization/top"}`}, [2]string{"Organization/top", `,"name":"House"`},
		[2]string{"Patient/p", `,"name":[{"family":"Berg"}],"managingOrganization":{"reference":"Organization/o"}`}, [2]string{"Patient/q", `,"name":[{"family":"Tal"}]`},
		[2]string{"Device/d", `,"owner":{"reference":"Organization/o"},"patient":{"reference":"Patient/p"}`},
		[2]string{"Observation/a", `,"status":"final","code":{"coding":[{"code":"hr"}]},"subject":{"reference":"Patient/p"},"device":{"reference":"Device/d"}`},
		[2]string{"Observation/b", `,"status":"final","code":{"coding":[{"code":"hr"}]},"subject":{"reference":"Patient/q"},"hasMember":[{"reference":"Observation/a"}]`},
		[2]string{"Observation/c", `,"status":"final","code":{"coding":[{"code":"bp"}]},"subject":{"reference":"Device/d"},"hasMember":[{"reference":"Observation/b"},{"reference":"Observation/none"}]`},
		[2]string{"Provenance/v", `,"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"reference":"Organization/o"}}],"target":[{"reference":"Observation/a"}]`},
	)
}

// TestIncludes asks for resources that belong to the matches, by GET and by POST.
func TestIncludes(t *testing.T) {
	f := newFixture(t)
	referring(f)
	for _, test := range []struct {
		path     string
		matches  []string
		included []string
	}{
		{"/Observation?_id=a&_include=Observation:subject", []string{"Observation/a"}, []string{"Patient/p"}},
		{"/Observation?_include=Observation:patient&_count=2", []string{"Observation/a", "Observation/b"}, []string{"Patient/p", "Patient/q"}},
		{"/Observation?_id=a,c&_include=Observation:subject:Device", []string{"Observation/a", "Observation/c"}, []string{"Device/d"}},
		{"/Observation?_id=a&_include=*", []string{"Observation/a"}, []string{"Device/d", "Patient/p"}},
		{"/Observation?_id=a&_include=Observation:*", []string{"Observation/a"}, []string{"Device/d", "Patient/p"}},
		{"/Observation?_id=a&_include=Observation:subject&_include=Patient:organization", []string{"Observation/a"}, []string{"Patient/p"}},
		{"/Observation?_id=a&_include=Observation:subject&_include:iterate=Patient:organization", []string{"Observation/a"}, []string{"Organization/o", "Patient/p"}},
		{"/Observation?_id=a&_include=Observation:subject&_include:iterate=Patient:organization&_include:iterate=Organization:partof", []string{"Observation/a"},
			[]string{"Organization/o", "Organization/top", "Patient/p"}},
		{"/Observation?_id=c&_include:iterate=Observation:has-member", []string{"Observation/c"}, []string{"Observation/a", "Observation/b"}},
		{"/Observation?_id=c&_include=Observation:has-member", []string{"Observation/c"}, []string{"Observation/b"}},
		{"/Patient?_id=p&_revinclude=Observation:subject", []string{"Patient/p"}, []string{"Observation/a"}},
		{"/Patient?_id=p&_revinclude=Observation:subject&_revinclude:iterate=Provenance:target", []string{"Patient/p"}, []string{"Observation/a", "Provenance/v"}},
		{"/Observation?_id=a&_revinclude=Provenance:target", []string{"Observation/a"}, []string{"Provenance/v"}},
		{"/Patient?_id=p&_revinclude=Observation:*", []string{"Patient/p"}, []string{"Observation/a"}},
		{"/Patient?_id=p&_revinclude=*", []string{"Patient/p"}, []string{"Device/d", "Observation/a"}},
		{"/Observation?_id=a&_revinclude=*", []string{"Observation/a"}, []string{"Observation/b", "Provenance/v"}},
		{"/Observation?_id=a,b&_include=Observation:has-member", []string{"Observation/a", "Observation/b"}, nil},
		{"/Patient/p/Observation?_include=Observation:device", []string{"Observation/a"}, []string{"Device/d"}},
		{"?_type=Observation,Device&_id=a,d&_include=Observation:subject&_include=Observation:device&_include=Device:organization", []string{"Observation/a", "Device/d"}, []string{"Organization/o", "Patient/p"}},
		{"?_type=Observation,Device&_id=a,d&_sort=_id&_include=Observation:subject&_count=1", []string{"Observation/a"}, []string{"Patient/p"}},
		{"?_type=Patient,Organization&_id=p,o&_revinclude=Device:patient", []string{"Patient/p", "Organization/o"}, []string{"Device/d"}},
	} {
		t.Run(test.path, func(t *testing.T) {
			path, query, _ := strings.Cut(test.path, "?")
			for _, got := range []answer{f.do("GET", test.path, ""), f.do("POST", path+"/_search", query, "Content-Type", contentTypeForm)} {
				if got.status != 200 {
					t.Fatal(got)
				}
				b := parseBundle(t, got.body)
				diff(t, test.matches, b.keysOf())
				diff(t, test.included, b.included())
				if *b.Total < len(test.matches) || !strings.Contains(query, "_count") && *b.Total != len(test.matches) {
					t.Errorf("total %d for %d matches", *b.Total, len(test.matches))
				}
			}
		})
	}
	f.run(t, []step{
		{name: "self link", method: "GET", path: "/Observation?_id=a&_include:iterate=Observation:subject:Patient", status: 200, answer: `..."self","url":"BASE/Observation?_id=a&_include%3Aiterate=Observation%3Asubject%3APatient"`},
		{name: "no parameter", method: "GET", path: "/Observation?_include=Observation:colour", status: 400, answer: "...Observation has no reference parameter colour"},
		{name: "no reference", method: "GET", path: "/Observation?_include=Observation:code", status: 400, answer: "...code is of type token, not a reference"},
		{name: "no type", method: "GET", path: "/Observation?_include=Obs:subject", status: 400, answer: "...Obs is not a resource type"},
		{name: "never leads there", method: "GET", path: "/Observation?_include=Observation:patient:Device", status: 400, answer: "...patient leads to Patient, never to Device"},
		{name: "no modifier", method: "GET", path: "/Observation?_include:recurse=Observation:subject", status: 400, answer: "...it takes :iterate"},
		{name: "of no type", method: "GET", path: "?_type=Organization,Practitioner&_revinclude=Device:patient", status: 400, answer: "...patient leads to Patient, never to "},
		{name: "summary text", method: "GET", path: "/Observation?_include=Observation:subject&_summary=text", status: 400, answer: outcome("invalid", "_summary=text and _include or _revinclude exclude each other", "http._summary")},
		{name: "elements of the included", method: "GET", path: "/Observation?_id=a&_include=Observation:subject&_elements=Patient.name", status: 200,
			answer: `..."subject":{"reference":"Patient/p"},"device":{"reference":"Device/d"}},"search":{"mode":"match"}},{"fullUrl":"BASE/Patient/p","resource":{"resourceType":"Patient","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:07.000Z"` + subsettedTag +
				`},"id":"p","name":[{"family":"Berg"}]},"search":{"mode":"include"}}]}`},
	})
}

// TestChains follows references to find matches.
func TestChains(t *testing.T) {
	f := newFixture(t)
	referring(f)
	for path, want := range map[string][]string{
		"/Observation?subject:Patient.family=berg":                                         {"Observation/a"},
		"/Observation?patient.family=berg,tal":                                             {"Observation/a", "Observation/b"},
		"/Observation?patient.organization.name=ward":                                      {"Observation/a"},
		"/Observation?patient.organization.partof.name=house":                              {"Observation/a"},
		"/Observation?patient.family=nobody":                                               nil,
		"/Observation?device.patient.family=berg&code=hr":                                  {"Observation/a"},
		"/Observation?has-member.has-member.patient.family=berg":                           {"Observation/c"},
		"/Patient?_has:Observation:patient:code=hr&_sort=-_id":                             {"Patient/q", "Patient/p"},
		"/Patient?_has:Observation:patient:_has:Observation:has-member:code=bp":            {"Patient/q"},
		"/Organization?_has:Patient:organization:_has:Observation:patient:code=hr":         {"Organization/o"},
		"/Patient/p/Observation?device.owner.name=ward":                                    {"Observation/a"},
		"/Observation?subject:Patient.family=berg&_has:Provenance:target:_id=v":            {"Observation/a"},
		"?_type=Observation,Device&patient.family=berg":                                    {"Observation/a", "Device/d"},
		"/Provenance?target:Observation.subject:Patient.organization.partof:missing=false": {"Provenance/v"},
	} {
		t.Run(path, func(t *testing.T) { diff(t, want, f.allPages(t, f.do("GET", path, ""), 50)) })
	}
	f.run(t, []step{
		{name: "nothing to follow", method: "GET", path: "/Observation?code.name=x", status: 400, answer: "...code is of type token; only references can be followed"},
		{name: "no type that is", method: "GET", path: "/Observation?subject:Organization.name=x", status: 400, answer: "...never to Organization"},
		{name: "conditional create with a chain", method: "POST", path: "/Observation", headers: []string{"If-None-Exist", "patient.family=berg&code=hr"}, body: `{"resourceType":"Observation"}`, status: 200,
			want: []string{"Location: BASE/Observation/a/_history/1"}, answer: "*"},
	})
}

// TestIncludesAreBounded asks for one resource too many.
func TestIncludesAreBounded(t *testing.T) {
	if testing.Short() || teststore.FerretDB() {
		t.Skip("stores ten thousand resources")
	}
	f := newFixture(t)
	f.putAll([2]string{"Patient/p", ""})
	for from := 0; from <= store.MaxIncluded; from += 2500 {
		var entries []string
		for i := from; i < min(from+2500, store.MaxIncluded+1); i++ {
			entries = append(entries, fmt.Sprintf(`{"resource":{"resourceType":"Basic","id":"b%d","code":{"text":"b"},"subject":{"reference":"Patient/p"}},"request":{"method":"PUT","url":"Basic/b%d"}}`, i, i))
		}
		if got := f.do("POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(entries, ",")+`]}`); got.status != 200 {
			t.Fatal(got)
		}
	}
	for _, path := range []string{"/Patient?_revinclude=Basic:subject", "?_type=Patient&_revinclude=Basic:subject"} {
		b := parseBundle(t, f.do("GET", path, "").body)
		last := b.Entry[len(b.Entry)-1]
		diff(t, []any{1, 1, store.MaxIncluded, "outcome", "too-costly"}, []any{*b.Total, len(b.keysOf()), len(b.included()), last.Search.Mode, last.Resource.Issue[0].Code})
	}
}

// TestDeclaredIncludes asks for every include that the CapabilityStatement declares.
func TestDeclaredIncludes(t *testing.T) {
	f := newFixture(t)
	declared := 0
	for _, r := range declaredStatement(t, f).Rest[0].Resource {
		for name, values := range map[string][]string{"_include": r.SearchInclude, "_revinclude": r.SearchRevInclude} {
			declared += len(values)
			for some := range slices.Chunk(values, 150) {
				got := f.local("GET", "/"+r.Type+"?"+name+"="+strings.Join(some, "&"+name+"="), "")
				if got.status != 200 || strings.Contains(got.body, `"OperationOutcome"`) {
					t.Errorf("%s of %s: %d %.300s", name, r.Type, got.status, got.body)
				}
			}
		}
		if len(r.SearchInclude) == 0 {
			if got := f.local("GET", "/"+r.Type+"?_include="+r.Type+":subject", ""); got.status != 400 {
				t.Errorf("%s declares no include, but answers one: %d", r.Type, got.status)
			}
		}
	}
	if declared < 1000 {
		t.Errorf("%d includes are declared", declared)
	}
}
