package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// recordOf follows the next links and lists type/id of the entries with their mode.
func recordOf(t *testing.T, f *fixture, path string) (entries []string, pages int) {
	t.Helper()
	for pages < 100 {
		got := f.do("GET", path, "")
		if got.status != 200 {
			t.Fatal(path, got.status, got.body)
		}
		b := parseBundle(t, got.body)
		pages++
		for _, e := range b.Entry {
			entries = append(entries, fmt.Sprintf("%s/%s %s", e.Resource.ResourceType, e.Resource.ID, e.Search.Mode))
		}
		if path = b.link("next"); path == "" {
			break
		}
	}
	return entries, pages
}

// everythingFixture has a patient p with a record, and another q.
func everythingFixture(t *testing.T) *fixture {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	f.put(t, "/Organization/o", `{"resourceType":"Organization","id":"o"}`)
	f.put(t, "/Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
	f.put(t, "/Practitioner/unrelated", `{"resourceType":"Practitioner","id":"unrelated"}`)
	f.put(t, "/Device/d", `{"resourceType":"Device","id":"d","owner":{"reference":"Organization/o"}}`)
	f.put(t, "/Patient/p", `{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"BASE/Organization/o"},"generalPractitioner":[{"reference":"Practitioner/dr"}]}`)
	f.put(t, "/Patient/q", `{"resourceType":"Patient","id":"q"}`)
	f.put(t, "/Encounter/e", `{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},"period":{"start":"2026-01-10","end":"2026-01-11"}}`)
	for i := range 3 {
		f.put(t, fmt.Sprintf("/Observation/o%d", i), fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},`+
			`"encounter":{"reference":"Encounter/e"},"effectiveDateTime":"2026-01-1%d","device":{"reference":"Device/d"},"performer":[{"reference":"Practitioner/dr"}],"hasMember":[{"reference":"Observation/o0"}]}`, i, i))
	}
	f.put(t, "/Observation/undated", `{"resourceType":"Observation","id":"undated","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"focus":[{"reference":"Patient/q"},{"reference":"Group/none"}]}`)
	f.put(t, "/Observation/ofq", `{"resourceType":"Observation","id":"ofq","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/q"},"device":{"reference":"Device/d"}}`)
	return f
}

func TestEverything(t *testing.T) {
	f := everythingFixture(t)
	all := []string{"Patient/p match", "Encounter/e match", "Observation/o0 match", "Observation/o1 match", "Observation/o2 match", "Observation/undated match",
		"Device/d include", "Patient/q include", "Practitioner/dr include"}
	for _, c := range []struct {
		name, path string
		want       []string
	}{
		{"a patient", "/Patient/p/$everything", all},
		{"a patient without a record", "/Patient/q/$everything", []string{"Patient/q match", "Observation/ofq match", "Device/d include"}},
		{"some types", "/Patient/p/$everything?_type=Observation,Practitioner", []string{"Observation/o0 match", "Observation/o1 match", "Observation/o2 match", "Observation/undated match", "Practitioner/dr include"}},
		{"a time", "/Patient/p/$everything?start=2026-01-11&end=2026-01-11&_type=Patient&_type=Encounter,Observation", []string{"Patient/p match", "Encounter/e match", "Observation/o1 match", "Observation/undated match", "Patient/q include"}},
		{"since", "/Patient/p/$everything?_since=2026-01-02T03:04:15Z", []string{"Patient/p match", "Observation/undated match", "Patient/q include", "Practitioner/dr include"}},
		{"an encounter", "/Encounter/e/$everything", []string{"Encounter/e match", "Observation/o0 match", "Observation/o1 match", "Observation/o2 match", "Device/d include", "Patient/p include", "Practitioner/dr include"}},
		{"a device", "/Device/d/$everything", []string{"Device/d match", "Observation/o0 match", "Observation/o1 match", "Observation/o2 match", "Observation/ofq match",
			"Encounter/e include", "Organization/o include", "Patient/p include", "Patient/q include", "Practitioner/dr include"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, pages := recordOf(t, f, c.path)
			diff(t, c.want, got)
			diff(t, 1, pages)
		})
	}
	for _, count := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("pages of %d", count), func(t *testing.T) {
			got, pages := recordOf(t, f, fmt.Sprintf("/Patient/p/$everything?_count=%d", count))
			if pages != (len(all)+count-1)/count {
				t.Errorf("%d pages", pages)
			}
			slices.Sort(got)
			want := slices.Clone(all)
			slices.Sort(want)
			diff(t, want, got)
		})
	}
}

func TestEverythingRefused(t *testing.T) {
	f := everythingFixture(t)
	f.run(t, []step{
		{name: "deleted first", method: "DELETE", path: "/Patient/q", status: 204},
		{name: "absent", method: "GET", path: "/Patient/none/$everything", status: 404, answer: outcome("not-found", "Patient/none: not found")},
		{name: "deleted", method: "GET", path: "/Patient/q/$everything", status: 410, answer: outcome("deleted", "Patient/q: has been deleted")},
		{name: "of all encounters", method: "GET", path: "/Encounter/$everything", status: 404,
			answer: outcome("not-supported", "the operation $everything is not offered here; it is at Device/[id]/$everything, Encounter/[id]/$everything, Patient/$everything, Patient/[id]/$everything")},
		{name: "of a type without a record", method: "GET", path: "/Observation/o1/$everything", status: 404, answer: "*"},
		{name: "an offset", method: "GET", path: "/Patient/p/$everything?_offset=3", status: 400, answer: outcome("not-supported", "_offset is not supported; follow the next link", "http._offset")},
		{name: "a type that is none", method: "GET", path: "/Patient/p/$everything?_type=Pazient", status: 400, answer: outcome("value", `\"Pazient\" is not a resource type`, "http._type")},
		{name: "a count that is none", method: "GET", path: "/Patient/p/$everything?_count=0", status: 400, answer: outcome("value", "_count must be a whole number from 1 on", "http._count")},
		{name: "a date that is none", method: "GET", path: "/Patient/p/$everything?start=soon", status: 400, answer: outcome("value", "start must be a date such as 2026-01-31", "http.start")},
		{name: "an end before the start", method: "GET", path: "/Patient/p/$everything?start=2027&end=2026", status: 400, answer: outcome("value", "end (2026) is before start (2027)", "http.end")},
		{name: "an end before the start, of all patients", method: "GET", path: "/Patient/$everything?start=2026-02-02&end=2026-02-01", status: 400, answer: outcome("value", "end (2026-02-01) is before start (2026-02-02)", "http.end")},
		{name: "an end that has the start in it", method: "GET", path: "/Patient/p/$everything?start=2026-02-02&end=2026-02&_type=Patient", status: 200, answer: "*"},
		{name: "an instant without a zone", method: "GET", path: "/Patient/p/$everything?_since=2026-01-01", status: 400, answer: outcome("value", "_since must be an instant such as 2026-01-31T12:00:00Z", "http._since")},
		{name: "an encounter has no dates", method: "GET", path: "/Encounter/e/$everything?start=2026", status: 400,
			answer: outcome("not-supported", `$everything has no parameter \"start\"; it takes _since, _type, _count`, "http.start")},
		{name: "an invented cursor", method: "GET", path: "/Patient/p/$everything?_cursor=abc", status: 400, answer: outcome("value", "Patient/p: the page link is not valid for this search")},
		{name: "an invented cursor behind the members", method: "GET", path: "/Patient/p/$everything?_cursor=.x.Patient.p", status: 400, answer: outcome("value", "Patient/p: the page link is not valid for this search")},
		{name: "the definition of ours", method: "GET", path: "/OperationDefinition/Device-everything", status: 200, answer: `..."url": "BASE/OperationDefinition/Device-everything"`},
	})
	got := f.do("GET", "/Patient/p/$everything?_type=Encounter&_elements=status", "")
	if !strings.Contains(got.body, "SUBSETTED") || strings.Contains(got.body, "period") {
		t.Error(got.body)
	}
}
