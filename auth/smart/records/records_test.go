package records_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

type counter struct{ Value int }

func open(t *testing.T) records.Kind[counter] {
	t.Helper()
	s, err := pebble.Open("", pebble.Options{InMemory: true, CacheBytes: 4 << 20, MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.PutState(t.Context(), "other", "x", []byte("{"), 0); err != nil {
		t.Fatal(err)
	}
	return records.NewKind[counter](s, "test")
}

func TestRecords(t *testing.T) {
	k, ctx := open(t), t.Context()
	if _, err := k.Get(ctx, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before it is there: %v", err)
	}
	if _, err := k.Update(ctx, "a", func(*counter) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("update before it is there: %v", err)
	}
	if err := k.Create(ctx, "a", counter{1}); err != nil {
		t.Fatal(err)
	}
	if err := k.Create(ctx, "a", counter{2}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("twice: %v", err)
	}
	failed := errors.New("failed")
	if _, err := k.Update(ctx, "a", func(c *counter) error { c.Value = 9; return failed }); !errors.Is(err, failed) {
		t.Errorf("an error of change: %v", err)
	}
	entry, err := k.Entry(ctx, "a")
	if err != nil || entry.Value.Value != 1 {
		t.Fatalf("%+v %v", entry, err)
	}
	if err := k.Replace(ctx, "a", counter{3}, entry.Revision); err != nil {
		t.Fatal(err)
	}
	if done, err := k.DeleteRevision(ctx, "a", entry.Revision); done || err != nil {
		t.Errorf("an old revision: %v %v", done, err)
	}
	if done, err := k.Delete(ctx, "a"); !done || err != nil {
		t.Errorf("%v %v", done, err)
	}
	if done, err := k.Delete(ctx, "a"); done || err != nil {
		t.Errorf("twice: %v %v", done, err)
	}
	if got, err := k.Upsert(ctx, "b", func(c *counter) error { c.Value++; return nil }); err != nil || got.Value != 1 {
		t.Errorf("%+v %v", got, err)
	}
}

// Changes at once are all made, one after the other, or say that they were not.
func TestUpdateAtOnce(t *testing.T) {
	k, ctx := open(t), t.Context()
	var group sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range 6 {
		group.Go(func() {
			for range 5 {
				_, err := k.Upsert(ctx, "a", func(c *counter) error { c.Value++; return nil })
				mu.Lock()
				if err == nil {
					done++
				} else if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if got, err := k.Get(ctx, "a"); err != nil || got.Value != done || done == 0 {
		t.Errorf("%+v %v after %d changes", got, err, done)
	}
}

func TestSweep(t *testing.T) {
	k, ctx := open(t), t.Context()
	for i := range 600 {
		if err := k.Create(ctx, fmt.Sprintf("%04d", i), counter{i}); err != nil {
			t.Fatal(err)
		}
	}
	if below, err := k.Below(ctx, "012"); err != nil || len(below) != 10 || below[0].ID != "0120" || below[9].ID != "0129" {
		t.Errorf("%v %v", below, err)
	}
	if n, err := k.SweepBefore(ctx, "0300"); n != 300 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n, err := k.Sweep(ctx, func(_ string, c counter) bool { return c.Value%2 == 1 }); n != 150 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	all, err := k.All(ctx)
	if err != nil || len(all) != 150 {
		t.Fatalf("%d %v", len(all), err)
	}
	if diff := cmp.Diff("0300", all[0].ID); diff != "" {
		t.Error(diff)
	}
}
