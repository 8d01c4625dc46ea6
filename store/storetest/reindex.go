package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

func reindexerOf(t *testing.T, s store.Store) store.Reindexer {
	t.Helper()
	r, ok := store.Unwrap(s).(store.Reindexer)
	if !ok {
		t.SkipNow()
	}
	return r
}

// walked lists the versions of a walk in pages.
func walked(t *testing.T, r store.Reindexer, typ string, limit int) []string {
	t.Helper()
	all := []string{}
	for q := (store.WalkQuery{Type: typ, Limit: limit}); ; {
		page, err := r.Walk(t.Context(), q)
		if err != nil || len(page.Versions) > limit {
			t.Fatalf("Walk %+v: %v", q, err)
		}
		for _, v := range page.Versions {
			all = append(all, v.Key.String())
		}
		if q.Cursor = page.Next; page.Next == "" {
			return all
		}
	}
}

func testReindex(t *testing.T, open New) {
	f := newFixture(t, open)
	r := reindexerOf(t, f.s)
	f.s = store.Unwrap(f.s) // the contract remembers keys as they were written
	if got := walked(t, r, "Patient", 10); len(got) != 0 {
		t.Errorf("a walk over nothing: %v", got)
	}
	f.people()
	f.apply(f.write(store.Delete, "c", ""))
	want := []string{"Patient/a/_history/3", "Patient/b/_history/1", "Patient/d/_history/1", "Patient/f/_history/1"}
	for _, limit := range []int{1, 2, 100} {
		if diff := cmp.Diff(want, walked(t, r, "Patient", limit)); diff != "" {
			t.Errorf("walk by %d (-want +got):\n%s", limit, diff)
		}
	}
	if _, err := r.Walk(t.Context(), store.WalkQuery{Type: "Patient", Cursor: "invented", Limit: 1}); !errors.Is(err, store.ErrBadCursor) {
		t.Errorf("an invented cursor: %v", err)
	}
	history := f.everything()
	key := func(id, version string) fhir.Key { return fhir.Key{Type: "Patient", ID: id, Version: version} }
	results, err := r.Rekey(t.Context(), []store.Rekey{
		{Key: key("a", "3"), Keys: []string{"new\x01tone"}}, {Key: key("a", "2"), Keys: []string{"new\x01twrong"}}, {Key: key("b", "1"), Keys: []string{"new\x01tone", "new\x01ttwo"}},
		{Key: key("c", "1"), Keys: []string{"new\x01tone"}}, {Key: key("nobody", "1")}, {Key: fhir.Key{Type: "Group", ID: "a", Version: "1"}}, {Key: key("b", "1"), Keys: []string{"new\x01tone", "new\x01ttwo"}},
	})
	if diff := cmp.Diff([]store.RekeyResult{store.Rekeyed, store.Superseded, store.Rekeyed, store.Superseded, store.Superseded, store.Superseded, store.Unchanged}, results); err != nil || diff != "" {
		t.Errorf("Rekey: %v (-want +got):\n%s", err, diff)
	}
	results, err = r.Rekey(t.Context(), []store.Rekey{{Key: key("a", "3"), Keys: []string{"new\x01tone"}}})
	if diff := cmp.Diff([]store.RekeyResult{store.Unchanged}, results); err != nil || diff != "" {
		t.Errorf("again: %v (-want +got):\n%s", err, diff)
	}
	f.finds(&search.Query{Type: "Patient", Plan: exact("new\x01tone"), Count: 10, Total: search.Accurate}, "ab")
	f.finds(&search.Query{Type: "Patient", Plan: exact("new\x01ttwo"), Count: 10}, "b")
	f.finds(&search.Query{Type: "Patient", Plan: exact("new\x01twrong"), Count: 10}, "")
	f.finds(&search.Query{Type: "Patient", Plan: search.And{prefixed("name\x01"), search.IDs{"a", "b"}}, Count: 10}, "")
	f.finds(&search.Query{Type: "Patient", Plan: prefixed("_lastUpdated\x01"), Count: 10}, "abdf")
	if diff := cmp.Diff(history, f.everything()); diff != "" {
		t.Errorf("rekeying is visible in versions (-before +after):\n%s", diff)
	}
	for name, bad := range map[string]store.Rekey{"no version": {Key: key("a", "")}, "unsorted": {Key: key("a", "3"), Keys: []string{"b", "a"}}} {
		if _, err := r.Rekey(t.Context(), []store.Rekey{bad}); !errors.As(err, new(*store.ContractError)) {
			t.Errorf("%s: got %v, want a breach of the contract", name, err)
		}
	}
	f.apply(f.write(store.Update, "a", "x", "city\x01tbonn"))
	f.finds(&search.Query{Type: "Patient", Plan: exact("new\x01tone"), Count: 10}, "b")
	if c, ok := f.s.(store.Checker); ok {
		checkStore(t, c, -1)
	}
	t.Run("end", func(t *testing.T) { testWalkEnd(t, open) })
	t.Run("hot", func(t *testing.T) { testRekeyHot(t, open) })
	t.Run("race", func(t *testing.T) { testRekeyRace(t, open) })
	t.Run("fence", func(t *testing.T) { testWalkFence(t, open) })
}

// testRekeyHot gives Observations keys of the compound index that they were written without, and takes them away again.
func testRekeyHot(t *testing.T, open New) {
	f := newFixture(t, open)
	r := reindexerOf(t, f.s)
	f.s = store.Unwrap(f.s)
	full := []string{"code\x01thr\x01", "date\x01h2024-01-02\x012024-01-01", "date\x01l2024-01-01\x012024-01-02", "subject\x01rPatient/p"}
	for i, keys := range [][]string{nil, full} {
		id := fmt.Sprint("o", i)
		f.apply(store.Op{Method: store.Create, Key: fhir.Key{Type: "Observation", ID: id}, Resource: stamped(f, id, `{"resourceType":"Observation"}`), Keys: keys})
	}
	q := &search.Query{Type: "Observation", Plan: search.And{exact("subject\x01rPatient/p"), prefixed("code\x01thr\x01")}, Sort: by("date\x01l"), Count: 10}
	find := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, ids(f.search(q).Matches)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if c, ok := f.s.(store.Checker); ok {
			checkStore(t, c, 2)
		}
	}
	find("o1")
	for _, step := range []struct {
		id   string
		keys []string
		want []string
	}{{"o0", full, []string{"o0", "o1"}}, {"o1", nil, []string{"o0"}}, {"o1", full[:3], []string{"o0"}}, {"o1", full, []string{"o0", "o1"}}} {
		if _, err := r.Rekey(t.Context(), []store.Rekey{{Key: fhir.Key{Type: "Observation", ID: step.id, Version: "1"}, Keys: step.keys}}); err != nil {
			t.Fatal(err)
		}
		find(step.want...)
	}
}

// testRekeyRace rekeys what others update at the same time: no update loses the keys it was written with.
func testRekeyRace(t *testing.T, open New) {
	f := newFixture(t, open)
	r := reindexerOf(t, f.s)
	f.s = store.Unwrap(f.s)
	const patients, rounds = 10, 15
	for i := range patients {
		f.apply(f.write(store.Create, fmt.Sprint("p", i), "x", "v\x01t0"))
	}
	var writers sync.WaitGroup
	done := make(chan struct{})
	for i := range patients {
		writers.Go(func() {
			for round := range rounds {
				op := f.write(store.Update, fmt.Sprint("p", i), "x", fmt.Sprintf("v\x01t%d", round+1))
				if _, err := f.s.Apply(f.ctx, []store.Op{op}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var walker sync.WaitGroup
	walker.Go(func() {
		for n := 0; ; n++ {
			page, err := r.Walk(f.ctx, store.WalkQuery{Type: "Patient", Limit: patients})
			if err != nil {
				t.Error(err)
				return
			}
			var all []store.Rekey
			for _, v := range page.Versions {
				var round int
				if _, err := fmt.Sscan(v.Key.Version, &round); err != nil {
					t.Error(err)
				}
				all = append(all, store.Rekey{Key: v.Key, Keys: []string{fmt.Sprintf("rekeyed\x01t%d", round-1), fmt.Sprintf("v\x01t%d", round-1)}})
			}
			if _, err := r.Rekey(f.ctx, all); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	writers.Wait()
	close(done)
	walker.Wait()
	last := fmt.Sprintf("v\x01t%d", rounds)
	if got := len(f.search(&search.Query{Type: "Patient", Plan: exact(last), Count: 100}).Matches); got != patients {
		t.Errorf("%d of %d have the key of their last version", got, patients)
	}
	if got := len(f.search(&search.Query{Type: "Patient", Plan: prefixed("v\x01"), Count: 100}).Matches); got != patients {
		t.Errorf("%d of %d have a key", got, patients)
	}
	if c, ok := f.s.(store.Checker); ok {
		checkStore(t, c, patients)
	}
}

// testWalkFence begins walks when calls of Apply have returned whose context ended: what they commit is seen.
func testWalkFence(t *testing.T, open New) {
	f := newFixture(t, open)
	r := reindexerOf(t, f.s)
	for i := range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		op := f.write(store.Create, fmt.Sprint("p", i), "x")
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := store.Unwrap(f.s).Apply(ctx, []store.Op{op}); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		cancel()
		wait.Wait()
		seen := walked(t, r, "Patient", 1000)
		now := ids(f.search(&search.Query{Type: "Patient", Plan: search.All{}, Count: 1000}).Matches)
		for _, id := range now {
			if !slices.ContainsFunc(seen, func(key string) bool { return strings.HasPrefix(key, "Patient/"+id+"/") }) {
				t.Fatalf("round %d: %s was committed behind a walk that began after the call had returned", i, id)
			}
		}
	}
}

// testWalkReopen goes on with a walk in a store that was closed.
func testWalkReopen(t *testing.T, open Open) {
	dir := t.TempDir()
	f := wrap(t, open(t, dir))
	reindexerOf(t, f.s)
	f.people()
	want := walked(t, reindexerOf(t, f.s), "Patient", 100)
	var got []string
	for q := (store.WalkQuery{Type: "Patient", Limit: 1}); ; {
		page, err := reindexerOf(t, f.s).Walk(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			got = append(got, v.Key.String())
			if _, err := reindexerOf(t, f.s).Rekey(t.Context(), []store.Rekey{{Key: v.Key, Keys: []string{"again\x01t" + v.Key.ID}}}); err != nil {
				t.Fatal(err)
			}
		}
		if q.Cursor = page.Next; page.Next == "" {
			break
		}
		if err := f.s.Close(); err != nil {
			t.Fatal(err)
		}
		f = wrap(t, open(t, dir))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if page := f.search(&search.Query{Type: "Patient", Plan: prefixed("again\x01"), Count: 100}); len(page.Matches) != len(want) {
		t.Errorf("%d rekeyed resources survive, want %d", len(page.Matches), len(want))
	}
	if c, ok := store.Unwrap(f.s).(store.Checker); ok {
		checkStore(t, c, -1)
	}
}

// testWalkEnd creates a resource for each that a walk comes to: it ends with those that were there.
func testWalkEnd(t *testing.T, open New) {
	f := newFixture(t, open)
	r := reindexerOf(t, f.s)
	f.apply(f.write(store.Create, "a", ""), f.write(store.Create, "b", ""), f.write(store.Create, "c", ""))
	var got []string
	for q := (store.WalkQuery{Type: "Patient", Limit: 1}); ; {
		page, err := r.Walk(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Versions {
			got = append(got, page.Versions[i].Key.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" || len(got) > 10 {
			break
		}
		f.apply(f.write(store.Create, "new-"+strconv.Itoa(len(got)), ""))
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
