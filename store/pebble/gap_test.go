package pebble

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

func TestGap(t *testing.T) {
	var g gap
	if g.holds("b") || !g.misplaced() {
		t.Error("a gap that is nowhere holds nothing and is misplaced")
	}
	g.place("b", []byte("f"))
	for _, tt := range []struct {
		id   string
		want bool
	}{{"a", false}, {"b", false}, {"b0", true}, {"e", true}, {"f", false}, {"g", false}} {
		if got := g.holds(tt.id); got != tt.want {
			t.Errorf("between b and f: %s: %v", tt.id, got)
		}
	}
	g.take("d")
	if g.holds("c") || g.holds("d") || !g.holds("e") {
		t.Error("behind d only e is left")
	}
	g.place("x", nil)
	if !g.holds("zzz") {
		t.Error("a gap without an end ends")
	}
}

func TestGapIsPlacedLessOftenWhereItDoesNotHelp(t *testing.T) {
	var g gap
	placed := 0
	for range 100_000 {
		if !g.holds("a") && g.misplaced() {
			g.place("b", nil)
			placed++
		}
	}
	if placed < 50 || placed > 120 {
		t.Errorf("placed %d times", placed)
	}
}

// TestGapsAreTrue creates resources under ids of all kinds, in groups of many, some of them twice and some in calls that fail: what the committer believes of an id must be so.
func TestGapsAreTrue(t *testing.T) {
	s, err := Open("", Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var made sync.Map // ids
	var count, refused atomic.Int64
	var writers sync.WaitGroup
	for w := range 16 {
		random := rand.New(rand.NewPCG(3, uint64(w)))
		writers.Go(func() {
			for n := range 400 {
				ids := map[string]bool{}
				for range 1 + random.IntN(3) {
					if id := fmt.Sprintf("a%06d", n*20+random.IntN(60)); random.IntN(5) > 0 { // rather growing
						ids[id] = true
					} else {
						ids[fmt.Sprint(random.IntN(10_000))] = true
					}
				}
				var ops []store.Op
				for id := range ids {
					ops = append(ops, creation(t, id))
				}
				switch _, err := s.Apply(t.Context(), ops); {
				case errors.Is(err, store.ErrConflict):
					refused.Add(1)
				case err != nil:
					t.Error(err)
				default:
					for id := range ids {
						if _, twice := made.LoadOrStore(id, true); twice {
							t.Errorf("%s was made twice", id)
						}
						count.Add(1)
					}
				}
			}
		})
	}
	writers.Wait()
	m, err := s.Metrics()
	if err != nil || m.Resources != uint64(count.Load()) {
		t.Errorf("%d resources instead of %d: %v", m.Resources, count.Load(), err)
	}
	if refused.Load() == 0 || m.LargestGroup < 10 {
		t.Errorf("the test is too tame: %d calls refused, up to %d in a group", refused.Load(), m.LargestGroup)
	}
}

func creation(t *testing.T, id string) store.Op {
	resource, err := fhir.ParseResource([]byte(`{"resourceType":"Basic"}`))
	if err != nil {
		t.Error(err)
	}
	stamped, err := resource.Stamp(id)
	if err != nil {
		t.Error(err)
	}
	return store.Op{Method: store.Create, Key: fhir.Key{Type: "Basic", ID: id}, Resource: stamped}
}
