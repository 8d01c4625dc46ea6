package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/store"
)

// stateOf is the store's State; the test is over where it has none.
func stateOf(t *testing.T, s store.Store) store.State {
	t.Helper()
	state, ok := store.Unwrap(s).(store.State)
	if !ok {
		t.SkipNow()
	}
	return state
}

// put writes a record that must be taken.
func put(t *testing.T, s store.State, kind, id, value string, ifRevision uint64) uint64 {
	t.Helper()
	revision, err := s.PutState(t.Context(), kind, id, []byte(value), ifRevision)
	if err != nil || revision <= ifRevision {
		t.Fatalf("PutState %s/%s: revision %d, %v", kind, id, revision, err)
	}
	return revision
}

// records lists a kind, pages of two, as "id=value".
func records(t *testing.T, s store.State, kind string) []string {
	t.Helper()
	all, after := []string{}, ""
	for {
		page, err := s.ListState(t.Context(), kind, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			all = append(all, r.ID+"="+string(r.Value))
			got, err := s.GetState(t.Context(), kind, r.ID)
			if diff := cmp.Diff(&r, got); err != nil || diff != "" || r.Kind != kind {
				t.Errorf("%s/%s: %v (-list +get):\n%s", kind, r.ID, err, diff)
			}
			after = r.ID
		}
		if len(page) < 2 {
			return all
		}
	}
}

func testState(t *testing.T, open New) {
	f := newFixture(t, open)
	s := stateOf(t, f.s)
	for _, id := range []string{"b", "a", "a/1", "c\x7f", "é", "A"} {
		put(t, s, "job", id, "v"+id, 0)
	}
	put(t, s, "jo", "x", "other", 0)
	put(t, s, "jobs", "x", "other", 0)
	put(t, s, "job\x01", "x", "", 0)
	want := []string{"A=vA", "a=va", "a/1=va/1", "b=vb", "c\x7f=vc\x7f", "é=vé"}
	if diff := cmp.Diff(want, records(t, s, "job")); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"x="}, records(t, s, "job\x01")); diff != "" {
		t.Errorf("an empty value (-want +got):\n%s", diff)
	}
	if got := records(t, s, "nothing"); len(got) != 0 {
		t.Errorf("nothing: %q", got)
	}
	first, err := s.GetState(t.Context(), "job", "a")
	if err != nil {
		t.Fatal(err)
	}
	second := put(t, s, "job", "a", "again", first.Revision)
	refusals := map[string]struct {
		err  error
		want error
	}{
		"absent":            {second3(s.GetState(t.Context(), "job", "none")), store.ErrNotFound},
		"exists":            {second3(s.PutState(t.Context(), "job", "a", nil, 0)), store.ErrConflict},
		"older revision":    {second3(s.PutState(t.Context(), "job", "a", nil, first.Revision)), store.ErrConflict},
		"revision of none":  {second3(s.PutState(t.Context(), "job", "none", nil, 7)), store.ErrConflict},
		"delete older":      {s.DeleteState(t.Context(), "job", "a", first.Revision), store.ErrConflict},
		"delete nothing":    {s.DeleteState(t.Context(), "job", "none", 1), store.ErrNotFound},
		"of another kind":   {second3(s.GetState(t.Context(), "jobs", "a")), store.ErrNotFound},
		"cancelled context": {second3(s.GetState(cancelled(), "job", "a")), context.Canceled},
	}
	for name, r := range refusals {
		if !errors.Is(r.err, r.want) {
			t.Errorf("%s: got %v, want %v", name, r.err, r.want)
		}
	}
	for name, err := range map[string]error{
		"no kind": second3(s.PutState(t.Context(), "", "a", nil, 0)), "no id": second3(s.GetState(t.Context(), "job", "")),
		"NUL": second3(s.PutState(t.Context(), "job", "a\x00b", nil, 0)), "too large": second3(s.PutState(t.Context(), "job", "l", make([]byte, store.MaxStateValue+1), 0)),
	} {
		if breach := (*store.ContractError)(nil); !errors.As(err, &breach) {
			t.Errorf("%s: got %v, want a breach of the contract", name, err)
		}
	}
	if err := s.DeleteState(t.Context(), "job", "a", second); err != nil {
		t.Fatal(err)
	}
	if third := put(t, s, "job", "a", "reborn", 0); third <= second {
		t.Errorf("a record made again has revision %d, had %d before", third, second)
	}
	t.Run("races", func(t *testing.T) { testStateRaces(t, s) })
}

func second3[T any](_ T, err error) error { return err }

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// testStateRaces has many count in one record, and many take one record away.
func testStateRaces(t *testing.T, s store.State) {
	const workers, rounds = 8, 20
	put(t, s, "race", "counter", "", 0)
	token := put(t, s, "race", "token", "", 0)
	var wait sync.WaitGroup
	var taken atomic.Int64
	for range workers {
		wait.Go(func() {
			for range rounds {
				for {
					r, err := s.GetState(t.Context(), "race", "counter")
					if err == nil {
						_, err = s.PutState(t.Context(), "race", "counter", append(r.Value, 'x'), r.Revision)
					}
					if err == nil {
						break
					}
					if !errors.Is(err, store.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
			if s.DeleteState(t.Context(), "race", "token", token) == nil {
				taken.Add(1)
			}
		})
	}
	wait.Wait()
	if r, err := s.GetState(t.Context(), "race", "counter"); err != nil || len(r.Value) != workers*rounds || taken.Load() != 1 {
		t.Errorf("%d counted of %d, %v; taken %d times", len(r.Value), workers*rounds, err, taken.Load())
	}
}

// testStateReopen shows that records survive, and that revisions go on.
func testStateReopen(t *testing.T, open Open) {
	dir := t.TempDir()
	f := wrap(t, open(t, dir))
	s := stateOf(t, f.s)
	last := uint64(0)
	for i := range 5 {
		last = put(t, s, "job", fmt.Sprint(i), "v", 0)
	}
	before := records(t, s, "job")
	for range 2 {
		if err := f.s.Close(); err != nil {
			t.Fatal(err)
		}
		f = wrap(t, open(t, dir))
		s = stateOf(t, f.s)
		if diff := cmp.Diff(before, records(t, s, "job")); diff != "" {
			t.Errorf("reopened (-before +after):\n%s", diff)
		}
		next := put(t, s, "job", "4", "v", last)
		if next <= last {
			t.Errorf("revision %d after %d", next, last)
		}
		last = next
	}
}
