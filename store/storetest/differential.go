package storetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Cases is how many random cases a differential test runs: the value of FIRTH_DIFFERENTIAL_CASES, or else short.
func Cases(t *testing.T, short int) int {
	t.Helper()
	text := os.Getenv("FIRTH_DIFFERENTIAL_CASES")
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("FIRTH_DIFFERENTIAL_CASES: %v", err)
	}
	return n
}

// Differential compares a store with the reference store of package search on random resources, writes and queries: same ids, same
// order, same totals, all pages to the end. A case is one query on one set of resources. The seeds are seed, seed+1 and so on; a failure
// names its own.
func Differential(t *testing.T, open New, seed uint64, cases int) {
	for done := 0; done < cases; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			d := &differential{fixture: newFixture(t, open), random: random{Rand: rand.New(rand.NewPCG(seed, 0x5ea))}, live: map[fhir.Key]bool{}, current: map[fhir.Key][]string{}}
			done += d.run(min(cases-done, 200))
		})
		if t.Failed() {
			return
		}
	}
}

// differential is a store and its reference in the same state.
type differential struct {
	*fixture
	random
	memory search.Memory
	live   map[fhir.Key]bool // ids used so far, and whether they exist
	keys   []fhir.Key        // the same in order

	current map[fhir.Key][]string // the keys of what exists
	edges   []edge                // the references among it; nil when they are to be read again
}

// run writes and asks in turns until there were that many queries.
func (d *differential) run(cases int) int {
	done := 0
	size := []int{3, 12, 40, 40, 150}[d.IntN(5)]
	for done < cases && !d.Failed() {
		d.write(size)
		for range 10 {
			if done++; done > cases || d.Failed() {
				break
			}
			d.compare(d.query())
		}
	}
	if c, ok := store.Unwrap(d.s).(store.Checker); ok {
		checkStore(d.T, c, -1)
	}
	return done
}

// write applies a random transaction to both.
func (d *differential) write(size int) {
	d.Helper()
	var ops []store.Op
	used := map[fhir.Key]bool{}
	for range 1 + d.IntN(size) {
		op := d.op(size)
		if !used[op.Key] {
			used[op.Key] = true
			ops = append(ops, op)
		}
	}
	d.edges = nil
	for i, r := range d.apply(ops...) {
		key := ops[i].Key
		if _, known := d.live[key]; !known {
			d.keys = append(d.keys, key)
		}
		d.live[key] = ops[i].Method != store.Delete
		if ops[i].Method == store.Delete {
			d.memory.Remove(key.Type, key.ID)
			delete(d.current, key)
		} else {
			stamp := search.LastUpdatedKey(r.Version.LastUpdated)
			d.stamps = append(d.stamps, stamp)
			d.current[key] = append([]string{}, ops[i].Keys...)
			d.memory.Add(key.Type, key.ID, append(slices.Clone(ops[i].Keys), stamp))
		}
	}
}

// op makes a random write: mostly a new or changed resource, sometimes a deletion.
func (d *differential) op(size int) store.Op {
	typ := pick(d.random, "Patient", "Patient", "Observation", "Observation", "Observation", "Observation", "List")
	key := fhir.Key{Type: typ, ID: fmt.Sprintf("%c%d", "aBz"[d.IntN(3)], d.IntN(2*size))}
	op := store.Op{Method: store.Update, Key: key, Keys: d.resourceKeys(typ)}
	if _, known := d.live[key]; !known && d.IntN(2) == 0 {
		op.Method = store.Create
	} else if d.IntN(4) == 0 {
		return store.Op{Method: store.Delete, Key: key}
	}
	op.Resource = stamped(d, key.ID, `{"resourceType":"`+typ+`"}`)
	return op
}

// compare asks both.
func (d *differential) compare(q search.Query) {
	d.Helper()
	want := d.memory.Order(&q)
	if q.Count == 0 {
		if page := d.search(&q); page.Total != len(want) && q.Total != search.NoTotal {
			d.Errorf("total %d, want %d of %s", page.Total, len(want), describe(&q))
		}
		return
	}
	got := []string{}
	for first := true; first || q.Cursor != ""; first = false {
		page := d.search(&q)
		got = append(got, ids(page.Matches)...)
		d.compareIncluded(&q, page)
		if page.Total >= 0 && page.Total != len(want) || first && page.Total < 0 && q.Total == search.Accurate {
			d.Errorf("total %d, want %d of %s", page.Total, len(want), describe(&q))
		}
		if len(got) > len(want) {
			break
		}
		q.Cursor = page.Next
		if d.IntN(4) == 0 {
			q.Count = pick(d.random, 1, 2, 7) // a page may have another size than the one before
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.Errorf("(-reference +store):\n%s%s", diff, describe(&q))
		for _, key := range d.keys {
			if key.Type == q.Type && d.live[key] {
				d.Logf("%s", key)
			}
		}
	}
}

func describe(q *search.Query) string {
	return fmt.Sprintf("%s, count %d, total mode %d, sort %+v\n%s", q.Type, q.Count, q.Total, q.Sort, search.Explain(q.Plan))
}
