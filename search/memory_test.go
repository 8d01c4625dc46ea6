package search

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMatch(t *testing.T) {
	keys := []string{"a\x01t1\x01s", "a\x01t2\x01", "b\x01l1\x013", "b\x01l5\x019"}
	for _, test := range []struct {
		name string
		plan Plan
		want bool
	}{
		{"all", All{}, true},
		{"exact", exactly("a\x01t1\x01s"), true},
		{"exact, not there", exactly("a\x01t1\x01"), false},
		{"prefix", withPrefix("a\x01t1\x01"), true},
		{"prefix, not there", withPrefix("a\x01t3"), false},
		{"range", Keys{Lo: "b\x01l2", Hi: "b\x01l6"}, true},
		{"range excludes its end", Keys{Lo: "b\x01l2", Hi: "b\x01l5"}, false},
		{"tail", Keys{Lo: "b\x01l", Hi: "b\x01m", TailLo: "3", TailHi: "4"}, true},
		{"tail of another key", Keys{Lo: "b\x01l4", Hi: "b\x01m", TailLo: "3", TailHi: "4"}, false},
		{"tail without low end", Keys{Lo: "b\x01l", Hi: "b\x01m", TailHi: "4"}, true},
		{"contains", Keys{Lo: "a\x01", Hi: "a\x02", Contains: []string{"\x01s"}}, true},
		{"contains, not of one key", Keys{Lo: "a\x01", Hi: "a\x02", Contains: []string{"t2", "s"}}, false},
		{"contains does not see the index", Keys{Lo: "a\x01", Hi: "a\x02", Contains: []string{"a"}}, false},
		{"and", And{exactly("a\x01t2\x01"), withPrefix("b")}, true},
		{"and fails", And{exactly("a\x01t2\x01"), withPrefix("c")}, false},
		{"empty and", And{}, true},
		{"or", Or{withPrefix("c"), withPrefix("b")}, true},
		{"empty or", Or{}, false},
		{"not", Not{withPrefix("c")}, true},
		{"ids", IDs{"x", "id"}, true},
		{"other ids", IDs{"x"}, false},
		{"a reference without resolver", Ref{Index: "r", Type: "T", Of: All{}}, false},
		{"a reverse reference without resolver", RevRef{Index: "r", Type: "T", Of: All{}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Match(test.plan, "id", keys, nil); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestMemory(t *testing.T) {
	var m Memory
	m.Add("Patient", "p1", []string{"name\x01Seve\x01Eve"})
	m.Add("Patient", "p2", []string{"name\x01Sadam\x01Adam"})
	m.Add("Observation", "o1", []string{"subject\x01rPatient/p1", "code\x01ta\x01"})
	m.Add("Observation", "o2", []string{"subject\x01rPatient/p2", "subject\x01rPatient/p10"})
	m.Add("Observation", "o3", []string{"subject\x01rGroup/p1"})
	m.Add("Observation", "o4", nil)
	eve := withPrefix("name\x01Seve")
	find := func(typ string, plan Plan, sort ...SortKey) []string {
		return m.Order(&Query{Type: typ, Plan: plan, Sort: sort, Count: 10})
	}
	for _, test := range []struct {
		name string
		got  []string
		want []string
	}{
		{"all", find("Observation", All{}), []string{"o1", "o2", "o3", "o4"}},
		{"no such type", find("Device", All{}), []string{}},
		{"chain", find("Observation", Ref{"subject", "Patient", eve}), []string{"o1"}},
		{"chain to anything", find("Observation", Ref{"subject", "Patient", All{}}), []string{"o1", "o2"}},
		{"chain to another type", find("Observation", Ref{"subject", "Device", All{}}), []string{}},
		{"reverse chain", find("Patient", RevRef{"Observation", "subject", withPrefix("code\x01ta")}), []string{"p1"}},
		{"reverse chain, not", find("Patient", Not{RevRef{"Observation", "subject", All{}}}), []string{}},
		{"reverse chain from nothing", find("Patient", RevRef{"Device", "subject", All{}}), []string{}},
		{"both ways", find("Observation", Ref{"subject", "Patient", RevRef{"Observation", "subject", withPrefix("code")}}), []string{"o1"}},
		{"sorted", find("Patient", All{}, SortKey{Prefixes: []string{"name\x01S"}}), []string{"p2", "p1"}},
		{"descending id", find("Observation", All{}, SortKey{Prefixes: []string{IDPrefix}, Descending: true}), []string{"o4", "o3", "o2", "o1"}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	m.Remove("Patient", "p1")
	m.Remove("Patient", "nobody")
	m.Remove("Observation", "o2")
	if got := find("Observation", Ref{"subject", "Patient", All{}}); len(got) != 0 {
		t.Errorf("a chain leads to deleted resources: %v", got)
	}
	m.Add("Observation", "o2", []string{"code\x01tb\x01"})
	ids, total := m.Search(&Query{Type: "Observation", Plan: All{}, Count: 2})
	if diff := cmp.Diff([]string{"o1", "o2"}, ids); diff != "" || total != 4 {
		t.Errorf("a resource that came back has lost its place, total %d:\n%s", total, diff)
	}
	if ids, total := m.Search(&Query{Type: "Observation", Plan: All{}}); len(ids) != 0 || total != 4 {
		t.Errorf("count 0 gives %v, total %d", ids, total)
	}
}

func TestSortKeyValue(t *testing.T) {
	keys := []string{"a\x01n2", "a\x01n3", "b\x01n1", "b\x01n9"}
	both := []string{"a\x01n", "b\x01n"}
	for _, test := range []struct {
		key  SortKey
		want string
		ok   bool
	}{
		{SortKey{Prefixes: both[:1]}, "2", true},
		{SortKey{Prefixes: both[:1], Descending: true}, "3", true},
		{SortKey{Prefixes: both}, "1", true},
		{SortKey{Prefixes: both, Descending: true}, "9", true},
		{SortKey{Prefixes: []string{"c\x01"}}, "", false},
		{SortKey{Prefixes: []string{IDPrefix}}, "id", true},
	} {
		if got, ok := test.key.Value("id", keys); got != test.want || ok != test.ok {
			t.Errorf("%v: %q %v, want %q %v", test.key, got, ok, test.want, test.ok)
		}
	}
}

func TestLastUpdatedKey(t *testing.T) {
	zone := time.FixedZone("", 7200)
	for _, test := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2015, 2, 7, 13, 28, 17, 239_999_999, zone), "_lastUpdated\x01l20150207112817239999"},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "_lastUpdated\x01l99999999999999999999"},
		{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), "_lastUpdated\x01l00000000000000000000"},
	} {
		if got := LastUpdatedKey(test.at); got != test.want {
			t.Errorf("%v: %q, want %q", test.at, got, test.want)
		}
	}
}

func TestExplain(t *testing.T) {
	plan := And{
		Or{exactly("a\x01t1"), withPrefix("a\x01t2"), Or{}},
		Not{Keys{Lo: "b\x01l1", Hi: "b\x01l3", Contains: []string{"\x01u"}, TailLo: "3", TailHi: "4"}},
		Ref{"subject", "Patient", IDs{"1", "2"}},
		RevRef{"Observation", "subject", All{}},
	}
	want := `and
  or
    key a␁t1
    keys a␁t2…
    nothing
  not
    keys [b␁l1, b␁l3) containing "␁u" with tail in [3, 4)
  refers under subject to Patient
    ids 1 2
  referred to under subject by Observation
    all
`
	if diff := cmp.Diff(want, Explain(plan)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
