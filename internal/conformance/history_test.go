package conformance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

func historyLines() []line {
	return []line{
		{
			group: "history", name: "levels", server: empty, run: historyLevels,
			says: "Instance, type and system; a Bundle of type history, newest first; every entry with fullUrl, request and response; a DELETE without resource; POST for a create, PUT for an update and a patch.",
		},
		{
			group: "history", name: "parameters", run: historyParameters,
			says:  "`_since` includes its instant, `_at`, `_count` is the most on a page; self, first and next links; a `_since` in the future finds nothing; an unknown id is 404; no version twice.",
			notes: []note{{otherwise, "there are no `prev` and `last` links, which R4 leaves to the server: a page is found from the one before it, so that paging costs the same however deep, and stays stable under writes."}},
		},
		{
			group: "history", name: "stable-paging", server: empty, run: historyPaging,
			says: "Paging is a snapshot: each version that was there when the first page was asked for comes once, whatever is written meanwhile.",
		},
	}
}

func historyLevels(s *session) {
	id := s.post("/Patient", patient("", `"active":true`)).is(201).root().one("id")
	s.put("/Patient/"+id, patient(id, `"active":false`)).is(200)
	s.put("/Observation/o", resource("Observation", "o", `"status":"final","code":{"text":"x"}`)).is(201)
	s.patch("/Patient/"+id, `[{"op":"add","path":"/gender","value":"male"}]`).is(200)
	s.delete("/Patient/" + id).is(204)
	s.put("/Patient/other", patient("other")).is(201)
	for _, accept := range []string{jsonType, xmlType} {
		instance := s.get("/Patient/"+id+"/_history", "Accept", accept).is(200).holds(accept, "Bundle").at("type", "history").totals(4)
		here := s.base + "/Patient/" + id
		instance.at("entry.fullUrl", here, here, here, here)
		instance.at("entry.request.method", "DELETE", "PUT", "PUT", "POST")
		instance.at("entry.request.url", "Patient/"+id, "Patient/"+id, "Patient/"+id, "Patient")
		instance.at("entry.response.etag", `W/"4"`, `W/"3"`, `W/"2"`, `W/"1"`)
		instance.at("entry.response.status", "204 No Content", "200 OK", "200 OK", "201 Created")
		instance.at("entry[0].resource").at("entry.resource.meta.versionId", "3", "2", "1").at("entry.resource.active", "false", "false", "true").at("entry.resource.gender", "male")
		modified := instance.root().at("entry.response.lastModified")
		instance.check(len(modified) == 4 && isDescending(modified), "lastModified %q", modified)
		instance.check(slices.Equal(modified[1:], instance.root().at("entry.resource.meta.lastUpdated")), "lastModified and lastUpdated differ")
		s.get("/Patient/_history", "Accept", accept).is(200).holds(accept, "Bundle").at("type", "history").totals(5).
			at("entry.request.method", "PUT", "DELETE", "PUT", "PUT", "POST").at("entry[0].fullUrl", s.base+"/Patient/other").at("entry[1].resource")
		system := s.get("/_history", "Accept", accept).is(200).holds(accept, "Bundle").at("type", "history").totals(6).
			at("entry.request.method", "PUT", "DELETE", "PUT", "PUT", "PUT", "POST").at("entry[3].resource.resourceType", "Observation").at("entry[3].request.url", "Observation/o")
		system.check(len(system.root().nodes("entry.response.status")) == 6 && len(system.root().nodes("entry.response.etag")) == 6, "a status or ETag is missing")
		s.get("/Observation/_history", "Accept", accept).is(200).totals(1)
	}
	s.get("/Device/_history").is(200).at("type", "history").totals(0).at("entry")
	s.get("/Nothing/_history").refused(404, "not-supported")
	s.get("/Nothing/1/_history").refused(404, "not-supported")
	s.get("/Patient/a_b/_history").refused(400, "value")
}

func isDescending(instants []string) bool {
	for i := 1; i < len(instants); i++ {
		if instants[i] > instants[i-1] {
			return false
		}
	}
	return true
}

func historyParameters(s *session) {
	const versions = 6
	at := make([]string, versions+1)
	for i := 1; i <= versions; i++ {
		at[i] = s.put("/Patient/history", patient("history", fmt.Sprintf(`"multipleBirthInteger":%d`, i))).root().one("meta.lastUpdated")
		time.Sleep(3 * time.Millisecond) // an instant of its own: what _at tells apart are milliseconds
	}
	here := "/Patient/history/_history"
	for i := 1; i <= versions; i++ {
		s.get(here + "?_since=" + url.QueryEscape(at[i])).is(200).totals(versions + 1 - i)
		s.get(here+"?_at="+url.QueryEscape(at[i])).is(200).at("entry.resource.meta.versionId", fmt.Sprint(i))
	}
	s.get(here+"?_since="+at[4]).at("entry.resource.meta.versionId", "6", "5", "4")
	s.get("/Patient/_history?_count=1000&_since="+at[6]).is(200).among("entry.resource.id", "history")
	s.get(here + "?_since=2100-01-01T00:00:00Z").is(200).totals(0).at("entry")
	s.get("/Patient/_history?_since=2100-01-01T00:00:00Z").is(200).totals(0).at("entry")
	s.get("/_history?_since=2100-01-01T00:00:00Z").is(200).totals(0).at("entry")
	s.get(here + "?_since=2000-01-01").is(200).totals(versions)
	s.get(here + "?_at=" + at[1][:4]).is(200).totals(versions)
	s.get(here + "?_at=2000").is(200).totals(0)
	s.get(here+"?_since=never").refused(400, "value").naming("_since")
	s.get(here+"?_at=never").refused(400, "value").naming("_at")
	s.get(here+"?_count=some").refused(400, "value").naming("_count")
	s.get(here+"?_count=-1").refused(400, "value").naming("_count")
	s.get(here + "?_count=0").is(200).totals(versions).at("entry")
	s.get(here + "?_summary=count").is(200).totals(versions).at("entry")
	for count := 1; count <= versions+1; count++ {
		seen := s.pages(fmt.Sprintf("%s?_count=%d", here, count), "entry.resource.meta.versionId", count)
		s.check(strings.Join(seen, " ") == "6 5 4 3 2 1", "pages of %d: versions %q", count, seen)
	}
	first := s.get(here + "?_count=2&nonsense=1").is(200).selfHas("_count=2").totals(versions)
	first.check(first.link("first") == first.link("self") && first.link("next") != "", "links %q", first.root().at("link.relation"))
	second := s.get(first.link("next")).is(200).at("entry.resource.meta.versionId", "4", "3").totals(versions)
	second.check(second.link("first") == first.link("self") && second.link("self") == first.link("next"), "links %q", second.root().at("link.url"))
	s.get(here+"?_count=5").at("link.relation", "self", "first", "next")
	s.get(here+"?_count=6").at("link.relation", "self", "first")
	s.get(s.get(here+"?_count=2&_format=xml").link("next")).is(200).holds(xmlType, "Bundle")
	for _, accept := range []string{jsonType, xmlType} {
		s.get("/Patient/nobody-history/_history", "Accept", accept).refused(404, "not-found")
		s.get("/Patient/nobody-history/_history?_since=2000-01-01", "Accept", accept).refused(404, "not-found")
	}
	s.delete("/Patient/history").is(204)
	s.get(here).is(200).totals(versions + 1)
	s.get(here+"?nonsense=1", "Prefer", "handling=strict").refused(400, "").naming("nonsense")
	s.on(limited, func(s *session) {
		for range 9 {
			s.store(patient("history"))
		}
		got := len(s.get(here + "?_count=1000").root().nodes("entry"))
		s.check(got == 7, "%d entries above --max-page-size, want 7", got)
		got = len(s.get(here).root().nodes("entry"))
		s.check(got == 3, "%d entries by --page-size, want 3", got)
	})
}

// pages follows the next links verbatim from an address on and returns the values at a path of all pages. A page has at most count entries, and each is one check.
func (s *session) pages(address, path string, count int) []string {
	s.t.Helper()
	var values []string
	for range 200 {
		a := s.get(address)
		got := len(a.root().nodes("entry"))
		a.check(a.status == 200 && got <= count, "%d entries, want 200 and at most %d", got, count)
		values = append(values, a.root().at(path)...)
		if address = a.link("next"); address == "" {
			return values
		}
	}
	s.check(false, "the next links of %s do not end", address)
	return values
}

func historyPaging(s *session) {
	const resources = 12
	for i := range resources {
		s.store(patient(fmt.Sprintf("p%d", i)))
		s.store(patient(fmt.Sprintf("p%d", i), `"active":true`))
	}
	for _, level := range []string{"/_history", "/Patient/_history"} {
		before := s.get(level + "?_count=1000")
		want := versionsOf(before.root())
		var got []string
		address := level + "?_count=5"
		for page := 0; address != ""; page++ {
			a := s.get(address)
			a.check(a.status == 200 && a.link("self") != "", "page %d", page)
			got = append(got, versionsOf(a.root())...)
			address = a.link("next")
			s.store(patient(fmt.Sprintf("p%d", page%resources), `"active":false`), patient(fmt.Sprintf("new%d", page)))
			s.delete(fmt.Sprintf("/Patient/p%d", (page+5)%resources))
		}
		s.check(slices.Equal(got, want), "%s: pages while others write have %q, want %q", level, got, want)
		slices.Sort(got)
		s.check(len(slices.Compact(got)) == len(want), "%s: a version twice", level)
	}
}

func versionsOf(bundle *tree) []string {
	var versions []string
	for _, entry := range bundle.nodes("entry") {
		versions = append(versions, entry.one("fullUrl")+" "+entry.one("response.etag"))
	}
	return versions
}
