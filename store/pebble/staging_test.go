package pebble

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	engine "github.com/cockroachdb/pebble/v2"
	gocmp "github.com/google/go-cmp/cmp"
)

// staged is what a batch holds of one key.
type staged struct{ key, value string }

func (s staged) put(to *staging) {
	if s.value == "removed" {
		_ = append(to.unset(len(s.key)), s.key...)
		return
	}
	key, value := to.set(len(s.key), len(s.value))
	_, _ = append(key, s.key...), append(value, s.value...)
}

// moved puts the writes of a staging into a batch and reads that.
func moved(t *testing.T, s *staging) []staged {
	t.Helper()
	var b engine.Batch
	s.into(&b)
	var all []staged
	for r := b.Reader(); ; {
		kind, key, value, ok, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all
		}
		if kind == engine.InternalKeyKindDelete {
			value = []byte("removed")
		}
		all = append(all, staged{string(key), string(value)})
	}
}

func TestStagingOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		runs [][]staged
		want []staged
	}{
		{name: "nothing"},
		{"one change out of order", [][]staged{{{"P2", "b"}, {"C1", "a"}}}, []staged{{"C1", "a"}, {"P2", "b"}}},
		{"changes interleave", [][]staged{{{"C1", "a"}, {"P1", ""}}, {{"C2", "b"}, {"P0", ""}}, {{"B", "c"}}},
			[]staged{{"B", "c"}, {"C1", "a"}, {"C2", "b"}, {"P0", ""}, {"P1", ""}}},
		{"the last write of a key stays the last", [][]staged{{{"C1", "1"}}, {{"C1", "2"}, {"A", ""}}, {{"C1", "removed"}}, {{"C1", "4"}}},
			[]staged{{"A", ""}, {"C1", "1"}, {"C1", "2"}, {"C1", "removed"}, {"C1", "4"}}},
		{"keys alike in their first bytes", [][]staged{{{"12345678b", ""}, {"12345678", ""}}, {{"12345678a", ""}, {"1234567", ""}, {"1234567\x00", ""}}},
			[]staged{{"1234567", ""}, {"1234567\x00", ""}, {"12345678", ""}, {"12345678a", ""}, {"12345678b", ""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s staging
			for range 2 { // the second time with used buffers
				for _, run := range tt.runs {
					for _, w := range run {
						w.put(&s)
					}
					s.endRun()
				}
				if diff := gocmp.Diff(tt.want, moved(t, &s), gocmp.AllowUnexported(staged{})); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestStagingAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var s staging
	for range 300 {
		var all []staged
		for range random.IntN(40) {
			for range random.IntN(30) {
				key := strings.Repeat("k", random.IntN(12)) + fmt.Sprint(random.IntN(20))
				w := staged{key, fmt.Sprint(len(all))}
				if random.IntN(4) == 0 {
					w.value = "removed"
				}
				w.put(&s)
				all = append(all, w)
			}
			s.endRun()
		}
		slices.SortStableFunc(all, func(a, b staged) int { return cmp.Compare(a.key, b.key) })
		if diff := gocmp.Diff(all, moved(t, &s), gocmp.AllowUnexported(staged{})); diff != "" {
			t.Fatal(diff)
		}
	}
}
