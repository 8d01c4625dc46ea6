package storetest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// crowd creates n Patients p0000… with keys of known density: m␁t with number modulo 2, 10 and 100, and s␁t with a scattered value that every
// seventh lacks.
func (f *fixture) crowd(n int) {
	f.Helper()
	for from := 0; from < n; from += 500 {
		var ops []store.Op
		for i := from; i < min(n, from+500); i++ {
			keys := []string{fmt.Sprintf("m\x01t10-%d", i%10), fmt.Sprintf("m\x01t100-%d", i%100), fmt.Sprintf("m\x01t2-%d", i%2)}
			if i%7 != 0 {
				keys = append(keys, fmt.Sprintf("s\x01t%04d", i*7919%n))
			}
			slices.Sort(keys)
			ops = append(ops, f.write(store.Create, fmt.Sprintf("p%04d", i), "x", keys...))
		}
		f.apply(ops...)
	}
}

// walk reads all pages and returns the ids in order.
func (f *fixture) walk(q search.Query) []string {
	f.Helper()
	var all []string
	for pages := 0; ; pages++ {
		page := f.search(&q)
		all = append(all, ids(page.Matches)...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return all
		}
		if pages > 5000 {
			f.Fatal("pages without end")
		}
	}
}

func testPaging(t *testing.T, open New, size Sizes) {
	n := size.Crowd
	f := newFixture(t, open)
	f.crowd(n)
	plans := map[string]search.Plan{"all": search.All{}, "half": exact("m\x01t2-1"), "few": exact("m\x01t100-7"),
		"range": prefixed("m\x01t10-"), "wide": search.And{prefixed("s\x01t"), exact("m\x01t2-0")}, "not": search.Not{Of: prefixed("s\x01t1")}}
	sorts := map[string][]search.SortKey{"created": nil, "up": by("s\x01t"), "down": by("-s\x01t"), "ties": by("m\x01t2", "-s\x01t"),
		"id": by("-" + search.IDPrefix)}
	for planName, plan := range plans {
		for sortName, sort := range sorts {
			t.Run(planName+" "+sortName, func(t *testing.T) {
				f := &fixture{t, f.s, t.Context()}
				whole := f.walk(search.Query{Type: "Patient", Plan: plan, Sort: sort, Count: n})
				for _, count := range []int{67, 1000} {
					got := f.walk(search.Query{Type: "Patient", Plan: plan, Sort: sort, Count: count})
					if diff := cmp.Diff(whole, got); diff != "" {
						t.Fatalf("pages of %d (-one page +pages):\n%s", count, diff)
					}
				}
				slices.Sort(whole)
				if len(slices.Compact(whole)) != f.search(&search.Query{Type: "Patient", Plan: plan}).Total {
					t.Error("not every match exactly once")
				}
			})
		}
	}
	t.Run("unchanged resources come once under writes", func(t *testing.T) { testPagingUnderWrites(t, open) })
	t.Run("cursors", func(t *testing.T) { testCursors(&fixture{t, f.s, t.Context()}) })
}

func testPagingUnderWrites(t *testing.T, open New) {
	f := newFixture(t, open)
	f.crowd(300)
	for _, sort := range [][]search.SortKey{nil, by("s\x01t"), by("-s\x01t")} {
		q := search.Query{Type: "Patient", Plan: search.All{}, Sort: sort, Count: 20}
		seen := map[string]int{}
		for i := 0; ; i++ {
			page := f.search(&q)
			for _, id := range ids(page.Matches) {
				seen[id]++
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
			f.apply(f.write(store.Update, fmt.Sprintf("p%04d", i*10), "y", fmt.Sprintf("s\x01t%04d", i)),
				f.write(store.Delete, fmt.Sprintf("p%04d", i*10+1), ""))
		}
		for i := range 300 {
			if id := fmt.Sprintf("p%04d", i); i%10 > 1 && seen[id] != 1 {
				t.Errorf("sort %v: %s came %d times", sort, id, seen[id])
			}
		}
	}
}

func testCursors(f *fixture) {
	q := search.Query{Type: "Patient", Plan: exact("m\x01t2-0"), Sort: by("s\x01t"), Count: 10}
	next := f.search(&q).Next
	if next == "" {
		f.Fatal("no second page")
	}
	with := func(change func(*search.Query)) *search.Query {
		other := q
		other.Cursor = next
		change(&other)
		return &other
	}
	for name, ok := range map[string]*search.Query{
		"another page size": with(func(q *search.Query) { q.Count = 3 }),
		"another total":     with(func(q *search.Query) { q.Total = search.Accurate }),
	} {
		if _, err := f.s.Search(f.ctx, ok); err != nil {
			f.Errorf("%s: %v", name, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(next)
	if err != nil {
		f.Errorf("a cursor is not base64url: %v", err)
	}
	raw[len(raw)/2] ^= 1
	for name, bad := range map[string]*search.Query{
		"another type":       with(func(q *search.Query) { q.Type = "Device" }),
		"another plan":       with(func(q *search.Query) { q.Plan = exact("m\x01t2-1") }),
		"a narrower plan":    with(func(q *search.Query) { q.Plan = search.And{q.Plan, exact("m\x01t10-0")} }),
		"another order":      with(func(q *search.Query) { q.Sort = nil }),
		"another direction":  with(func(q *search.Query) { q.Sort = by("-s\x01t") }),
		"a flipped bit":      with(func(q *search.Query) { q.Cursor = base64.RawURLEncoding.EncodeToString(raw) }),
		"a shortened cursor": with(func(q *search.Query) { q.Cursor = next[:len(next)/2] }),
		"not base64":         with(func(q *search.Query) { q.Cursor = "%%%" }),
		"an invented cursor": with(func(q *search.Query) { q.Cursor = "AAAAAAAAAAAAAAAAAAAAAAAA" }),
	} {
		if page, err := f.s.Search(f.ctx, bad); !errors.Is(err, store.ErrBadCursor) || page != nil {
			f.Errorf("%s: %v, %v", name, page, err)
		}
	}
}

func testTotal(t *testing.T, open New, size Sizes) {
	n := size.Crowd
	f := newFixture(t, open)
	f.crowd(n)
	for _, c := range []struct {
		name string
		plan search.Plan
		want int
	}{
		{"all", search.All{}, n}, {"half", exact("m\x01t2-1"), n / 2}, {"few", exact("m\x01t100-7"), n / 100},
		{"not", search.Not{Of: exact("m\x01t10-3")}, n - n/10}, {"and", search.And{exact("m\x01t2-1"), exact("m\x01t10-3")}, n / 10},
		{"range", prefixed("m\x01t100-1"), n / 100 * 11}, {"nothing", search.Or{}, 0}, {"one", search.IDs{"p0001"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fixture{t, f.s, t.Context()}
			for _, count := range []int{0, 10, n} {
				for _, sort := range [][]search.SortKey{nil, by("-s\x01t")} {
					q := search.Query{Type: "Patient", Plan: c.plan, Sort: sort, Count: count}
					for want, total := range map[int]search.Total{c.want: search.Accurate, -1: search.NoTotal} {
						q.Total = total
						if got := f.search(&q); got.Total != want {
							t.Errorf("count %d, total mode %d: %d, want %d", count, total, got.Total, want)
						}
					}
					q.Total = search.Bounded
					got := f.search(&q)
					if got.Total != c.want && (got.Total != -1 || count == 0) {
						t.Errorf("count %d, bounded: %d, want %d", count, got.Total, c.want)
					}
					if count == 0 && (len(got.Matches) > 0 || got.Next != "") {
						t.Errorf("a page of none has %d matches and next %q", len(got.Matches), got.Next)
					}
				}
			}
		})
	}
}
