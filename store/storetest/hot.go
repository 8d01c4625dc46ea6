package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// observation makes an op on an Observation with keys of the shape of search.HotIndexes.
func (f *fixture) observation(method store.Method, id string, keys ...string) store.Op {
	f.Helper()
	op := store.Op{Method: method, Key: fhir.Key{Type: "Observation", ID: id}, Keys: slices.Compact(slices.Sorted(slices.Values(keys)))}
	if method != store.Delete {
		op.Resource = stamped(f, id, `{"resourceType":"Observation"}`)
	}
	return op
}

// hotKeys are the prefixes of subject, code, category and time keys of Observations.
func hotKeys(t testing.TB) (subject, code, category, time string) {
	t.Helper()
	for _, x := range search.HotIndexes("Observation") {
		if len(x.Codes) == 2 {
			return x.Subject, x.Codes[0], x.Codes[1], x.Time
		}
	}
	t.Fatal("Observation has no hot index of code and category")
	return
}

func testHot(t *testing.T, open New, size Sizes) {
	f := newFixture(t, open)
	subject, code, category, time := hotKeys(t)
	p1, p2 := subject+"Patient/1", subject+"Patient/2"
	hr, bp, other, vital := code+"hr\x01L", code+"bp\x01L", code+"hr\x01M", category+"vital\x01"
	high := time[:len(time)-1] + "h"
	day := func(day string) string { return "202403" + day + "000000000000" }
	span := func(from, to string) []string {
		return []string{time + day(from) + "\x01" + day(to), high + day(to) + "\x01" + day(from)}
	}
	at := func(from string) []string { return span(from, fmt.Sprintf("%02d", (from[0]-'0')*10+from[1]-'0'+1)) }
	with := func(times []string, keys ...string) []string { return append(keys, times...) }
	f.apply(
		f.observation(store.Create, "a", with(at("05"), p1, hr, vital)...),
		f.observation(store.Create, "b", with(at("03"), p1, hr, vital)...),
		f.observation(store.Create, "c", with(at("04"), p1, bp, vital)...),
		f.observation(store.Create, "d", with(at("02"), p2, hr, vital)...),
		f.observation(store.Create, "e", with(at("03"), p1, hr, other, vital)...),
		f.observation(store.Create, "f", p1, hr),                                                // without a time
		f.observation(store.Create, "g", with(append(at("01"), at("09")...), p1, hr, vital)...), // with two times
		f.observation(store.Create, "h", with(at("06"), p1, hr)...),
		f.observation(store.Create, "i", with(at("07"), p1, other)...), // same code, another system
		f.observation(store.Create, "j", with(at("08"), p1, hr)...),    // deleted below
		f.observation(store.Create, "k", with(at("10"), p1, bp)...), f.observation(store.Create, "l", with(at("03"), hr)...),
	)
	many := with(at("02"), p1, hr)
	for i := range 100 {
		many = append(many, fmt.Sprintf("%s%03d\x01", code, i))
	}
	f.apply(f.observation(store.Create, "m", many...), f.observation(store.Delete, "j"),
		f.observation(store.Update, "k", with(at("04"), p1, hr)...), f.observation(store.Create, "n", with(span("01", "20"), p2, bp)...),
		f.observation(store.Create, "o", with(at("15"), p2, bp)...), f.observation(store.Create, "p", with(at("25"), p2, bp)...))

	dates := func(lo, hi string) search.Plan { return search.Keys{Lo: time + day(lo), Hi: time + day(hi)} }
	ends := func(lo, hi string) search.Plan { return search.Keys{Lo: high + day(lo) + "\x02", Hi: high + day(hi)} }
	hrOfAny := prefixed(code + "hr\x01")
	for _, c := range []struct {
		name           string
		plan           search.Plan
		newest, oldest string
	}{
		{"patient and code", search.And{exact(p1), exact(hr)}, "ghakebmf", "gmbekahf"},
		{"other patient", search.And{exact(p2), exact(hr)}, "d", "d"},
		{"code in any system", search.And{exact(p1), hrOfAny}, "gihakebmf", "gmbekahif"},
		{"two codes", search.And{exact(p1), search.Or{exact(hr), exact(bp)}}, "ghakcebmf", "gmbeckahf"},
		{"two codes of one resource", search.And{exact(p1), search.Or{exact(hr), exact(other)}}, "gihakebmf", "gmbekahif"},
		{"category", search.And{exact(p1), exact(vital)}, "gaceb", "gbeca"},
		{"code and category", search.And{exact(vital), exact(hr), exact(p1)}, "gaeb", "gbea"},
		{"from", search.And{exact(p1), exact(hr), dates("04", "99")}, "ghak", "gkah"},
		{"until", search.And{exact(p1), exact(hr), dates("00", "04")}, "gebm", "gmbe"},
		{"between", search.And{exact(p1), exact(hr), dates("03", "05")}, "keb", "bek"},
		{"on a day, with the tail", search.And{exact(p1), exact(hr), search.Keys{Lo: time + day("03"), Hi: time + day("04"), TailHi: day("04") + "\x00"}}, "eb", "be"},
		{"with a tail that fails", search.And{exact(p1), exact(hr), search.Keys{Lo: time + day("03"), Hi: time + day("04"), TailHi: day("04")}}, "", ""},
		{"only a multiple time", search.And{exact(p1), exact(hr), dates("09", "10")}, "g", "g"},
		{"from, by the high end", search.And{exact(p1), exact(hr), search.Or{dates("04", "99"), ends("04", "99")}}, "ghak", "gkah"},
		{"ended later", search.And{exact(p1), exact(hr), ends("04", "99")}, "ghak", "gkah"},
		{"a long time that reaches into the range", search.And{exact(p2), exact(bp), ends("10", "99")}, "pon", "nop"},
		{"a long time that ends in the range", search.And{exact(p2), exact(bp), ends("18", "24")}, "n", "n"},
		{"not in a range", search.And{exact(p1), exact(hr), search.Not{Of: dates("03", "06")}}, "ghmf", "gmhf"},
		{"not in a range and from", search.And{exact(p1), exact(hr), search.Not{Of: dates("03", "06")}, dates("02", "99")}, "ghm", "gmh"},
		{"not that one", search.And{exact(p1), exact(hr), search.Not{Of: exact(other)}}, "ghakbmf", "gmbkahf"},
		{"with an id", search.And{exact(p1), exact(hr), search.IDs{"a", "c", "f"}}, "af", "af"},
		{"with code of many", search.And{exact(p1), exact(code + "050\x01")}, "m", "m"},
		{"nobody", search.And{exact(subject + "Patient/3"), exact(hr)}, "", ""},
		{"patient that begins alike", search.And{exact(subject + "Patient/"), exact(hr)}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fixture{t, f.s, t.Context()}
			for _, q := range []struct {
				sort []search.SortKey
				want string
			}{{by("-" + time), c.newest}, {by(time), c.oldest}, {nil, sorted(c.newest)}} {
				f.finds(&search.Query{Type: "Observation", Plan: c.plan, Sort: q.sort, Count: 20, Total: search.Accurate}, q.want)
				for count := range 3 {
					f.pages(&search.Query{Type: "Observation", Plan: c.plan, Sort: q.sort, Count: count + 1}, q.want)
				}
			}
		})
	}
	t.Run("many", func(t *testing.T) { testHotMany(t, open, size.Hot) })
}

func sorted(letters string) string {
	b := []byte(letters)
	slices.Sort(b)
	return string(b)
}

// testHotMany pages through enough Observations of a patient that no store would sort them in memory.
func testHotMany(t *testing.T, open New, n int) {
	f := newFixture(t, open)
	subject, code, _, time := hotKeys(t)
	var want []string
	for from := 0; from < n; from += 1000 {
		var ops []store.Op
		for i := from; i < min(n, from+1000); i++ {
			day := (i * 7919) % n
			ops = append(ops, f.observation(store.Create, fmt.Sprintf("o%05d", day), subject+"Patient/1", fmt.Sprintf("%s%d\x01L", code, day%2),
				fmt.Sprintf("%s202401010000%08d\x01202401010000%08d", time, day, day)))
		}
		f.apply(ops...)
	}
	for i := n - 1; i >= 0; i -= 2 {
		want = append(want, fmt.Sprintf("o%05d", i))
	}
	q := search.Query{Type: "Observation", Plan: search.And{exact(subject + "Patient/1"), exact(code + "1\x01L")}, Sort: by("-" + time), Count: 997}
	if diff := cmp.Diff(want, f.walk(q)); diff != "" {
		t.Errorf("newest first (-want +got):\n%s", diff)
	}
	q.Total = search.Accurate
	if total := f.search(&q).Total; total != n/2 {
		t.Errorf("total %d", total)
	}
}
