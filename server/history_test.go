package server

import (
	"fmt"
	"testing"
)

// historyEntry is an entry as history writes it.
func historyEntry(resource, request, status, version, second string) string {
	if resource != "" {
		resource = `,"resource":` + resource
	}
	return `{"fullUrl":"BASE/Patient/p"` + resource + `,"request":` + request + `,"response":{"status":"` + status + `","etag":"W/\"` + version + `\"","lastModified":"2026-01-02T03:04:` + second + `.000Z"}}`
}

func TestHistory(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	const put, del = `{"method":"PUT","url":"Patient/p"}`, `{"method":"DELETE","url":"Patient/p"}`
	v1 := historyEntry(`{"resourceType":"Patient","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.000Z"},"id":"p"}`, put, "201 Created", "1", "05")
	v2 := historyEntry(`{"resourceType":"Patient","meta":{"versionId":"2","lastUpdated":"2026-01-02T03:04:06.000Z"},"id":"p","active":true}`, put, "200 OK", "2", "06")
	v3 := historyEntry("", del, "204 No Content", "3", "07")
	bundle := func(id, total, links, entries string) string {
		if entries != "" {
			entries = `,"entry":[` + entries + `]`
		}
		return `{"resourceType":"Bundle","id":"` + id + `","meta":{"lastUpdated":"2026-06-01T00:00:00.000Z"},"type":"history","total":` + total + `,"link":[` + links + `]` + entries + `}`
	}
	link := func(relation, query string) string {
		return `{"relation":"` + relation + `","url":"BASE/Patient/p/_history` + query + `"}`
	}
	f.run(t, []step{
		{name: "created", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p"}`, status: 201, answer: "*"},
		{name: "updated", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p","active":true}`, status: 200, answer: "*"},
		{name: "deleted", method: "DELETE", path: "/Patient/p", status: 204},
		{name: "newest first, a deletion without resource", method: "GET", path: "/Patient/p/_history", status: 200, want: []string{fhirJSON},
			answer: bundle("id-1", "3", link("self", "")+","+link("first", ""), v3+","+v2+","+v1)},
		{name: "since, inclusive", method: "GET", path: "/Patient/p/_history?_since=2026-01-02T03:04:06Z", status: 200,
			answer: bundle("id-2", "2", link("self", "?_since=2026-01-02T03%3A04%3A06Z")+","+link("first", "?_since=2026-01-02T03%3A04%3A06Z"), v3+","+v2)},
		{name: "since with a zone whose plus was lost", method: "GET", path: "/Patient/p/_history?_since=2026-01-02T05:04:07+02:00", status: 200, answer: `..."total":1,`},
		{name: "since in the future", method: "GET", path: "/Patient/p/_history?_since=2999-01-01T00:00:00Z", status: 200,
			answer: bundle("id-4", "0", link("self", "?_since=2999-01-01T00%3A00%3A00Z")+","+link("first", "?_since=2999-01-01T00%3A00%3A00Z"), "")},
		{name: "at: what was current then", method: "GET", path: "/Patient/p/_history?_at=2026-01-02T03:04:06Z", status: 200,
			answer: bundle("id-5", "1", link("self", "?_at=2026-01-02T03%3A04%3A06Z")+","+link("first", "?_at=2026-01-02T03%3A04%3A06Z"), v2)},
		{name: "at: before there was anything", method: "GET", path: "/Patient/p/_history?_at=2026-01-01", status: 200, answer: `..."total":0,`},
		{name: "at: a whole day", method: "GET", path: "/Patient/p/_history?_at=2026-01-02", status: 200, answer: `..."total":3,`},
		{name: "at: later the last one", method: "GET", path: "/Patient/_history?_at=2026-01-03", status: 200, answer: `..."total":1,`},
		{name: "at: of everything", method: "GET", path: "/_history?_at=2026-01-02T03:04:05.5Z", status: 200, answer: `..."versionId":"1"`},
		{name: "at that is no instant", method: "GET", path: "/Patient/p/_history?_at=x", status: 400, answer: outcome("value", "_at must be an instant such as 2026-01-31T12:00:00Z", "http._at")},
		{name: "sorted as it is", method: "GET", path: "/Patient/p/_history?_sort=-_lastUpdated", status: 200, answer: `...` + link("self", "?_sort=-_lastUpdated")},
		{name: "oldest first", method: "GET", path: "/Patient/p/_history?_sort=_lastUpdated&_count=1", status: 200, answer: `..."versionId":"1"`},
		{name: "sorted otherwise", method: "GET", path: "/Patient/p/_history?_sort=_id", status: 400, answer: outcome("not-supported", "_sort of a history can be -_lastUpdated, newest first, or _lastUpdated, oldest first", "http._sort")},
		{name: "no entries", method: "GET", path: "/Patient/p/_history?_count=0", status: 200, answer: `..."total":3,"link":[{"relation":"self"`},
		{name: "head", method: "HEAD", path: "/Patient/p/_history", status: 200, want: []string{fhirJSON}},
		{name: "head of the type", method: "HEAD", path: "/Patient/_history", status: 200, want: []string{fhirJSON}},
		{name: "head of everything", method: "HEAD", path: "/_history", status: 200, want: []string{fhirJSON}},
		{name: "head of an unknown id", method: "HEAD", path: "/Patient/q/_history", status: 404},
		{name: "of a version", method: "GET", path: "/Patient/p/_history/2", status: 200, answer: "*"},
		{name: "unknown parameters are not in the self link", method: "GET", path: "/Patient/p/_history?colour=blue", status: 200, answer: `...` + link("self", "")},
		{name: "unknown parameters, strictly", method: "GET", path: "/Patient/p/_history?colour=blue", headers: []string{"Prefer", "handling=strict"}, status: 400,
			answer: outcome("not-supported", `\"colour\" is not a parameter of a history`, "http.colour")},
		{name: "count that is no number", method: "GET", path: "/Patient/p/_history?_count=x", status: 400, answer: outcome("value", "_count must be a whole number from 0 on", "http._count")},
		{name: "since that is no instant", method: "GET", path: "/Patient/p/_history?_since=x", status: 400, answer: outcome("value", "_since must be an instant such as 2026-01-31T12:00:00Z", "http._since")},
		{name: "unknown id", method: "GET", path: "/Patient/q/_history", status: 404, answer: outcome("not-found", "Patient/q: not found")},
		{name: "unknown type", method: "GET", path: "/Pazient/q/_history", status: 404, answer: "*"},
		{name: "of the type", method: "GET", path: "/Patient/_history", status: 200, answer: `..."total":3,"link":[{"relation":"self","url":"BASE/Patient/_history"}`},
		{name: "of everything", method: "GET", path: "/_history", status: 200, answer: `..."total":3,"link":[{"relation":"self","url":"BASE/_history"}`},
	})
}

func TestHistoryPages(t *testing.T) {
	f := newFixture(t)
	for range 5 {
		if got := f.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`); got.status > 201 {
			t.Fatal(got.status, got.body)
		}
	}
	var pages [][]string
	for address := f.base + "/Patient/p/_history?_count=2"; address != ""; {
		page := f.do("GET", address, "")
		if page.status != 200 {
			t.Fatal(page.status, page.body)
		}
		bundle := parseBundle(t, page.body)
		var versions []string
		for _, e := range bundle.Entry {
			versions = append(versions, e.Resource.Meta.VersionID)
		}
		pages = append(pages, versions)
		address = bundle.link("next")
	}
	diff(t, [][]string{{"5", "4"}, {"3", "2"}, {"1"}}, pages)
}

// TestHistoryPagesUnderWrites pages through a type and the system while others write: what was there at the first page comes once, newest first, and nothing twice.
func TestHistoryPagesUnderWrites(t *testing.T) {
	f := newFixture(t)
	for i := range 12 {
		f.do("PUT", fmt.Sprintf("/Patient/p%d", i%4), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, i%4))
	}
	for _, path := range []string{"/Patient/_history", "/_history"} {
		seen, want := map[string]int{}, 0
		for address := f.base + path + "?_count=5"; address != ""; {
			page := f.do("GET", address, "")
			b := parseBundle(t, page.body)
			if want == 0 {
				want = *b.Total
			}
			for _, e := range b.Entry {
				seen[e.Resource.ID+"/"+e.Resource.Meta.VersionID]++
			}
			address = b.link("next")
			f.do("PUT", "/Patient/p0", `{"resourceType":"Patient","id":"p0"}`)
			f.do("POST", "/Patient", `{"resourceType":"Patient"}`)
		}
		for version, times := range seen {
			if times != 1 {
				t.Errorf("%s: %s came %d times", path, version, times)
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d versions, want %d", path, len(seen), want)
		}
	}
}
