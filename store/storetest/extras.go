package storetest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// testExtras tests the optional interfaces that the store has.
func testExtras(t *testing.T, open New) {
	f := newFixture(t, open)
	f.people()
	inner := store.Unwrap(f.s)
	if e, ok := inner.(store.Explainer); ok {
		t.Run("explain", func(t *testing.T) {
			q := &search.Query{Type: "Patient", Plan: search.And{exact("city\x01tbonn"), prefixed("name\x01")}, Sort: by("name\x01S"), Count: 2}
			got, err := e.Explain(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(f.search(q), got.Page); diff != "" {
				t.Errorf("explain finds something else than search (-search +explain):\n%s", diff)
			}
			if got.Strategy == "" || len(got.Steps) == 0 || got.Counters.Keys == 0 || got.Counters.Bodies != 2 || got.Counters.Duration <= 0 {
				t.Errorf("explanation: %+v", got)
			}
		})
	}
	if c, ok := inner.(store.Changes); ok {
		t.Run("changes", func(t *testing.T) { testChanges(f, c) })
	}
	if _, ok := inner.(store.Measurer); ok {
		t.Run("measures", func(t *testing.T) { testMeasures(t, open) })
	}
	if c, ok := inner.(store.Checker); ok {
		t.Run("check", func(t *testing.T) { checkStore(t, c, -1) })
	}
}

// checkStore expects no finding and, unless it is negative, that many resources ever created.
func checkStore(t *testing.T, c store.Checker, want int) {
	t.Helper()
	n, err := c.Check(t.Context(), func(f store.Finding) { t.Errorf("check: %s: %s", f.Key, f.Text) })
	if err != nil || want >= 0 && n != want {
		t.Errorf("check: %d resources, %v; want %d", n, err, want)
	}
}

func testChanges(f *fixture, c store.Changes) {
	f.apply(store.Op{Method: store.Create, Key: fhir.Key{Type: "Group", ID: "g"}, Resource: stamped(f, "g", `{"resourceType":"Group"}`)})
	want := []string{"Patient/a/1 1", "Patient/b/1 1", "Patient/c/1 1", "Patient/d/1 1", "Patient/e/1 1", "Patient/f/1 1",
		"Patient/e/2 3", "Patient/a/2 3", "Patient/a/3 2", "Group/g/1 1"}
	for _, limit := range []int{1, 3, 100} {
		var got []string
		last := uint64(0)
		for {
			changes, err := c.Changes(f.ctx, last, limit)
			if err != nil || len(changes) > limit {
				f.Fatalf("%d changes of %d, %v", len(changes), limit, err)
			}
			if len(changes) == 0 {
				break
			}
			for _, ch := range changes {
				if ch.Sequence <= last {
					f.Errorf("sequence %d after %d", ch.Sequence, last)
				}
				last = ch.Sequence
				got = append(got, fmt.Sprintf("%s/%s/%s %d", ch.Key.Type, ch.Key.ID, ch.Key.Version, ch.Method))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("changes by %d (-want +got):\n%s", limit, diff)
		}
	}
}
