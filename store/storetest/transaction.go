package storetest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

func testTransaction(t *testing.T, open New) {
	t.Run("empty", func(t *testing.T) {
		f := newFixture(t, open)
		if r := f.apply(); len(r) != 0 {
			t.Errorf("results: %+v", r)
		}
	})
	t.Run("results in order", func(t *testing.T) {
		f := newFixture(t, open)
		f.apply(f.write(store.Create, "b", "en"), f.write(store.Create, "c", "en"))
		results := f.apply(f.write(store.Create, "a", "de"), f.write(store.Update, "b", "de"), f.write(store.Delete, "c", ""),
			f.write(store.Delete, "absent", ""))
		var got []string
		for _, r := range results {
			got = append(got, fmt.Sprint(r.Version.Key, r.Version.Method, r.Created))
		}
		want := []string{"Patient/a/_history/1 1 true", "Patient/b/_history/2 2 false", "Patient/c/_history/2 3 false", "Patient/absent 0 false"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
	})
	t.Run("one key twice", func(t *testing.T) {
		f := newFixture(t, open)
		f.refuse(1, store.ErrConflict, f.write(store.Update, "a", "en"), f.write(store.Update, "a", "de"))
		f.refuse(2, store.ErrConflict, f.write(store.Delete, "a", ""), f.write(store.Create, "b", "de"), f.write(store.Delete, "a", ""))
		f.missing(store.ErrNotFound, "a", "")
		f.missing(store.ErrNotFound, "b", "")
	})
	for position := range 5 {
		t.Run(fmt.Sprintf("nothing when op %d of 5 fails", position), func(t *testing.T) { testAllOrNone(t, open, position) })
	}
}

// testAllOrNone fails one op among creates, updates, deletes and resurrections and compares everything there is to see before and after.
func testAllOrNone(t *testing.T, open New, position int) {
	f := newFixture(t, open)
	for _, id := range []string{"u", "d", "r", "taken"} {
		f.apply(f.write(store.Create, id, "en", "k\x01t"+id, "s\x01t1"))
	}
	f.apply(f.write(store.Delete, "r", ""))
	before := f.everything()
	ops := []store.Op{f.write(store.Create, "n", "de", "k\x01tn", "s\x01t2"), f.write(store.Update, "u", "de", "k\x01tu2"),
		f.write(store.Delete, "d", ""), f.write(store.Update, "r", "de", "k\x01tr2")}
	bad := f.write(store.Create, "taken", "de")
	ops = append(ops[:position:position], append([]store.Op{bad}, ops[position:]...)...)
	f.refuse(position, store.ErrConflict, ops...)
	if diff := cmp.Diff(before, f.everything()); diff != "" {
		t.Errorf("a failed transaction left traces (-before +after):\n%s", diff)
	}
	ops[position] = f.write(store.Create, "free", "de")
	f.apply(ops...)
	page := f.search(&search.Query{Type: "Patient", Plan: search.All{}, Count: 10})
	if diff := cmp.Diff(wantAfter(position), ids(page.Matches)); diff != "" {
		t.Errorf("after the corrected transaction (-want +got):\n%s", diff)
	}
}

// wantAfter are the ids in the order of creation after the corrected transaction.
func wantAfter(position int) []string {
	if position == 0 {
		return []string{"u", "r", "taken", "free", "n"}
	}
	return []string{"u", "r", "taken", "n", "free"}
}

// everything is all that a client can see of Patients: current versions, history, and what the keys find.
func (f *fixture) everything() map[string][]string {
	f.Helper()
	seen := map[string][]string{}
	for _, plan := range []search.Plan{search.All{}, prefixed("k\x01"), exact("s\x01t1"), prefixed("_lastUpdated\x01l")} {
		page := f.search(&search.Query{Type: "Patient", Plan: plan, Count: 100, Total: search.Accurate})
		for _, v := range page.Matches {
			name := "search " + search.Explain(plan)
			seen[name] = append(seen[name], string(v.JSON))
		}
	}
	page, err := f.s.History(f.ctx, store.HistoryQuery{Type: "Patient", Count: 100})
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range page.Versions {
		seen["history"] = append(seen["history"], fmt.Sprint(v.Key, v.Method, v.LastUpdated))
	}
	if _, err := f.s.Read(f.ctx, fhir.Key{Type: "Patient", ID: "n"}); err != nil {
		seen["n"] = []string{"absent"}
	}
	return seen
}
