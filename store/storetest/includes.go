package storetest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

func testIncludes(t *testing.T, open New, size Sizes) {
	f := newFixture(t, open)
	subject := func(id string) string { return search.ReferencePrefix("subject", "Patient") + id }
	member := func(id string) string { return search.ReferencePrefix("member", "Observation") + id }
	group := search.ReferencePrefix("subject", "Group") + "g"
	practice := search.ReferencePrefix("practice", "Group") + "g"
	f.apply(f.write(store.Create, "p", "x", practice), f.write(store.Create, "q", "x"), f.write(store.Create, "r", "x"),
		store.Op{Method: store.Create, Key: fhir.Key{Type: "Group", ID: "g"}, Resource: stamped(t, "g", `{"resourceType":"Group"}`)})
	f.apply(f.observation(store.Create, "a", subject("p"), "code\x01thr"), f.observation(store.Create, "b", subject("p"), "code\x01thr"),
		f.observation(store.Create, "c", group, "code\x01tbp", member("a"), member("d")), f.observation(store.Create, "d", subject("q"), subject("q")+"/_history/1", member("e")),
		f.observation(store.Create, "e", subject("r"), member("d")), f.observation(store.Create, "f", subject("nobody"), "subject\x01rhttp://elsewhere/Patient/p"))
	f.apply(f.write(store.Delete, "r", ""))
	include := func(typ, index, target string, iterate bool) search.Include {
		return search.Include{Type: typ, Index: index, Target: target, Iterate: iterate}
	}
	type list = []search.Include
	for _, c := range []struct {
		name, typ    string
		plan         search.Plan
		include, rev list
		want         []string
	}{
		{"one target of two matches", "Observation", exact("code\x01thr"), list{include("Observation", "subject", "", false)}, nil, []string{"Patient/p"}},
		{"any type", "Observation", search.All{}, list{include("Observation", "subject", "", false)}, nil, []string{"Patient/p", "Group/g", "Patient/q"}},
		{"one type", "Observation", search.All{}, list{include("Observation", "subject", "Group", false)}, nil, []string{"Group/g"}},
		{"matches are not included", "Observation", search.All{}, list{include("Observation", "member", "", false)}, nil, nil},
		{"within the type", "Observation", search.IDs{"c"}, list{include("Observation", "member", "", false)}, nil, []string{"Observation/a", "Observation/d"}},
		{"in circles", "Observation", search.IDs{"c"}, list{include("Observation", "member", "", true)}, nil, []string{"Observation/a", "Observation/d", "Observation/e"}},
		{"not iterated", "Observation", search.IDs{"a"}, list{include("Observation", "subject", "", false), include("Patient", "practice", "", false)}, nil, []string{"Patient/p"}},
		{"iterated", "Observation", search.IDs{"a"}, list{include("Observation", "subject", "", false), include("Patient", "practice", "", true)}, nil, []string{"Patient/p", "Group/g"}},
		{"of another type", "Observation", search.IDs{"a"}, list{include("Device", "subject", "", false)}, nil, nil},
		{"reverse", "Patient", search.IDs{"p", "q"}, nil, list{include("Observation", "subject", "", false)}, []string{"Observation/a", "Observation/b", "Observation/d"}},
		{"reverse with target", "Patient", search.IDs{"p", "q"}, nil, list{include("Observation", "subject", "Group", false)}, nil},
		{"reverse iterated", "Patient", search.IDs{"p"}, nil, list{include("Observation", "subject", "", false), include("Observation", "member", "", true)},
			[]string{"Observation/a", "Observation/b", "Observation/c"}},
		{"both", "Patient", search.IDs{"p"}, list{include("Patient", "practice", "", false)}, list{include("Observation", "subject", "", true)},
			[]string{"Group/g", "Observation/a", "Observation/b", "Observation/c"}},
		{"no matches", "Patient", search.Or{}, list{include("Patient", "practice", "", true)}, list{include("Observation", "subject", "", true)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fixture{t, f.s, t.Context()}
			page := f.search(&search.Query{Type: c.typ, Plan: c.plan, Count: 10, Include: c.include, RevInclude: c.rev})
			var got []string
			for _, v := range page.Included {
				got = append(got, v.Key.Type+"/"+v.Key.ID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("included (-want +got):\n%s", diff)
			}
		})
	}
	testVisible(f)
	if size.Included > store.MaxIncluded {
		t.Run("too many", func(t *testing.T) { testTooManyIncluded(t, open) })
	}
}

// testVisible hides parts of what testIncludes wrote.
func testVisible(f *fixture) {
	type limits map[string]search.Plan // nil: all; absent: nothing
	member := search.Include{Type: "Observation", Index: "member", Iterate: true}
	subject := search.Include{Type: "Observation", Index: "subject", Iterate: true}
	for _, c := range []struct {
		name, typ    string
		plan         search.Plan
		include, rev []search.Include
		visible      limits
		want         []string
	}{
		{"all", "Observation", search.IDs{"c"}, []search.Include{subject}, nil, limits{"Group": nil}, []string{"Group/g"}},
		{"a type is hidden", "Observation", search.IDs{"a", "c"}, []search.Include{subject}, nil, limits{"Patient": nil}, []string{"Patient/p"}},
		{"by a key", "Observation", search.IDs{"c"}, []search.Include{member}, nil, limits{"Observation": exact("code\x01thr")}, []string{"Observation/a"}},
		{"nothing is found through what is hidden", "Observation", search.IDs{"c"}, []search.Include{member}, nil, limits{"Observation": search.Not{Of: search.IDs{"d"}}}, []string{"Observation/a"}},
		{"matches are there, whatever is visible", "Observation", search.IDs{"c"}, []search.Include{subject}, nil, limits{"Group": nil, "Patient": nil}, []string{"Group/g"}},
		{"by a reference", "Observation", search.IDs{"a", "d"}, []search.Include{subject}, nil,
			limits{"Patient": search.RevRef{Type: "Observation", Index: "subject", Of: exact("code\x01thr")}}, []string{"Patient/p"}},
		{"reverse, hidden", "Patient", search.IDs{"p"}, nil, []search.Include{subject}, limits{"Patient": nil}, nil},
		{"reverse, by a key", "Patient", search.IDs{"p", "q"}, nil, []search.Include{subject}, limits{"Observation": exact("code\x01thr")}, []string{"Observation/a", "Observation/b"}},
		{"reverse, by a chain", "Patient", search.IDs{"p", "q"}, nil, []search.Include{subject},
			limits{"Observation": search.Ref{Type: "Patient", Index: "subject", Of: search.IDs{"q"}}}, []string{"Observation/d"}},
	} {
		f.Run("visible: "+c.name, func(t *testing.T) {
			f := &fixture{t, f.s, t.Context()}
			visible := func(typ string) (search.Plan, bool) {
				of, ok := c.visible[typ]
				return of, ok
			}
			page := f.search(&search.Query{Type: c.typ, Plan: c.plan, Count: 10, Include: c.include, RevInclude: c.rev, Visible: visible, Total: search.Accurate})
			var got []string
			for _, v := range page.Included {
				got = append(got, v.Key.Type+"/"+v.Key.ID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || page.Cut {
				t.Errorf("included (-want +got):\n%s", diff)
			}
		})
	}
}

func testTooManyIncluded(t *testing.T, open New) {
	f := newFixture(t, open)
	f.apply(f.write(store.Create, "p", "x"))
	subject := search.ReferencePrefix("subject", "Patient") + "p"
	for from := 0; from <= store.MaxIncluded; from += 1000 {
		var ops []store.Op
		for i := from; i < min(from+1000, store.MaxIncluded+1); i++ {
			ops = append(ops, f.observation(store.Create, fmt.Sprint(i), subject))
		}
		f.apply(ops...)
	}
	q := &search.Query{Type: "Patient", Plan: search.All{}, Count: 10, RevInclude: []search.Include{{Type: "Observation", Index: "subject"}}}
	if page := f.search(q); len(page.Included) != store.MaxIncluded || !page.Cut {
		t.Errorf("one too many: %d included, cut %v", len(page.Included), page.Cut)
	}
	hidden := *q
	hidden.Visible = func(string) (search.Plan, bool) { return search.Not{Of: search.IDs{"7"}}, true }
	if page := f.search(&hidden); len(page.Included) != store.MaxIncluded || page.Cut {
		t.Errorf("one too many, but hidden: %d included, cut %v", len(page.Included), page.Cut)
	}
	f.apply(f.observation(store.Delete, "7"))
	if page := f.search(q); len(page.Included) != store.MaxIncluded || page.Cut {
		t.Errorf("just as many: %d included, cut %v", len(page.Included), page.Cut)
	}
}
