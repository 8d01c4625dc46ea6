package server

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func TestSearch(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	for i, family := range []string{"Ångström", "Berg", "Bergman"} {
		body := fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":"%s"}]}`, i, family)
		if got := f.do("PUT", fmt.Sprintf("/Patient/p%d", i), body); got.status != 201 {
			t.Fatal(got)
		}
	}
	berg := `{"fullUrl":"BASE/Patient/p1","resource":{"resourceType":"Patient","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:06.000Z"},"id":"p1","name":[{"family":"Berg"}]},"search":{"mode":"match"}}`
	head := func(id, total, query string) string {
		return `{"resourceType":"Bundle","id":"` + id + `","meta":{"lastUpdated":"2026-06-01T00:00:00.000Z"},"type":"searchset","total":` + total +
			`,"link":[{"relation":"self","url":"BASE/Patient` + query + `"},{"relation":"first","url":"BASE/Patient` + query + `"}]`
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	f.run(t, []step{
		{name: "one match", method: "GET", path: "/Patient?family:exact=Berg", status: 200, want: []string{fhirJSON, "ETag:"},
			answer: head("id-1", "1", "?family%3Aexact=Berg") + `,"entry":[` + berg + `]}`},
		{name: "no match", method: "GET", path: "/Patient?family=nobody", status: 200, answer: head("id-2", "0", "?family=nobody") + `}`},
		{name: "no parameters", method: "GET", path: "/Patient", status: 200, answer: `..."total":3`},
		{name: "by form", method: "POST", path: "/Patient/_search", headers: form, body: "family=berg", status: 200, answer: `..."total":2`},
		{name: "URL and form together", method: "POST", path: "/Patient/_search?family=berg", headers: form, body: "_id=p1", status: 200,
			answer: head("id-5", "1", "?family=berg&_id=p1") + `,"entry":[` + berg + `]}`},
		{name: "form without a body", method: "POST", path: "/Patient/_search?_id=p1", status: 200, answer: `..."total":1`},
		{name: "unknown parameters are ignored, left out of the self link and reported", method: "GET", path: "/Patient?family:exact=Berg&colour=blue", status: 200,
			answer: `...` + `?family%3Aexact=Berg"}],"entry":[` + berg + `,{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning",`},
		{name: "mode of the report", method: "GET", path: "/Patient?colour=blue&_id=none", status: 200, answer: `..."search":{"mode":"outcome"}}]}`},
		{name: "unknown parameters, strictly", method: "GET", path: "/Patient?colour=blue", headers: []string{"Prefer", "handling=strict"}, status: 400, answer: `..."expression":["http.colour"]`},
		{name: "unknown modifier", method: "GET", path: "/Patient?family:sounds=Berg", status: 400, answer: `..."expression":["http.family`},
		{name: "malformed value", method: "GET", path: "/Patient?birthdate=abc", status: 400, answer: `..."expression":["http.birthdate"]`},
		{name: "count only", method: "GET", path: "/Patient?_summary=count", status: 200, answer: `..."total":3,"link":[{"relation":"self","url":"BASE/Patient?_summary=count"}]}`},
		{name: "count of nothing", method: "GET", path: "/Patient?_count=0", status: 200, answer: `..."total":3,"link":[{"relation":"self","url":"BASE/Patient?_count=0"}]}`},
		{name: "without a total", method: "GET", path: "/Patient?_total=none&_id=p1", status: 200, answer: `..."type":"searchset","link":[`},
		{name: "format goes on in links", method: "GET", path: "/Patient?_id=p1&_format=json", status: 200, answer: `..."url":"BASE/Patient?_id=p1&_format=json"`},
		{name: "pretty", method: "GET", path: "/Patient?_id=p1&_pretty=true", status: 200, answer: "...\n  \"type\": \"searchset\",\n"},
		{name: "head", method: "HEAD", path: "/Patient?_id=none", status: 200, want: []string{fhirJSON}},
		{name: "invented cursor", method: "GET", path: "/Patient?_cursor=abc", status: 400, answer: outcome("value", "Patient: the page link is not valid for this search")},
		{name: "unknown type", method: "GET", path: "/Pazient?name=x", status: 404, answer: "*"},
	})
}

// TestSearchLength shows that a page that fits into the buffer has a length and a larger one comes in chunks.
func TestSearchLength(t *testing.T) {
	f := newFixture(t)
	for i := range 3 {
		body := fmt.Sprintf(`{"resourceType":"Basic","id":"b%d","language":"%s"}`, i, strings.Repeat("x", streamBuffer/2))
		if got := f.do("PUT", fmt.Sprintf("/Basic/b%d", i), body); got.status != 201 {
			t.Fatal(got)
		}
	}
	one, all := f.do("GET", "/Basic?_id=b0", "", "Accept-Encoding", "identity"), f.do("GET", "/Basic", "", "Accept-Encoding", "identity")
	diff(t, []string{strconv.Itoa(len(one.body)), ""}, []string{one.header.Get("Content-Length"), all.header.Get("Content-Length")})
	diff(t, []string{"b0", "b1", "b2"}, parseBundle(t, all.body).ids())
}

// TestSearchPages follows the links as they are, on every kind of request, and meets every resource once.
func TestSearchPages(t *testing.T) {
	f := newFixture(t)
	var want []string
	for i := range 23 {
		id := fmt.Sprintf("p%02d", i)
		want = append(want, id)
		if got := f.do("PUT", "/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`","active":true}`); got.status != 201 {
			t.Fatal(got)
		}
	}
	for name, first := range map[string]answer{
		"GET":    f.do("GET", "/Patient?active=true&_count=5", ""),
		"sorted": f.do("GET", "/Patient?active=true&_sort=_id&_count=4", ""),
		"POST":   f.do("POST", "/Patient/_search", "active=true&_count=7", "Content-Type", "application/x-www-form-urlencoded"),
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for page := first; ; {
				if page.status != 200 {
					t.Fatal(page.status, page.body)
				}
				b := parseBundle(t, page.body)
				got = append(got, b.ids()...)
				if b.link("next") == "" || len(got) > len(want) {
					break
				}
				page = f.do("GET", b.link("next"), "")
			}
			diff(t, want, got)
		})
	}
}
