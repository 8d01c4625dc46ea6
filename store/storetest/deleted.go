package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// testDeletedRows deletes one resource after the other of more than a byte can number: none is found by its id, included, or followed to any more.
func testDeletedRows(t *testing.T, open New) {
	const n = 600
	f := newFixture(t, open)
	var people, readings []store.Op
	var all search.IDs
	for i := range n {
		id := fmt.Sprintf("p%03d", i)
		all = append(all, id)
		people = append(people, f.write(store.Create, id, "x"))
		readings = append(readings, f.observation(store.Create, fmt.Sprintf("o%03d", i), search.ReferencePrefix("subject", "Patient")+id))
	}
	f.apply(people...)
	f.apply(readings...)
	var want []string
	var deletions []store.Op
	for i, id := range all {
		if i%256 > 250 || i%256 < 4 {
			deletions = append(deletions, store.Op{Method: store.Delete, Key: fhir.Key{Type: "Patient", ID: id}})
		} else {
			want = append(want, id)
		}
	}
	f.apply(deletions...)
	for _, plan := range []search.Plan{all, search.All{}, search.Not{Of: search.Or{}}, search.And{all, search.Not{Of: exact("none")}}, search.RevRef{Type: "Observation", Index: "subject", Of: search.All{}}} {
		page := f.search(&search.Query{Type: "Patient", Plan: plan, Count: n, Total: search.Accurate})
		if diff := cmp.Diff(want, ids(page.Matches)); diff != "" || page.Total != len(want) {
			t.Errorf("total %d, want %d of %.100s (-want +got):\n%s", page.Total, len(want), search.Explain(plan), diff)
		}
	}
	page := f.search(&search.Query{Type: "Observation", Plan: search.All{}, Count: n, Include: []search.Include{{Type: "Observation", Index: "subject"}}})
	got := ids(page.Included)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("included (-want +got):\n%s", diff)
	}
	if page := f.search(&search.Query{Type: "Observation", Plan: search.Ref{Index: "subject", Type: "Patient", Of: all}, Count: n}); len(page.Matches) != len(want) {
		t.Errorf("%d refer to what exists, want %d", len(page.Matches), len(want))
	}
}
