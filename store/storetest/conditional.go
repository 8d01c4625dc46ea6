package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// onlyIf makes an op conditional on a search for Patients.
func onlyIf(op store.Op, plan search.Plan) store.Op {
	op.IfNoneExist = &search.Query{Type: "Patient", Plan: plan}
	return op
}

func testConditional(t *testing.T, open New) {
	t.Run("outcomes", func(t *testing.T) {
		f := newFixture(t, open)
		f.apply(f.write(store.Create, "a", "en", "i\x01t1"), f.write(store.Create, "b", "en", "i\x01t2", "j\x01t1"),
			f.write(store.Create, "c", "en", "i\x01t3", "j\x01t1"))
		r := f.apply(onlyIf(f.write(store.Create, "n", "de", "i\x01t1"), exact("i\x01t1")))[0]
		if !r.Existing || r.Created || r.Version.Key.ID != "a" || !cmp.Equal(&r.Version, f.read("a", "")) {
			t.Errorf("one match: %+v", r)
		}
		f.missing(store.ErrNotFound, "n", "")
		f.refuse(0, store.ErrMultiple, onlyIf(f.write(store.Create, "n", "de"), exact("j\x01t1")))
		f.missing(store.ErrNotFound, "n", "")
		if r := f.apply(onlyIf(f.write(store.Create, "n", "de", "i\x01t4"), exact("i\x01t4")))[0]; r.Existing || !r.Created || r.Version.Key.ID != "n" {
			t.Errorf("no match: %+v", r)
		}
		if r := f.apply(onlyIf(f.write(store.Create, "a", "de"), exact("i\x01t1")))[0]; !r.Existing {
			t.Errorf("a match comes before the taken id: %+v", r)
		}
		f.refuse(0, store.ErrConflict, onlyIf(f.write(store.Create, "a", "de"), exact("i\x01t9")))
	})
	t.Run("every kind of plan", func(t *testing.T) { testConditionPlans(t, open) })
	t.Run("expectations", func(t *testing.T) { testExpectations(t, open) })
	t.Run("within a transaction", func(t *testing.T) { testConditionInTransaction(t, open) })
	t.Run("after changes", func(t *testing.T) {
		f := newFixture(t, open)
		f.apply(f.write(store.Create, "a", "en", "i\x01t1"))
		f.apply(f.write(store.Update, "a", "en", "i\x01t2"))
		if r := f.apply(onlyIf(f.write(store.Create, "b", "de", "i\x01t1"), exact("i\x01t1")))[0]; r.Existing {
			t.Errorf("matched by a key of an older version: %+v", r)
		}
		f.apply(f.write(store.Delete, "b", ""))
		if r := f.apply(onlyIf(f.write(store.Create, "c", "de", "i\x01t1"), exact("i\x01t1")))[0]; r.Existing {
			t.Errorf("matched a deleted resource: %+v", r)
		}
	})
	t.Run("race of 64 on one", func(t *testing.T) { testConditionRace(t, open) })
}

func testConditionPlans(t *testing.T, open New) {
	f := newFixture(t, open)
	f.apply(f.write(store.Create, "a", "en", "i\x01t1", "s\x01t5"), f.write(store.Create, "b", "en", "s\x01t6"))
	for _, plan := range []search.Plan{
		search.And{exact("i\x01t1"), exact("s\x01t5")}, search.And{search.Not{Of: exact("s\x01t6")}}, prefixed("i\x01"),
		search.IDs{"a", "zzz"}, search.Or{exact("i\x01t1"), exact("i\x01t7")}, search.And{search.All{}, exact("s\x01t5")},
	} {
		if r := f.apply(onlyIf(f.write(store.Create, "n", "de"), plan))[0]; !r.Existing || r.Version.Key.ID != "a" {
			t.Errorf("%s: %+v, want a", search.Explain(plan), r)
		}
	}
	f.refuse(0, store.ErrMultiple, onlyIf(f.write(store.Create, "n", "de"), search.All{}))
	f.refuse(0, store.ErrMultiple, onlyIf(f.write(store.Create, "n", "de"), prefixed("s\x01")))
	for i, plan := range []search.Plan{search.Or{}, search.IDs{"zzz"}, search.And{exact("i\x01t1"), exact("s\x01t6")}} {
		id := fmt.Sprintf("n%d", i)
		if r := f.apply(onlyIf(f.write(store.Create, id, "de"), plan))[0]; r.Existing || r.Version.Key.ID != id {
			t.Errorf("%s: %+v, want none", search.Explain(plan), r)
		}
	}
}

func testExpectations(t *testing.T, open New) {
	f := newFixture(t, open)
	f.apply(f.write(store.Create, "a", "en", "i\x01t1"))
	expect := func(key, id string, none bool) store.Op {
		op := onlyIf(f.write(store.Create, "n", "de", key), exact(key))
		op.Expect, op.ExpectNone = id, none
		return op
	}
	if r := f.apply(expect("i\x01t1", "a", false))[0]; !r.Existing {
		t.Errorf("the expected match: %+v", r)
	}
	f.refuse(0, store.ErrConflict, expect("i\x01t1", "b", false))
	f.refuse(0, store.ErrConflict, expect("i\x01t2", "a", false))
	f.refuse(0, store.ErrConflict, expect("i\x01t1", "", true))
	f.missing(store.ErrNotFound, "n", "")
	if r := f.apply(expect("i\x01t2", "", true))[0]; r.Existing {
		t.Errorf("expected none: %+v", r)
	}
	next := func(id, version string) store.Op {
		op := f.write(store.Update, id, "de")
		op.ExpectVersion = version
		return op
	}
	f.refuse(1, store.ErrConflict, next("o", "1"), next("a", "1"))
	f.missing(store.ErrNotFound, "o", "")
	for _, op := range []store.Op{next("a", "2"), next("o", "1")} {
		if r := f.apply(op)[0]; r.Version.Key.Version != op.ExpectVersion {
			t.Errorf("expected version %s: %+v", op.ExpectVersion, r)
		}
	}
	f.apply(store.Op{Method: store.Delete, Key: fhir.Key{Type: "Patient", ID: "o"}})
	f.refuse(0, store.ErrConflict, next("o", "1"))
	if r := f.apply(next("o", "3"))[0]; r.Version.Key.Version != "3" {
		t.Errorf("expected the version behind a deletion: %+v", r)
	}
}

func testConditionInTransaction(t *testing.T, open New) {
	f := newFixture(t, open)
	results := f.apply(f.write(store.Create, "a", "en", "i\x01t1"),
		onlyIf(f.write(store.Create, "b", "en", "i\x01t1"), exact("i\x01t1")),
		onlyIf(f.write(store.Create, "c", "en", "i\x01t2"), prefixed("i\x01t2")),
		onlyIf(f.write(store.Create, "d", "en", "i\x01t2"), prefixed("i\x01t2")))
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprint(r.Version.Key, r.Existing))
	}
	want := []string{"Patient/a/_history/1 false", "Patient/a/_history/1 true", "Patient/c/_history/1 false", "Patient/c/_history/1 true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an operation sees those before it (-want +got):\n%s", diff)
	}
	f.refuse(1, store.ErrMultiple, f.write(store.Update, "c", "en", "i\x01t1"), onlyIf(f.write(store.Create, "e", "en"), exact("i\x01t1")))
	results = f.apply(f.write(store.Delete, "a", ""), onlyIf(f.write(store.Create, "e", "en", "i\x01t1"), exact("i\x01t1")))
	if results[1].Existing {
		t.Errorf("a resource deleted just before matched: %+v", results[1])
	}
}

func testConditionRace(t *testing.T, open New) {
	const clients, rounds = 64, 100
	f := newFixture(t, open)
	var wg sync.WaitGroup
	failures := make(chan error, clients*rounds)
	for c := range clients {
		ops := make([]store.Op, rounds)
		for i := range ops {
			ops[i] = onlyIf(f.write(store.Create, fmt.Sprintf("c%d-%d", c, i), "en", "i\x01tonly"), exact("i\x01tonly"))
		}
		wg.Go(func() {
			for i := range ops {
				if _, err := f.s.Apply(f.ctx, ops[i:i+1]); err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrBusy) {
					failures <- err
				}
			}
		})
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	page := f.search(&search.Query{Type: "Patient", Plan: exact("i\x01tonly"), Count: 10, Total: search.Accurate})
	if page.Total != 1 || len(page.Matches) != 1 || page.Matches[0].Key.Version != "1" {
		t.Errorf("%d resources: %v", page.Total, ids(page.Matches))
	}
}
