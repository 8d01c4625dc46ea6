package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// putConditions stores n Conditions c1, c2, ..., asserted in 2001, 2002, ...
func (f *fixture) putConditions(n int) {
	for i := range n {
		f.putAll([2]string{fmt.Sprintf("Condition/c%d", i+1), conditionAsserted(fmt.Sprint(2001 + i))})
	}
}

var asserted = parameterOf("asserted", "asserted-date", "date", "Condition", assertedDate)

// assertedOp writes the parameter as the server does.
func (f *fixture) assertedOp() store.Op {
	f.t.Helper()
	res, err := fhir.ParseResource([]byte(asserted))
	if err != nil {
		f.t.Fatal(err)
	}
	op, err := f.server.write(store.Update, fhir.Key{Type: "SearchParameter", ID: "asserted"}, res, origin{})
	if err != nil {
		f.t.Fatal(err)
	}
	return op
}

// TestReindexIsHonest looks at a parameter while it is being indexed.
func TestReindexIsHonest(t *testing.T) {
	f, paced := newPacedFixture(t)
	f.putAll([2]string{"Patient/p", ""})
	f.putConditions(5)
	paced.pace(true)
	f.do("PUT", "/SearchParameter/asserted", asserted)
	paced.allow(1)
	progress := func(done int) string {
		return fmt.Sprintf("the search parameter asserted-date of Condition is being indexed: %d of 5 Conditions", done)
	}
	until(t, "one batch", func() bool {
		return strings.Contains(f.do("GET", "/Condition?asserted-date=2001", "").body, progress(2))
	})
	address := f.jobAddress()
	strict := []string{"Prefer", "handling=strict"}
	f.run(t, []step{
		{name: "lenient", method: "GET", path: "/Condition?asserted-date=2001&_id=c5", status: 200, answer: `..."total":1,"link":[{"relation":"self","url":"BASE/Condition?_id=c5"}`},
		{name: "outcome entry", method: "GET", path: "/Condition?asserted-date=2001&_id=c5", status: 200, answer: `...` + progress(2) + ` (ignored)","expression":["http.asserted-date"]`},
		{name: "strict", method: "GET", path: "/Condition?asserted-date=2001", headers: strict, status: 400, answer: outcome("not-supported", progress(2), "http.asserted-date")},
		{name: "modifier", method: "GET", path: "/Condition?asserted-date:missing=true", headers: strict, status: 400, answer: "..." + progress(2)},
		{name: "sort", method: "GET", path: "/Condition?_sort=asserted-date", status: 400, answer: "..." + progress(2)},
		{name: "filter", method: "GET", path: "/Condition?_filter=asserted-date%20eq%202001", status: 400, answer: "..." + progress(2)},
		{name: "has", method: "GET", path: "/Patient?_has:Condition:subject:asserted-date=2001", status: 400, answer: "..." + progress(2)},
		{name: "several types", method: "GET", path: "?_type=Condition&asserted-date=2001", headers: strict, status: 400, answer: "..." + progress(2)},
		{name: "condition of a create", method: "POST", path: "/Condition", headers: []string{"If-None-Exist", "asserted-date=2001"}, body: `{"resourceType":"Condition"}`, status: 400, answer: "..." + progress(2)},
		{name: "status", method: "GET", path: address, status: 202, want: []string{"X-Progress: in-progress: 2 of 5 resources", "Retry-After: 1"}, answer: `...{"name":"state","valueCode":"in-progress"},{"name":"total","valueInteger":5},{"name":"done","valueInteger":2},{"name":"changed","valueInteger":2},{"name":"failed","valueInteger":0}`},
		{name: "status as XML", method: "GET", path: address, headers: []string{"Accept", "application/fhir+xml"}, status: 202, answer: `...<valueCode value="in-progress"/>`},
	})
	if strings.Contains(f.do("GET", "/metadata", "").body, `"asserted-date"`) {
		t.Error("declared while it is being indexed")
	}
	f.putAll([2]string{"Condition/c6", conditionAsserted("2006")})
	paced.pace(false)
	paced.allow(10)
	f.finds(t, "/Condition?asserted-date=ge2004", "c4", "c5", "c6")
	got := f.await(t, address)
	diff(t, jobReport{State: "completed", Total: 5, Done: 5, Changed: 5, Types: map[string][4]int{"Condition": {5, 5, 5, 0}}}, readReport(t, got.body))
	if !strings.Contains(f.do("GET", "/metadata", "").body, `"asserted-date"`) {
		t.Error("not declared when it is ready")
	}
	f.run(t, []step{
		{name: "another description", method: "PUT", path: "/SearchParameter/asserted", body: strings.Replace(asserted, `"description":"d"`, `"description":"e"`, 1), status: 200, answer: "*"},
		{name: "stays ready", method: "GET", path: "/Condition?asserted-date=2001&_elements=id", headers: strict, status: 200, answer: `..."total":1`},
		{name: "forget the job", method: "DELETE", path: address, status: 202},
		{name: "forgotten", method: "GET", path: address, status: 404, answer: "...no asynchronous request has this address"},
	})
	checkIndex(t, paced)
	checkKeys(t, paced, f.server.search, "Condition", "Patient", "SearchParameter")
}

// TestReindexFailure has a parameter whose expression fails on a resource: the reindex says so, and the parameter is not ready before all is well.
func TestReindexFailure(t *testing.T) {
	f := newFixture(t)
	t.Cleanup(f.server.Drain)
	name := `{"family":"a"}`
	f.putAll([2]string{"Patient/p1", `,"name":[` + name + `]`}, [2]string{"Patient/p2", `,"name":[` + name + `,` + name + `]`}, [2]string{"Patient/p3", ""})
	f.do("PUT", "/SearchParameter/only", parameterOf("only", "only-family", "string", "Patient", "Patient.name.single().family"))
	f.do("PUT", "/SearchParameter/fine", parameterOf("fine", "first-family", "string", "Patient", "Patient.name.first().family"))
	report := readReport(t, f.await(t, f.jobAddress()).body)
	failed := func(r jobReport) bool {
		return len(r.Errors) == 1 && strings.HasPrefix(r.Errors[0], "Patient/p2: SearchParameter/only (only-family): line 1, column ")
	}
	first := readReport(t, f.await(t, f.base+asyncPath+f.server.parameters.jobs.jobs[0].ID).body)
	if first.State != "completed-with-errors" || first.Failed != 1 || !failed(first) {
		t.Errorf("%+v %+v", first, report)
	}
	f.finds(t, "/Patient?first-family=a", "p1", "p2")
	why := "the search parameter only-family of Patient is not ready: 1 of 3 Patients could not be indexed"
	f.run(t, []step{
		{name: "not ready", method: "GET", path: "/Patient?only-family=a", headers: []string{"Prefer", "handling=strict"}, status: 400, answer: outcome("not-supported", why, "http.only-family")},
		{name: "one instance", method: "POST", path: "/Patient/p2/$reindex", status: 200, answer: `..."valueCode":"completed-with-errors"`},
		{name: "put right", method: "PUT", path: "/Patient/p2", body: `{"resourceType":"Patient","id":"p2","name":[` + name + `]}`, status: 200, answer: "*"},
		{name: "still not ready", method: "GET", path: "/Patient?only-family=a", headers: []string{"Prefer", "handling=strict"}, status: 400, answer: "..." + why},
	})
	if report := f.reindexes(t, "/Patient/$reindex"); report.State != "completed" || report.Failed != 0 {
		t.Errorf("%+v", report)
	}
	f.finds(t, "/Patient?only-family=a", "p1", "p2")
}

// TestReindexCancel cancels the job of a parameter, and a later one makes it ready.
func TestReindexCancel(t *testing.T) {
	f, paced := newPacedFixture(t)
	f.putConditions(5)
	paced.pace(true)
	f.do("PUT", "/SearchParameter/asserted", asserted)
	address := f.jobAddress()
	paced.allow(1)
	until(t, "one batch", func() bool { return readReport(t, f.do("GET", address, "").body).Done == 2 })
	if got := f.do("DELETE", address, ""); got.status != 202 {
		t.Fatal(got)
	}
	got := f.do("GET", address, "")
	diff(t, []any{200, "cancelled", 2}, []any{got.status, readReport(t, got.body).State, readReport(t, got.body).Done})
	f.run(t, []step{{name: "says why", method: "GET", path: "/Condition?asserted-date=2001", headers: []string{"Prefer", "handling=strict"}, status: 400,
		answer: "...the search parameter asserted-date of Condition is not ready: indexing was cancelled before its end; $reindex begins it anew"}})
	paced.pace(false)
	report := f.reindexes(t, "/Condition/$reindex")
	diff(t, jobReport{State: "completed", Total: 5, Done: 5, Changed: 3, Types: map[string][4]int{"Condition": {5, 5, 3, 0}}}, report)
	f.finds(t, "/Condition?asserted-date=le2002", "c1", "c2")
}

// TestReindexResumes ends the server in the middle, in several ways, and goes on with the next one where it was.
func TestReindexResumes(t *testing.T) {
	for name, end := range map[string]func(*fixture, *pacedStore) error{
		"drained":           func(f *fixture, s *pacedStore) error { f.server.Drain(); return s.Close() },
		"closed under way":  func(f *fixture, s *pacedStore) error { err := s.Close(); s.allow(5); return err },
		"stopped and again": func(f *fixture, s *pacedStore) error { f.server.Drain(); f.server.Drain(); return s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			place := teststore.NewPlace(t)
			open := func(c *Config) { c.Store = place.Open(t, teststore.Options{}) }
			f, paced := newPacedFixture(t, open)
			f.putConditions(9)
			paced.pace(true)
			f.do("PUT", "/SearchParameter/asserted", asserted)
			paced.allow(2)
			job := f.jobAddress()
			until(t, "two batches", func() bool { return readReport(t, f.do("GET", job, "").body).Done == 4 })
			if err := end(f, paced); err != nil {
				t.Fatal(err)
			}
			var again *pacedStore
			g := newFixture(t, open, func(c *Config) {
				again = newPacedStore(c.Store)
				c.Store = again
			})
			t.Cleanup(func() {
				g.server.Drain()
				if err := again.Close(); err != nil {
					t.Error(err)
				}
			})
			g.finds(t, "/Condition?asserted-date=le2003", "c1", "c2", "c3")
			report := readReport(t, g.await(t, strings.Replace(job, f.base, g.base, 1)).body)
			diff(t, jobReport{State: "completed", Total: 9, Done: 9, Changed: 9, Types: map[string][4]int{"Condition": {9, 9, 9, 0}}}, report)
			if again.rekeyed != 5 { // the job is over
				t.Errorf("%d resources were looked at again, want the 5 that were left", again.rekeyed)
			}
			checkIndex(t, again)
			checkKeys(t, again, g.server.search, "Condition")
		})
	}
}

// TestReindexEverything stores resources with a registry of another base URL, and makes their keys anew.
func TestReindexEverything(t *testing.T) {
	place := teststore.NewPlace(t)
	serve := func(base string) *fixture {
		return newFixture(t, func(c *Config) {
			var err error
			c.Store, c.BaseURL = place.Open(t, teststore.Options{}), base
			if c.Search, err = search.NewRegistry(c.Definitions, search.Options{BaseURL: base, References: true, Content: true}); err != nil {
				t.Fatal(err)
			}
		})
	}
	f := serve("http://old.example/fhir")
	for i := range 30 {
		f.do("PUT", fmt.Sprintf("%s/Observation/o%d", f.url+Mount, i), fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"weight"},"subject":{"reference":"http://new.example/fhir/Patient/p%d"}}`, i, i%3))
	}
	f.do("PUT", f.url+Mount+"/Basic/b", `{"resourceType":"Basic","id":"b","code":{"text":"height"}}`)
	f.server.Drain()
	if err := f.server.store.Close(); err != nil {
		t.Fatal(err)
	}
	g := serve("http://new.example/fhir")
	t.Cleanup(func() {
		g.server.Drain()
		if err := g.server.store.Close(); err != nil {
			t.Error(err)
		}
	})
	at := func(path string) string { return g.url + Mount + path }
	total := func(path string) int { return *parseBundle(t, g.do("GET", at(path), "").body).Total }
	diff(t, []int{0, 30}, []int{total("/Observation?subject=Patient/p1"), total("/Observation?_content=weight")})
	got := g.do("POST", at("/$reindex"), "")
	if got.status != 202 {
		t.Fatal(got)
	}
	address := strings.Replace(got.header.Get("Content-Location"), "http://new.example/fhir", g.url+Mount, 1)
	diff(t, jobReport{State: "completed", Total: 31, Done: 31, Changed: 31, Types: map[string][4]int{"Observation": {30, 30, 30, 0}, "Basic": {1, 1, 1, 0}}}, readReport(t, g.await(t, address).body))
	diff(t, []int{10, 30, 1}, []int{total("/Observation?subject=Patient/p1"), total("/Observation?_content=weight"), total("/Basic?_content=height")})
	checkIndex(t, g.server.store)
	fresh, err := search.NewRegistry(g.server.definitions, search.Options{BaseURL: "http://new.example/fhir", References: true, Content: true})
	if err != nil {
		t.Fatal(err)
	}
	checkKeys(t, g.server.store, fresh, "Observation", "Basic")
}

func TestReindexRefusals(t *testing.T) {
	f := newFixture(t)
	t.Cleanup(f.server.Drain)
	f.putAll([2]string{"Patient/p", ""})
	f.run(t, []step{
		{name: "no type", method: "POST", path: "/$reindex?type=Pazient", status: 400, answer: outcome("value", `\"Pazient\" is not a resource type`, "http.type")},
		{name: "two types", method: "POST", path: "/Patient/$reindex?type=Patient", status: 400, answer: outcome("invalid", "the URL names the type already", "http.type")},
		{name: "by GET", method: "GET", path: "/$reindex", status: 405, answer: "*"},
		{name: "absent", method: "POST", path: "/Patient/none/$reindex", status: 404, answer: "*"},
		{name: "instance", method: "POST", path: "/Patient/p/$reindex", status: 200, answer: `...{"name":"state","valueCode":"completed"},{"name":"total","valueInteger":1},{"name":"done","valueInteger":1},{"name":"changed","valueInteger":0}`},
		{name: "unknown parameter", method: "POST", path: "/$reindex?colour=red", status: 400, answer: "...$reindex has no parameter"},
		{name: "in a transaction", method: "POST", path: "", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient/$reindex"}}]}`, status: 400, answer: "*"},
		{name: "has a status of its own", method: "POST", path: "/Patient/$reindex", headers: []string{"Prefer", "respond-async"}, status: 202, answer: "...the reindex runs in the background"},
		{name: "cancel nothing", method: "DELETE", path: "/_async/none", status: 404, answer: "*"},
		{name: "several types", method: "POST", path: "/$reindex?type=Patient&type=Basic&type=Patient", status: 202, answer: "*"},
	})
}
