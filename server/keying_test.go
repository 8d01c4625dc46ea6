package server

import (
	"context"
	"fmt"

	"strings"
	"testing"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// withContent gives a server a registry that answers _content.
func withContent(t *testing.T) func(*Config) {
	return func(c *Config) {
		var err error
		if c.Search, err = search.NewRegistry(c.Definitions, search.Options{BaseURL: c.BaseURL, References: true, Content: true}); err != nil {
			t.Fatal(err)
		}
	}
}

// on puts a server on a store that another one had.
func on(s store.Store) func(*Config) { return func(c *Config) { c.Store = s } }

// keyingOf is what a store says its keys were made with.
func keyingOf(t *testing.T, s store.Store) (search.Keying, uint64) {
	t.Helper()
	k, revision, err := store.ReadKeying(t.Context(), store.Unwrap(s).(store.State))
	if err != nil {
		t.Fatal(err)
	}
	return k, revision
}

var plainKeying = search.Keying{Grammar: search.KeyGrammar}

const cautious = "index keys are being made anew since the server was upgraded or its settings changed: this search may miss resources"

// TestKeyingOfEmptyStore notes what an empty store will be made with, and finds nothing to do afterwards.
func TestKeyingOfEmptyStore(t *testing.T) {
	f := newFixture(t)
	k, first := keyingOf(t, f.store)
	diff(t, plainKeying, k)
	f.putConditions(2)
	f.server.Drain()
	g := newFixture(t, on(f.store))
	t.Cleanup(g.server.Drain)
	k, second := keyingOf(t, f.store)
	if k != plainKeying || first != second || len(g.server.parameters.jobs.jobs) != 0 {
		t.Errorf("%+v of revision %d, then %d; %d jobs", k, first, second, len(g.server.parameters.jobs.jobs))
	}
	if got := g.do("GET", g.url+"/readyz", ""); got.body != "ready\n" {
		t.Error(got.body)
	}
}

// TestKeyingIsHonest turns _content on for resources that have no keys for it: all are reindexed, and meanwhile everything that may be wrong says so.
func TestKeyingIsHonest(t *testing.T) {
	f := newFixture(t)
	f.putConditions(5)
	f.do("PUT", "/SearchParameter/asserted", asserted)
	f.finds(t, "/Condition?asserted-date=2001", "c1")
	f.await(t, f.jobAddress()) // the parameter is ready a moment before its job is over, which the next server would go on with
	f.server.Drain()
	paced := newPacedStore(f.store)
	paced.pace(true)
	g := newFixture(t, on(paced), withContent(t))
	t.Cleanup(g.server.Drain)
	k, _ := keyingOf(t, f.store)
	diff(t, search.Keying{}, k)
	warning := `"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"incomplete","diagnostics":"` + cautious
	g.run(t, []step{
		{name: "search", method: "GET", path: "/Condition?_content=example", status: 200, answer: "..." + warning},
		{name: "several types", method: "GET", path: "?_type=Condition&_content=example", status: 200, answer: "..." + warning},
		{name: "ready and says it", method: "GET", path: g.url + "/readyz", status: 200, answer: "...ready; " + cautious},
		{name: "metric", method: "GET", path: g.url + "/metrics", status: 200, answer: "...firth_reindex_keys_outdated 1"},
		{name: "declared", method: "GET", path: "/metadata", status: 200, answer: "...; index keys are being made anew, and searches may miss resources meanwhile"},
		{name: "parameters stay ready", method: "GET", path: "/Condition?asserted-date=2001", headers: []string{"Prefer", "handling=strict"}, status: 200, answer: `..."total":1`},
	})
	address := g.jobAddress()
	got := g.do("POST", "/$reindex", "")
	diff(t, []any{202, address}, []any{got.status, got.header.Get("Content-Location")})
	paced.pace(false)
	paced.allow(1)
	report := readReport(t, g.await(t, address).body)
	diff(t, jobReport{State: "completed", Total: 6, Done: 6, Changed: 6, Types: map[string][4]int{"Condition": {5, 5, 5, 0}, "SearchParameter": {1, 1, 1, 0}}}, report)
	g.run(t, []step{
		{name: "search", method: "GET", path: "/Condition?_content=example&_elements=id", status: 200, answer: `..."type":"searchset","total":0,`},
		{name: "ready", method: "GET", path: g.url + "/readyz", status: 200, answer: "ready\n"},
		{name: "metric", method: "GET", path: g.url + "/metrics", status: 200, answer: "...firth_reindex_keys_outdated 0"},
	})
	if body := g.do("GET", "/metadata", "").body + g.do("GET", "/Condition", "").body; strings.Contains(body, "index keys are being made anew") {
		t.Error("still cautious")
	}
	k, _ = keyingOf(t, f.store)
	diff(t, search.Keying{Grammar: search.KeyGrammar, Content: true}, k)
	checkIndex(t, f.store)
	checkKeys(t, f.store, g.server.search, "Condition", "SearchParameter")
	for _, record := range []string{"the index keys in the store were made by another release", "all index keys are being made anew", "complete=true"} {
		if !strings.Contains(g.log.String(), record) {
			t.Errorf("no log record %q", record)
		}
	}
}

// TestKeyingUnknown has a store of a release that noted nothing: its keys may be any.
func TestKeyingUnknown(t *testing.T) {
	f := newFixture(t)
	f.putConditions(3)
	f.server.Drain()
	forgetKeying(t, f.store)
	g := newFixture(t, on(f.store))
	t.Cleanup(g.server.Drain)
	diff(t, jobReport{State: "completed", Total: 3, Done: 3, Types: map[string][4]int{"Condition": {3, 3, 0, 0}}}, readReport(t, g.await(t, g.jobAddress()).body))
	k, _ := keyingOf(t, f.store)
	diff(t, plainKeying, k)
}

func forgetKeying(t *testing.T, s store.Store) {
	t.Helper()
	_, revision := keyingOf(t, s)
	if err := s.(store.State).DeleteState(t.Context(), "keying", "keys", revision); err != nil {
		t.Fatal(err)
	}
}

// TestKeyingGoesOn ends a server in the middle, and another goes on; one with another setting begins anew, and the first one's job comes to nothing.
func TestKeyingGoesOn(t *testing.T) {
	dir := t.TempDir()
	var paced *pacedStore
	serve := func(pace bool, adjust ...func(*Config)) *fixture {
		f := newFixture(t, append(adjust, func(c *Config) {
			s, err := pebble.Open(dir, pebble.Options{})
			if err != nil {
				t.Fatal(err)
			}
			paced = newPacedStore(s)
			paced.pace(pace)
			c.Store = paced
		})...)
		return f
	}
	end := func(f *fixture) {
		f.server.Drain()
		if err := paced.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f := serve(false)
	for i := range 1200 { // more than two batches
		f.putAll([2]string{fmt.Sprintf("Basic/b%d", i), ""})
	}
	end(f)
	f = serve(true, withContent(t))
	job := f.jobAddress()[len(f.base):]
	paced.allow(1)
	until(t, "one batch", func() bool { return readReport(t, f.do("GET", job, "").body).Done == 500 })
	end(f)
	f = serve(true, withContent(t))
	diff(t, job, f.jobAddress()[len(f.base):])
	paced.allow(1)
	until(t, "two batches", func() bool { return readReport(t, f.do("GET", job, "").body).Done == 1000 })
	end(f)
	f = serve(false) // as before
	diff(t, "completed", readReport(t, f.await(t, f.jobAddress()).body).State)
	first := readReport(t, f.do("GET", job, "").body)
	if first.State != "failed" || f.jobAddress() == f.base+job {
		t.Errorf("the first job: %+v", first)
	}
	k, _ := keyingOf(t, paced)
	diff(t, plainKeying, k)
	checkKeys(t, paced, f.server.search, "Basic")
	end(f)
}

// TestKeyingWithFailures has a resource that cannot be read: the keys stay in doubt, and $reindex begins again.
func TestKeyingWithFailures(t *testing.T) {
	f := newFixture(t)
	f.putConditions(2)
	f.server.Drain()
	forgetKeying(t, f.store)
	broken := &spoiledStore{pacedStore: newPacedStore(f.store), id: "c2"}
	g := newFixture(t, on(broken))
	t.Cleanup(g.server.Drain)
	report := readReport(t, g.await(t, g.jobAddress()).body)
	if report.State != "completed-with-errors" || report.Failed != 1 {
		t.Errorf("%+v", report)
	}
	if got := g.do("GET", "/Condition", ""); !strings.Contains(got.body, cautious+"; the last attempt failed, and $reindex begins another") {
		t.Error(got.body)
	}
	broken.id = ""
	if report := g.reindexes(t, "/$reindex"); report.State != "completed" {
		t.Errorf("%+v", report)
	}
	if got := g.do("GET", "/Condition", ""); strings.Contains(got.body, cautious) {
		t.Error(got.body)
	}
}

// spoiledStore spoils a resource.
type spoiledStore struct {
	*pacedStore
	id string
}

func (s *spoiledStore) Walk(ctx context.Context, q store.WalkQuery) (*store.WalkPage, error) {
	page, err := s.pacedStore.Walk(ctx, q)
	if err == nil {
		for i := range page.Versions {
			if page.Versions[i].Key.ID == s.id {
				page.Versions[i].JSON = []byte("{")
			}
		}
	}
	return page, err
}

// TestKeyingWithoutRecords leaves stores alone that cannot keep any.
func TestKeyingWithoutRecords(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Store = struct{ store.Store }{c.Store} })
	t.Cleanup(f.server.Drain)
	if err := f.server.Close(); err != nil || f.do("GET", f.url+"/readyz", "").body != "ready\n" {
		t.Error(err)
	}
}
