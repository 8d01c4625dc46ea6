package store

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		limit, all := r.IntN(8), make([]int, r.IntN(30))
		b := NewBest(limit, func(a, b *int) int { return cmp.Compare(*a, *b) })
		for i := range all {
			all[i] = r.IntN(20)
			if b.Wants(&all[i]) {
				b.Add(all[i])
			}
			if b.Full() != (i+1 >= limit) {
				t.Fatalf("%d of %d: full is %v", i+1, limit, b.Full())
			}
		}
		slices.Sort(all)
		if got, want := b.Sorted(), all[:min(limit, len(all))]; !slices.Equal(got, want) {
			t.Fatalf("%d: %v, want %v", limit, got, want)
		}
		if again := b.Sorted(); len(again) != 0 {
			t.Fatal(again)
		}
	}
}
