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

func testHot(t *testing.T, open New) {
	f := newFixture(t, open)
	subject, code, category, time := hotKeys(t)
	p1, p2 := subject+"Patient/1", subject+"Patient/2"
	hr, bp, other, vital := code+"hr\x01L", code+"bp\x01L", code+"hr\x01M", category+"vital\x01"
	at := func(day string) string { return time + day + "\x01" + day + "z" }
	f.apply(
		f.observation(store.Create, "a", p1, hr, vital, at("05")),
		f.observation(store.Create, "b", p1, hr, vital, at("03")),
		f.observation(store.Create, "c", p1, bp, vital, at("04")),
		f.observation(store.Create, "d", p2, hr, vital, at("02")),
		f.observation(store.Create, "e", p1, hr, other, vital, at("03")),
		f.observation(store.Create, "f", p1, hr),                            // without a time
		f.observation(store.Create, "g", p1, hr, vital, at("01"), at("09")), // with two times
		f.observation(store.Create, "h", p1, p2, hr, at("06")),              // of two patients
		f.observation(store.Create, "i", p1, other, at("07")),               // same code, another system
		f.observation(store.Create, "j", p1, hr, at("08")),                  // deleted below
		f.observation(store.Create, "k", p1, bp, at("10")), f.observation(store.Create, "l", hr, at("03")),
	)
	many := []string{p1, at("02")}
	for i := range 100 {
		many = append(many, fmt.Sprintf("%s%03d\x01", code, i))
	}
	f.apply(f.observation(store.Create, "m", append(many, hr)...), f.observation(store.Delete, "j"),
		f.observation(store.Update, "k", p1, hr, at("04")))

	dates := func(lo, hi string) search.Plan { return search.Keys{Lo: time + lo, Hi: time + hi} }
	hrOfAny := prefixed(code + "hr\x01")
	for _, c := range []struct {
		name           string
		plan           search.Plan
		newest, oldest string
	}{
		{"patient and code", search.And{exact(p1), exact(hr)}, "ghakebmf", "gmbekahf"},
		{"other patient", search.And{exact(p2), exact(hr)}, "hd", "dh"},
		{"code in any system", search.And{exact(p1), hrOfAny}, "gihakebmf", "gmbekahif"},
		{"two codes", search.And{exact(p1), search.Or{exact(hr), exact(bp)}}, "ghakcebmf", "gmbeckahf"},
		{"two codes of one resource", search.And{exact(p1), search.Or{exact(hr), exact(other)}}, "gihakebmf", "gmbekahif"},
		{"category", search.And{exact(p1), exact(vital)}, "gaceb", "gbeca"},
		{"code and category", search.And{exact(vital), exact(hr), exact(p1)}, "gaeb", "gbea"},
		{"from", search.And{exact(p1), exact(hr), dates("04", "99")}, "ghak", "gkah"},
		{"until", search.And{exact(p1), exact(hr), dates("00", "04")}, "gebm", "gmbe"},
		{"between", search.And{exact(p1), exact(hr), dates("03", "05")}, "keb", "bek"},
		{"on a day, with the tail", search.And{exact(p1), exact(hr), search.Keys{Lo: time + "03", Hi: time + "04", TailLo: "03a", TailHi: "03zz"}}, "eb", "be"},
		{"with a tail that fails", search.And{exact(p1), exact(hr), search.Keys{Lo: time + "03", Hi: time + "04", TailLo: "04", TailHi: "05"}}, "", ""},
		{"only a multiple time", search.And{exact(p1), exact(hr), dates("09", "10")}, "g", "g"},
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
	t.Run("many", func(t *testing.T) { testHotMany(t, open) })
}

func sorted(letters string) string {
	b := []byte(letters)
	slices.Sort(b)
	return string(b)
}

// testHotMany pages through enough Observations of a patient that no store would sort them in memory.
func testHotMany(t *testing.T, open New) {
	const n = 12_000
	f := newFixture(t, open)
	subject, code, _, time := hotKeys(t)
	var want []string
	for from := 0; from < n; from += 1000 {
		var ops []store.Op
		for i := from; i < from+1000; i++ {
			day := (i * 7919) % n
			ops = append(ops, f.observation(store.Create, fmt.Sprintf("o%05d", day), subject+"Patient/1", fmt.Sprintf("%s%d\x01L", code, day%2),
				fmt.Sprintf("%s%05d\x01", time, day)))
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
