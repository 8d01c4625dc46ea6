package storetest

import (
	"testing"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// people fills a store with six Patients, of which e is deleted and a was deleted and came back, so that the order of creation is a b c d f.
func (f *fixture) people() {
	f.Helper()
	f.apply(f.write(store.Create, "a", "x", "name\x01Szoe"))
	f.apply(f.write(store.Create, "b", "x", "born\x01l1970\x011971", "city\x01tbonn", "name\x01Sanna", "name\x01Szoe"),
		f.write(store.Create, "c", "x", "born\x01l1980\x011981", "city\x01tbonn", "city\x01tkoeln", "name\x01Sannabel"),
		f.write(store.Create, "d", "x", "city\x01tkoeln", "name\x01Sboris"))
	f.apply(f.write(store.Create, "e", "x", "city\x01tbonn", "name\x01Sanna"), f.write(store.Create, "f", "x", "born\x01l1970\x011980"))
	f.apply(f.write(store.Delete, "e", ""), f.write(store.Delete, "a", ""))
	f.apply(f.write(store.Update, "a", "x", "born\x01l1960\x011961", "city\x01tbonn", "name\x01Szora"))
}

func testPlans(t *testing.T, open New) {
	f := newFixture(t, open)
	f.people()
	bonn, koeln, anna := exact("city\x01tbonn"), exact("city\x01tkoeln"), prefixed("name\x01Sanna")
	for _, c := range []struct {
		name string
		plan search.Plan
		want string
	}{
		{"all", search.All{}, "abcdf"},
		{"one key", bonn, "abc"},
		{"absent key", exact("city\x01tparis"), ""},
		{"key that is the beginning of others", exact("name\x01Sanna"), "b"},
		{"key of an older version", exact("name\x01Szoe"), "b"},
		{"prefix", anna, "bc"},
		{"prefix with two keys of one resource", prefixed("name\x01"), "abcd"},
		{"range", search.Keys{Lo: "name\x01Sannab", Hi: "name\x01Szoe"}, "cd"},
		{"range ending in an inclusive key", search.Keys{Lo: "name\x01Sannab", Hi: "name\x01Szoe\x00"}, "bcd"},
		{"range beginning behind a key", search.Keys{Lo: "name\x01Sanna\x00", Hi: "name\x01Sz"}, "cd"},
		{"empty range", search.Keys{Lo: "name\x01Sz", Hi: "name\x01Sa"}, ""},
		{"range without end", search.Keys{Lo: "name"}, ""},
		{"across indexes", search.Keys{Lo: "born", Hi: "city\x01tbonn\x00"}, "abcf"},
		{"contains", search.Keys{Lo: "name\x01S", Hi: "name\x01T", Contains: []string{"nn"}}, "bc"},
		{"contains two", search.Keys{Lo: "name\x01S", Hi: "name\x01T", Contains: []string{"nn", "bel"}}, "c"},
		{"contains not the index name", search.Keys{Lo: "name\x01S", Hi: "name\x01T", Contains: []string{"name"}}, ""},
		{"tail", search.Keys{Lo: "born\x01l1970", Hi: "born\x01l1979", TailLo: "1970", TailHi: "1975"}, "b"},
		{"tail beginning", search.Keys{Lo: "born\x01l", Hi: "born\x01m", TailLo: "1980", TailHi: "9"}, "cf"},
		{"tail on one exact key", search.Keys{Lo: "born\x01l1970\x011980", Hi: "born\x01l1970\x011980\x00", TailHi: "1975"}, ""},
		{"ids", search.IDs{"d", "b", "b"}, "bd"},
		{"ids absent and deleted", search.IDs{"zzz", "e", "a", ""}, "a"},
		{"no ids", search.IDs{}, ""},
		{"and", search.And{bonn, anna}, "bc"},
		{"and of two keys", search.And{bonn, koeln}, "c"},
		{"and of nothing", search.And{}, "abcdf"},
		{"and of all", search.And{search.All{}, search.All{}}, "abcdf"},
		{"and of ands", search.And{search.And{bonn}, search.And{search.And{anna, search.All{}}}}, "bc"},
		{"or", search.Or{koeln, anna}, "bcd"},
		{"or of nothing", search.Or{}, ""},
		{"or of all", search.Or{koeln, search.All{}}, "abcdf"},
		{"or of ors", search.Or{search.Or{koeln}, search.Or{search.Or{}, search.IDs{"f"}}}, "cdf"},
		{"and of or", search.And{search.Or{bonn, koeln}, search.Or{anna, search.IDs{"d"}}}, "bcd"},
		{"or of ands", search.Or{search.And{bonn, koeln}, search.And{anna, search.IDs{"b"}}}, "bc"},
		{"and with impossible", search.And{bonn, search.Or{}}, ""},
		{"not", search.Not{Of: bonn}, "df"},
		{"not of a range", search.Not{Of: anna}, "adf"},
		{"not of all", search.Not{Of: search.All{}}, ""},
		{"not of nothing", search.Not{Of: search.Or{}}, "abcdf"},
		{"not of not", search.Not{Of: search.Not{Of: bonn}}, "abc"},
		{"not of ids", search.Not{Of: search.IDs{"a", "e", "d"}}, "bcf"},
		{"not of and", search.Not{Of: search.And{bonn, anna}}, "adf"},
		{"and not", search.And{bonn, search.Not{Of: anna}}, "a"},
		{"or not", search.Or{anna, search.Not{Of: prefixed("city")}}, "bcf"},
		{"or not with ids", search.Or{search.IDs{"d"}, search.Not{Of: search.Or{bonn, search.IDs{"f"}}}}, "d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fixture{t, f.s, t.Context()}
			f.finds(&search.Query{Type: "Patient", Plan: c.plan, Count: 10, Total: search.Accurate}, c.want)
		})
	}
	t.Run("type never stored", func(t *testing.T) {
		f := &fixture{t, f.s, t.Context()}
		for _, plan := range []search.Plan{search.All{}, bonn, search.Not{Of: bonn}, search.IDs{"a"}} {
			f.finds(&search.Query{Type: "Device", Plan: plan, Count: 10, Total: search.Accurate}, "")
			f.finds(&search.Query{Type: "Device", Plan: plan, Count: 10, Sort: []search.SortKey{{Prefixes: []string{"x"}}}}, "")
		}
	})
	t.Run("lastUpdated", func(t *testing.T) {
		f := &fixture{t, f.s, t.Context()}
		at := f.read("f", "").LastUpdated
		f.finds(&search.Query{Type: "Patient", Plan: search.And{exact(search.LastUpdatedKey(at)), search.IDs{"f"}}, Count: 10}, "f")
	})
}

// finds runs a query whose matches have ids of one letter.
func (f *fixture) finds(q *search.Query, want string) {
	f.Helper()
	page := f.search(q)
	got := ""
	for _, id := range ids(page.Matches) {
		got += id
	}
	if got != want {
		f.Errorf("got %q, want %q for\n%s", got, want, search.Explain(q.Plan))
	}
	if q.Total == search.Accurate && page.Total != len(want) {
		f.Errorf("total %d, want %d for\n%s", page.Total, len(want), search.Explain(q.Plan))
	}
}

func testChains(t *testing.T, open New) {
	f := newFixture(t, open)
	subject := func(id string) string { return search.ReferencePrefix("subject", "Patient") + id }
	member := func(id string) string { return search.ReferencePrefix("member", "Observation") + id }
	f.apply(f.write(store.Create, "p", "x", "name\x01Sanna"), f.write(store.Create, "q", "x", "name\x01Sboris"), f.write(store.Create, "r", "x", "name\x01Sanna"))
	f.apply(f.observation(store.Create, "a", subject("p"), "code\x01thr"), f.observation(store.Create, "b", subject("q"), "code\x01thr"),
		f.observation(store.Create, "c", subject("r"), "code\x01tbp"), f.observation(store.Create, "d", subject("p"), member("a"), member("b")),
		f.observation(store.Create, "e", subject("nobody"), "code\x01thr", member("c")), f.observation(store.Create, "f", "code\x01thr"),
		f.observation(store.Create, "g", search.ReferencePrefix("subject", "Group")+"p", subject("q")+"/_history/1"))
	f.apply(f.write(store.Delete, "r", ""))
	ref := func(of search.Plan) search.Plan { return search.Ref{Index: "subject", Type: "Patient", Of: of} }
	part := func(of search.Plan) search.Plan { return search.Ref{Index: "member", Type: "Observation", Of: of} }
	has := func(of search.Plan) search.Plan { return search.RevRef{Type: "Observation", Index: "subject", Of: of} }
	anna, hr := exact("name\x01Sanna"), exact("code\x01thr")
	for _, c := range []struct {
		name, typ string
		plan      search.Plan
		want      string
	}{
		{"chain", "Observation", ref(anna), "ad"},
		{"chain to anything that exists", "Observation", ref(search.All{}), "abd"},
		{"chain to nothing", "Observation", ref(search.Or{}), ""},
		{"chain to an id", "Observation", ref(search.IDs{"q", "r"}), "b"},
		{"chain to a type never stored", "Observation", search.Ref{Index: "subject", Type: "Group", Of: search.All{}}, ""},
		{"not a chain", "Observation", search.Not{Of: ref(anna)}, "bcefg"},
		{"chain to what does not", "Observation", ref(search.Not{Of: anna}), "b"},
		{"chain and more", "Observation", search.And{hr, ref(anna)}, "a"},
		{"chain or more", "Observation", search.Or{hr, ref(anna)}, "abdef"},
		{"chain within the type", "Observation", part(hr), "d"},
		{"chain of chains", "Observation", part(ref(exact("name\x01Sboris"))), "d"},
		{"has", "Patient", has(hr), "pq"},
		{"has that is deleted", "Patient", has(exact("code\x01tbp")), ""},
		{"not has", "Patient", search.Not{Of: has(exact("code\x01thr"))}, ""},
		{"has and more", "Patient", search.And{anna, has(search.All{})}, "p"},
		{"has of has", "Patient", has(search.RevRef{Type: "Observation", Index: "member", Of: search.All{}}), "pq"},
		{"has of a chain", "Patient", has(ref(anna)), "p"},
		{"has within the type", "Observation", search.RevRef{Type: "Observation", Index: "member", Of: search.All{}}, "abc"},
		{"has of a type never stored", "Patient", search.RevRef{Type: "Device", Index: "patient", Of: search.All{}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fixture{t, f.s, t.Context()}
			f.finds(&search.Query{Type: c.typ, Plan: c.plan, Count: 10, Total: search.Accurate}, c.want)
			f.pages(&search.Query{Type: c.typ, Plan: c.plan, Count: 1, Sort: by(search.IDPrefix)}, c.want)
		})
	}
	t.Run("as a condition", func(t *testing.T) {
		f := &fixture{t, f.s, t.Context()}
		op := f.observation(store.Create, "n", subject("p"))
		op.IfNoneExist = &search.Query{Type: "Observation", Plan: search.And{hr, ref(anna)}}
		if r := f.apply(op)[0]; !r.Existing || r.Version.Key.ID != "a" {
			t.Errorf("%+v, want a", r)
		}
		op.IfNoneExist = &search.Query{Type: "Observation", Plan: ref(exact("name\x01Szoe"))}
		if r := f.apply(f.write(store.Update, "q", "x", "name\x01Szoe"), op); r[1].Existing {
			t.Errorf("references of a condition lead to what is stored: %+v", r[1])
		}
	})
}
