package server

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// checkIndex expects no disagreement inside of a store.
func checkIndex(t *testing.T, s store.Store) {
	t.Helper()
	inner := store.Unwrap(s)
	if paced, ok := inner.(*pacedStore); ok {
		inner = paced.reindexable
	}
	_, err := inner.(store.Checker).Check(t.Context(), func(f store.Finding) { t.Errorf("%s: %s", f.Key, f.Text) })
	if err != nil {
		t.Error(err)
	}
}

// checkKeys expects every resource of a type to have exactly the keys that a registry gives it now: then making them anew changes nothing.
func checkKeys(t *testing.T, s store.Store, registry *search.Registry, types ...string) {
	t.Helper()
	r := store.Unwrap(s).(store.Reindexer)
	for _, typ := range types {
		page, err := r.Walk(t.Context(), store.WalkQuery{Type: typ, Limit: 10_000})
		if err != nil || page.Next != "" {
			t.Fatal(err, page)
		}
		var all []store.Rekey
		for _, v := range page.Versions {
			res, err := fhir.ParseResource(v.JSON)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := registry.Extract(res)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, store.Rekey{Key: v.Key, Keys: keys})
		}
		results, err := r.Rekey(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		for i, result := range results {
			if result != store.Unchanged {
				t.Errorf("%s had other keys", all[i].Key)
			}
		}
	}
}

// reindexable is a store with what a reindex takes.
type reindexable interface {
	store.Store
	store.Reindexer
	store.State
	store.Checker
}

// pacedStore lets a test decide how far a reindex comes: each batch takes one permit, once pace is called.
type pacedStore struct {
	reindexable
	permits chan struct{}

	mu      sync.Mutex
	paced   bool
	rekeyed int // resources given to Rekey
}

func newPacedStore(s store.Store) *pacedStore {
	return &pacedStore{reindexable: s.(reindexable), permits: make(chan struct{}, 1000)}
}

func (s *pacedStore) pace(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paced = on
}

func (s *pacedStore) allow(batches int) {
	for range batches {
		s.permits <- struct{}{}
	}
}

func (s *pacedStore) Rekey(ctx context.Context, all []store.Rekey) ([]store.RekeyResult, error) {
	s.mu.Lock()
	paced := s.paced
	s.mu.Unlock()
	if paced {
		select {
		case <-s.permits:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	results, err := s.reindexable.Rekey(ctx, all)
	if err == nil {
		s.mu.Lock()
		s.rekeyed += len(all)
		s.mu.Unlock()
	}
	return results, err
}

// newPacedFixture is a server whose reindex goes in batches of two.
func newPacedFixture(t *testing.T, adjust ...func(*Config)) (*fixture, *pacedStore) {
	t.Helper()
	var paced *pacedStore
	f := newFixture(t, append(adjust, func(c *Config) {
		paced = newPacedStore(c.Store)
		c.Store = paced
	})...)
	f.server.parameters.jobs.size, f.server.parameters.jobs.pause = 2, 0
	t.Cleanup(f.server.Drain)
	return f, paced
}

// jobReport is the status of a reindex.
type jobReport struct {
	State                        string
	Total, Done, Changed, Failed int
	Errors                       []string
	Types                        map[string][4]int
}

func readReport(t *testing.T, body string) jobReport {
	t.Helper()
	var list struct{ Parameter []jobPart }
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err, body)
	}
	r := jobReport{}
	numbers := func(parts []jobPart) (n [4]int) {
		for _, p := range parts {
			if i := strings.Index("total done changed failed", p.Name); i >= 0 && p.ValueInteger != nil {
				n[map[string]int{"total": 0, "done": 1, "changed": 2, "failed": 3}[p.Name]] = *p.ValueInteger
			}
		}
		return n
	}
	all := numbers(list.Parameter)
	r.Total, r.Done, r.Changed, r.Failed = all[0], all[1], all[2], all[3]
	for _, p := range list.Parameter {
		switch p.Name {
		case "state":
			r.State = p.ValueCode
		case "type":
			if r.Types == nil {
				r.Types = map[string][4]int{}
			}
			r.Types[p.Part[0].ValueCode] = numbers(p.Part)
		case "errors":
			var outcome struct {
				Issue []struct{ Diagnostics string }
			}
			if err := json.Unmarshal(p.Resource, &outcome); err != nil {
				t.Fatal(err)
			}
			for _, issue := range outcome.Issue {
				r.Errors = append(r.Errors, issue.Diagnostics)
			}
		}
	}
	return r
}

// reindexes starts a reindex, waits for its end and returns the report.
func (f *fixture) reindexes(t *testing.T, path string) jobReport {
	t.Helper()
	got := f.do("POST", path, "")
	if got.status != 202 {
		t.Fatal(got)
	}
	return readReport(t, f.await(t, got.header.Get("Content-Location")).body)
}

// jobAddress is where the status of the last job is.
func (f *fixture) jobAddress() string {
	r := f.server.parameters.jobs
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.jobs) == 0 {
		f.t.Fatal("no job")
	}
	return f.base + asyncPath + r.jobs[len(r.jobs)-1].ID
}

// patience bounds how long a test waits for what happens in the background: a bound for tests that hang, far above what a busy machine needs.
const patience = 2 * time.Minute

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatal("never: " + what)
}
