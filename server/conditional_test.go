package server

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func mrn(value, rest string) string {
	return `{"resourceType":"Patient",` + rest + `"identifier":[{"system":"mrn","value":"` + value + `"}]}`
}

// TestConditionalUpdate has a step for each outcome of rest-and-smart 2.1 and R4 http.html#cond-update.
func TestConditionalUpdate(t *testing.T) {
	f := newFixture(t)
	stored := func(id, version, second, value string) string {
		return `{"resourceType":"Patient","id":"` + id + `","meta":{"versionId":"` + version + `","lastUpdated":"2026-01-02T03:04:` + second + `.000Z"},"identifier":[{"system":"mrn","value":"` + value + `"}]}`
	}
	minimal := []string{"Prefer", "return=minimal"}
	f.run(t, []step{
		{name: "no match, no id", method: "PUT", path: "/Patient?identifier=mrn|1", body: mrn("1", ""), status: 201, answer: stored("id-1", "1", "05", "1"),
			want: []string{"Location: BASE/Patient/id-1/_history/1", `ETag: W/"1"`, "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT"}},
		{name: "one match, no id", method: "PUT", path: "/Patient?identifier=mrn|1", body: mrn("1", ""), status: 200, answer: stored("id-1", "2", "06", "1"), want: []string{"Location: BASE/Patient/id-1/_history/2"}},
		{name: "one match, its id", method: "PUT", path: "/Patient?identifier=mrn|1", body: mrn("1", `"id":"id-1",`), headers: minimal, status: 200, want: []string{"Location: BASE/Patient/id-1/_history/3"}},
		{name: "one match, another id", method: "PUT", path: "/Patient?identifier=mrn|1", body: mrn("1", `"id":"x",`), status: 400,
			answer: outcome("value", `the id of the resource is \"x\", but the condition finds Patient/id-1`, "Patient.id")},
		{name: "no match, an id", method: "PUT", path: "/Patient?identifier=mrn|2", body: mrn("2", `"id":"two",`), headers: minimal, status: 201, want: []string{"Location: BASE/Patient/two/_history/1"}},
		{name: "no match, the id of another", method: "PUT", path: "/Patient?identifier=mrn|3", body: mrn("3", `"id":"two",`), status: 409,
			answer: outcome("conflict", "Patient/two exists, but does not match the condition", "Patient.id")},
		{name: "no match, an id that is none", method: "PUT", path: "/Patient?identifier=mrn|3", body: mrn("3", `"id":"a_b",`), status: 400, answer: "*"},
		{name: "several matches", method: "PUT", path: "/Patient?identifier=mrn|", body: mrn("3", ""), status: 412, answer: outcome("multiple-matches", "Patient: more than one resource matches the condition")},
		{name: "no condition", method: "PUT", path: "/Patient", body: mrn("3", ""), status: 400, answer: outcome("required", "a conditional update needs search parameters that say which Patient is meant")},
		{name: "only a result parameter", method: "PUT", path: "/Patient?_count=1&_format=json", body: mrn("3", ""), status: 400, answer: outcome("required", "a conditional update needs search parameters that say which Patient is meant")},
		{name: "unknown parameter", method: "PUT", path: "/Patient?colour=blue", body: mrn("3", ""), status: 400, answer: "*"},
		{name: "another type", method: "PUT", path: "/Patient?_id=two", body: `{"resourceType":"Basic"}`, status: 400, answer: "*"},
		{name: "If-Match holds", method: "PUT", path: "/Patient?_id=two", headers: append([]string{"If-Match", `W/"1"`}, minimal...), body: mrn("2", ""), status: 200, want: []string{`ETag: W/"2"`}},
		{name: "If-Match is stale", method: "PUT", path: "/Patient?_id=two", headers: []string{"If-Match", `W/"1"`}, body: mrn("2", ""), status: 412, answer: "*"},
		{name: "If-Match without a match", method: "PUT", path: "/Patient?_id=none", headers: []string{"If-Match", `W/"1"`}, body: mrn("2", ""), status: 412, answer: "*"},
		{name: "If-Match is malformed", method: "PUT", path: "/Patient?_id=two", headers: []string{"If-Match", `1`}, body: mrn("2", ""), status: 400, answer: "*"},
		{name: "If-None-Match * with a match", method: "PUT", path: "/Patient?_id=two", headers: []string{"If-None-Match", `*`}, body: mrn("2", ""), status: 412, answer: "*"},
		{name: "If-None-Match * without a match", method: "PUT", path: "/Patient?identifier=mrn|4", headers: append([]string{"If-None-Match", `*`}, minimal...), body: mrn("4", ""), status: 201},
		{name: "deleted matches do not count", method: "DELETE", path: "/Patient/two", status: 204},
		{name: "resurrect", method: "PUT", path: "/Patient?identifier=mrn|2", body: mrn("2", `"id":"two",`), headers: minimal, status: 201, want: []string{`ETag: W/"4"`}},
	})
}

func TestConditionalDelete(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"a", "b", "c"} {
		f.do("PUT", "/Patient/"+id, mrn(id, `"id":"`+id+`",`))
	}
	f.run(t, []step{
		{name: "one match", method: "DELETE", path: "/Patient?identifier=mrn|a", status: 204, want: []string{`ETag: W/"2"`, "Content-Type:"}},
		{name: "it is gone", method: "GET", path: "/Patient/a", status: 410, answer: "*"},
		{name: "no match", method: "DELETE", path: "/Patient?identifier=mrn|a", status: 204, want: []string{"ETag:"}},
		{name: "no match, return=OperationOutcome", method: "DELETE", path: "/Patient?identifier=mrn|a", headers: []string{"Prefer", "return=OperationOutcome"}, status: 200, answer: info("no Patient matches the condition, so that nothing was deleted")},
		{name: "several matches", method: "DELETE", path: "/Patient?identifier=mrn|", status: 412, answer: outcome("multiple-matches", "Patient: more than one resource matches the condition")},
		{name: "no condition", method: "DELETE", path: "/Patient", status: 400, answer: outcome("required", "a conditional delete needs search parameters that say which Patient is meant")},
		{name: "unknown parameter", method: "DELETE", path: "/Patient?colour=blue", status: 400, answer: "*"},
		{name: "If-Match is stale", method: "DELETE", path: "/Patient?_id=b", headers: []string{"If-Match", `W/"7"`}, status: 412, answer: "*"},
		{name: "If-Match of nothing", method: "DELETE", path: "/Patient?_id=none", headers: []string{"If-Match", `W/"7"`}, status: 412, answer: "*"},
		{name: "If-Match holds", method: "DELETE", path: "/Patient?_id=b", headers: []string{"If-Match", `W/"1"`, "Prefer", "return=OperationOutcome"}, status: 200, answer: info("deleted 1 of type Patient")},
		{name: "the others are there", method: "GET", path: "/Patient?_summary=count", status: 200, answer: `..."total":1`},
	})
}

func TestConditionalDeleteOfMany(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.DeleteMatches = 3 })
	for i := range 4 {
		f.do("PUT", fmt.Sprintf("/Patient/p%d", i), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","active":%t}`, i, i > 0))
	}
	f.run(t, []step{
		{name: "declared", method: "GET", path: "/metadata", status: 200, answer: `..."conditionalDelete":"multiple"`},
		{name: "more than the limit", method: "DELETE", path: "/Patient?_id=p0,p1,p2,p3", status: 412,
			answer: outcome("multiple-matches", "more than 3 resources match the condition, and no more are deleted at once")},
		{name: "If-Match of many", method: "DELETE", path: "/Patient?active=true", headers: []string{"If-Match", `W/"1"`}, status: 412, answer: "*"},
		{name: "as many as the limit", method: "DELETE", path: "/Patient?active=true", headers: []string{"Prefer", "return=OperationOutcome"}, status: 200, want: []string{"ETag:"}, answer: info("deleted 3 of type Patient")},
		{name: "the rest", method: "GET", path: "/Patient?_elements=id", status: 200, answer: `..."total":1,`},
		{name: "all deletions are one commit", method: "GET", path: "/_history?_count=3&_since=2026-01-02T03:04:09Z", status: 200, answer: `..."total":3,`},
	})
}

// TestConditionalEntries has conditional writes in Bundles, which see what is stored before.
func TestConditionalEntries(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.DeleteMatches = 3 })
	for _, id := range []string{"a", "b", "c", "d"} {
		f.do("PUT", "/Patient/"+id, mrn(id, `"id":"`+id+`",`))
	}
	observation := `{"resourceType":"Observation","subject":{"reference":"urn:uuid:1"},"focus":[{"reference":"urn:uuid:2"},{"reference":"Patient?identifier=mrn|new"}]}`
	f.run(t, []step{
		{name: "transaction", method: "POST", path: "", headers: []string{"Prefer", "return=minimal"}, status: 200, answer: "*", body: bundleOf("transaction",
			requestEntry("urn:uuid:1", mrn("a", ""), "PUT", "Patient?identifier=mrn|a"),
			requestEntry("urn:uuid:2", mrn("new", ""), "PUT", "Patient?identifier=mrn|new"),
			requestEntry("", observation, "POST", "Observation"),
			requestEntry("", "", "DELETE", "Patient?identifier=mrn|b,mrn|c"),
			requestEntry("", "", "DELETE", "Patient?identifier=mrn|none"),
			requestEntry("urn:uuid:3", mrn("b", ""), "POST", "Patient", "ifNoneExist", "identifier=mrn|b"))},
		{name: "references lead to what was found and made", method: "GET", path: "/Observation", status: 200,
			answer: `..."subject":{"reference":"Patient/a"},"focus":[{"reference":"Patient/id-3"},{"reference":"Patient/id-3"}]}`},
		{name: "updated", method: "GET", path: "/Patient/a", status: 200, want: []string{`ETag: W/"2"`}, answer: "*"},
		{name: "deleted", method: "GET", path: "/Patient/c", status: 410, answer: "*"},
		{name: "what is deleted does not match a condition of the same transaction", method: "GET", path: "/Patient?identifier=mrn|b", status: 200, answer: `..."fullUrl":"BASE/Patient/id-2"`},
		{name: "only deletions of nothing", method: "POST", path: "", status: 200, body: bundleOf("transaction", requestEntry("", "", "DELETE", "Patient?identifier=mrn|none")),
			answer: `..."entry":[{"response":{"status":"204 No Content"}}]`},
	})
	got := parseBundle(t, f.do("POST", "", bundleOf("batch",
		requestEntry("", mrn("d", `"id":"d",`), "PUT", "Patient?identifier=mrn|d", "ifMatch", `W/\"1\"`),
		requestEntry("", mrn("d", ""), "PUT", "Patient?identifier=mrn|d", "ifMatch", `W/\"7\"`),
		requestEntry("", mrn("e", ""), "PUT", "Patient?identifier=mrn|e"),
		requestEntry("", "", "DELETE", "Patient?identifier=mrn|a"),
		requestEntry("", "", "DELETE", "Patient"),
		requestEntry("", "", "GET", "Patient/d", "ifModifiedSince", "2999-01-01T00:00:00Z"),
		requestEntry("", "", "GET", "Patient/a"))).body)
	diff(t, []string{"200 OK", "412 Precondition Failed", "201 Created", "204 No Content", "400 Bad Request", "304 Not Modified", "410 Gone"}, got.statuses())
}

// TestConditionalWritesRace has clients update and delete by the same conditions at once: there is never more than one match, and every success is a version.
func TestConditionalWritesRace(t *testing.T) {
	f := newFixture(t)
	const clients, rounds = 8, 10
	var versions atomic.Int64
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			for round := range rounds {
				condition := fmt.Sprintf("Patient?identifier=mrn|%d", round)
				got := answer{}
				switch client % 4 {
				case 0:
					got = f.do("DELETE", "/"+condition, "")
					if got.header.Get("ETag") != "" {
						versions.Add(1)
					}
				case 1:
					got = f.do("POST", "", bundleOf("transaction", requestEntry("", mrn(fmt.Sprint(round), ""), "PUT", condition)))
					versions.Add(1)
				default:
					got = f.do("PUT", "/"+condition, mrn(fmt.Sprint(round), ""))
					versions.Add(1)
				}
				if got.status > 204 {
					t.Errorf("%d %s", got.status, got.body)
				}
			}
		})
	}
	wait.Wait()
	for round := range rounds {
		if b := parseBundle(t, f.do("GET", fmt.Sprintf("/Patient?identifier=mrn|%d", round), "").body); len(b.Entry) > 1 {
			t.Errorf("%d patients of round %d", len(b.Entry), round)
		}
	}
	if got := f.do("GET", "/_history?_summary=count", ""); !strings.Contains(got.body, fmt.Sprintf(`"total":%d,`, versions.Load())) {
		t.Errorf("%d versions were acknowledged: %s", versions.Load(), got.body)
	}
}
