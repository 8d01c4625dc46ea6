package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// New opens an empty store for one test. The suite closes it.
type New func(t *testing.T) store.Store

// Open opens the store in a directory, which outlives it.
type Open func(t *testing.T, dir string) store.Store

// Sizes are how much data the largest tests use. A server that scans for every query needs smaller ones to be tested in time.
type Sizes struct {
	Crowd    int // resources that are paged through and counted; a multiple of 100
	Hot      int // device data of one patient; even
	Included int // references to one resource; more than store.MaxIncluded, or 0 to leave that test out
}

// FullSizes are the sizes that [Run] uses.
func FullSizes() Sizes { return Sizes{Crowd: 3000, Hot: 12_000, Included: store.MaxIncluded + 1} }

// Run tests everything that store.Store promises.
func Run(t *testing.T, open New) { RunSized(t, open, FullSizes()) }

// RunSized is [Run] with other sizes.
func RunSized(t *testing.T, open New, size Sizes) {
	for _, part := range []struct {
		name string
		test func(*testing.T, New)
	}{
		{"read", testRead},
		{"create", testCreate},
		{"update", testUpdate},
		{"delete", testDelete},
		{"preconditions", testPreconditions},
		{"transaction", testTransaction},
		{"conditional", testConditional},
		{"history", testHistory},
		{"plans", testPlans},
		{"deleted", testDeletedRows},
		{"chains", testChains},
		{"includes", func(t *testing.T, open New) { testIncludes(t, open, size) }},
		{"sort", testSort},
		{"paging", func(t *testing.T, open New) { testPaging(t, open, size) }},
		{"total", func(t *testing.T, open New) { testTotal(t, open, size) }},
		{"hot", func(t *testing.T, open New) { testHot(t, open, size) }},
		{"concurrency", testConcurrency},
		{"context", testContext},
		{"extras", testExtras},
		{"reindex", testReindex},
		{"state", testState},
		{"journal", testJournal},
		{"journal order", testJournalOrder},
		{"archive", testArchive},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, open) })
	}
}

// fixture is an open store behind the contract, with short words for what tests do.
type fixture struct {
	*testing.T
	s   store.Store
	ctx context.Context
}

func newFixture(t *testing.T, open New) *fixture {
	t.Helper()
	return wrap(t, open(t))
}

func wrap(t *testing.T, s store.Store) *fixture {
	t.Helper()
	s = store.Contract(s)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &fixture{t, s, t.Context()}
}

// stamped prepares a resource of JSON text.
func stamped(t testing.TB, id, json string) fhir.Stamped {
	t.Helper()
	r, err := fhir.ParseResource([]byte(json))
	if err != nil {
		t.Fatal(err)
	}
	st, err := r.Stamp(id)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// patient is a Patient's JSON with a text to tell one from another.
func patient(text string) string { return `{"resourceType":"Patient","language":"` + text + `"}` }

// write makes an op on a Patient.
func (f *fixture) write(method store.Method, id, text string, keys ...string) store.Op {
	f.Helper()
	op := store.Op{Method: method, Key: fhir.Key{Type: "Patient", ID: id}, Keys: keys}
	if method != store.Delete {
		op.Resource = stamped(f, id, patient(text))
	}
	return op
}

// apply commits operations that must succeed.
func (f *fixture) apply(ops ...store.Op) []store.Result {
	f.Helper()
	results, err := f.s.Apply(f.ctx, ops)
	if err != nil {
		f.Fatalf("Apply: %v", err)
	}
	return results
}

// refuse commits operations of which the one at index must fail with want.
func (f *fixture) refuse(index int, want error, ops ...store.Op) {
	f.Helper()
	_, err := f.s.Apply(f.ctx, ops)
	var failed *store.OpError
	if !errors.Is(err, want) || !errors.As(err, &failed) || failed.Index != index {
		f.Fatalf("Apply: got %v (%+v), want op %d to fail with %q", err, failed, index, want)
	}
}

// read reads a version that must be there.
func (f *fixture) read(id, version string) *store.Version {
	f.Helper()
	v, err := f.s.Read(f.ctx, fhir.Key{Type: "Patient", ID: id, Version: version})
	if err != nil {
		f.Fatalf("Read %s/%s: %v", id, version, err)
	}
	return v
}

// missing reads a version that must not be there.
func (f *fixture) missing(want error, id, version string) {
	f.Helper()
	if v, err := f.s.Read(f.ctx, fhir.Key{Type: "Patient", ID: id, Version: version}); !errors.Is(err, want) || v != nil {
		f.Fatalf("Read %s/%s: got %v, %v; want %q", id, version, v, err, want)
	}
}

// search runs a query that must succeed.
func (f *fixture) search(q *search.Query) *store.Page {
	f.Helper()
	page, err := f.s.Search(f.ctx, q)
	if err != nil {
		f.Fatalf("Search: %v\n%s", err, search.Explain(q.Plan))
	}
	return page
}

// ids are the logical ids of versions, in order.
func ids(versions []store.Version) []string {
	out := make([]string, 0, len(versions))
	for _, v := range versions {
		out = append(out, v.Key.ID)
	}
	return out
}

// exact matches one index key.
func exact(key string) search.Keys { return search.Keys{Lo: key, Hi: key + "\x00"} }

// prefixed matches the keys with a prefix, which must end in ASCII.
func prefixed(prefix string) search.Keys {
	end := []byte(prefix)
	end[len(end)-1]++
	return search.Keys{Lo: prefix, Hi: string(end)}
}
