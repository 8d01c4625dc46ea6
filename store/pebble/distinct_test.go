package pebble_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// TestDistinctKeys compares with the keys of what is stored.
func TestDistinctKeys(t *testing.T) {
	s, registry, rnd := openMemory(t), newRegistry(t), rand.New(rand.NewPCG(7, 8))
	now := map[string][]string{}
	for i := range 300 {
		id := fmt.Sprint(rnd.IntN(80))
		op := observationOp(t, registry, store.Update, id, randomObservation(rnd))
		if i%7 == 0 {
			op = store.Op{Method: store.Delete, Key: op.Key}
		}
		if _, err := s.Apply(context.Background(), []store.Op{op}); err != nil {
			t.Fatal(err)
		}
		now[id] = op.Keys
	}
	var all []string
	for _, keys := range now {
		all = append(all, keys...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	for _, within := range []search.Keys{{Lo: "code\x01", Hi: "code\x02"}, {Lo: "a", Hi: "z"}, {Lo: "a", Hi: "z", Contains: []string{"c1"}}, {Lo: "z", Hi: "a"}, {Lo: all[3], Hi: all[9]}} {
		var want []string
		for _, key := range all {
			if within.Accepts(key) {
				want = append(want, key)
			}
		}
		for _, limit := range []int{1, 3, 10_000} {
			got, err := s.(store.KeyLister).DistinctKeys(context.Background(), "Observation", within, limit)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want[:min(limit, len(want))], got); d != "" && len(want)+len(got) > 0 {
				t.Errorf("%q to %q, %d: %s", within.Lo, within.Hi, limit, d)
			}
		}
	}
	if got, err := s.(store.KeyLister).DistinctKeys(context.Background(), "Patient", search.Keys{Lo: "a", Hi: "z"}, 9); len(got) > 0 || err != nil {
		t.Error(got, err)
	}
}
