package storetest

import (
	"testing"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// by makes sort keys of prefixes; a leading minus means descending.
func by(prefixes ...string) []search.SortKey {
	var keys []search.SortKey
	for _, p := range prefixes {
		key := search.SortKey{Param: "p"}
		if p[0] == '-' {
			key.Descending, p = true, p[1:]
		}
		key.Prefixes = []string{p}
		keys = append(keys, key)
	}
	return keys
}

func testSort(t *testing.T, open New) {
	f := newFixture(t, open)
	// Order of creation a to g; c has two names, e none, b and f the same; d is gone.
	f.apply(f.write(store.Create, "a", "x", "n\x01t5", "z\x01t1"), f.write(store.Create, "b", "x", "n\x01t3", "z\x01t2"),
		f.write(store.Create, "c", "x", "n\x01t1", "n\x01t9", "z\x01t1"), f.write(store.Create, "d", "x", "n\x01t0"),
		f.write(store.Create, "e", "x", "m\x01t4"), f.write(store.Create, "f", "x", "n\x01t3", "z\x01t1"),
		f.write(store.Create, "g", "x", "n\x01t33", "z\x01t3"))
	f.apply(f.write(store.Delete, "d", ""))
	for _, c := range []struct {
		name string
		sort []search.SortKey
		plan search.Plan
		want string
	}{
		{"creation", nil, search.All{}, "abcefg"},
		{"ascending", by("n\x01t"), search.All{}, "cbfgae"},
		{"descending", by("-n\x01t"), search.All{}, "cagfbe"},
		{"unknown index", by("q\x01t"), search.All{}, "abcefg"},
		{"unknown index descending", by("-q\x01t"), search.All{}, "gfecba"},
		{"several missing", by("m\x01t"), search.All{}, "eabcfg"},
		{"several missing descending", by("-m\x01t"), search.All{}, "egfcba"},
		{"two keys", by("n\x01t", "z\x01t"), search.All{}, "cfbgae"},
		{"two keys, second descending", by("n\x01t", "-z\x01t"), search.All{}, "cbfgae"},
		{"two keys, first descending", by("-n\x01t", "z\x01t"), search.All{}, "cagfbe"},
		{"many ties", by("z\x01t", "n\x01t"), search.All{}, "cfabge"},
		{"many ties descending", by("-z\x01t"), search.All{}, "gbfcae"},
		{"three keys", by("z\x01t", "m\x01t", "-n\x01t"), search.All{}, "cafbge"},
		{"id", by(search.IDPrefix), search.All{}, "abcefg"},
		{"id descending", by("-" + search.IDPrefix), search.All{}, "gfecba"},
		{"value then id descending", by("z\x01t", "-"+search.IDPrefix), search.All{}, "fcabge"},
		{"two prefixes", []search.SortKey{{Prefixes: []string{"n\x01t", "m\x01t"}}}, search.All{}, "cbfgea"},
		{"two prefixes descending", []search.SortKey{{Prefixes: []string{"m\x01t", "n\x01t"}, Descending: true}}, search.All{}, "caegfb"},
		{"filtered", by("-n\x01t"), exact("z\x01t1"), "caf"},
		{"filtered, missing", by("m\x01t"), search.Not{Of: exact("z\x01t1")}, "ebg"},
		{"nothing", by("n\x01t"), exact("z\x01t8"), ""},
		{"by ids", by("-n\x01t"), search.IDs{"a", "b", "e"}, "abe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fixture{t, f.s, t.Context()}
			f.finds(&search.Query{Type: "Patient", Plan: c.plan, Sort: c.sort, Count: 10, Total: search.Accurate}, c.want)
			for count := range 4 {
				f.pages(&search.Query{Type: "Patient", Plan: c.plan, Sort: c.sort, Count: count + 1}, c.want)
			}
		})
	}
}

// pages reads all pages of a query whose matches have ids of one letter.
func (f *fixture) pages(q *search.Query, want string) {
	f.Helper()
	got := ""
	for {
		page := f.search(q)
		for _, id := range ids(page.Matches) {
			got += id
		}
		if page.Next == "" {
			break
		}
		next := *q
		next.Cursor = page.Next
		q = &next
	}
	if got != want {
		f.Errorf("pages of %d: got %q, want %q", q.Count, got, want)
	}
}
