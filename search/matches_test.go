package search

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestIndexesOfPlans says which indexes are extracted for a plan: those that it asks, and all of them only where one of its ranges has keys of several.
func TestIndexesOfPlans(t *testing.T) {
	whole := Keys{Lo: "code" + Separator, Hi: after("code" + Separator)}
	for _, c := range []struct {
		name string
		plan Plan
		want string
	}{
		{"everything", All{}, ""},
		{"ids", IDs{"a"}, ""},
		{"a key", Keys{Lo: "code\x01ta\x01", Hi: "code\x01ta\x02"}, "code"},
		{"all keys of an index", whole, "code"},
		{"the beginning of an index", Keys{Lo: whole.Lo, Hi: "code\x01t"}, "code"},
		{"a key too many", Keys{Lo: whole.Lo, Hi: whole.Hi + "\x01"}, "all"},
		{"two indexes", Keys{Lo: whole.Lo, Hi: "date\x01"}, "all"},
		{"before an index", Keys{Lo: "code", Hi: whole.Hi}, "all"},
		{"all of", And{whole, Keys{Lo: "date\x01p", Hi: "date\x01q"}}, "code date"},
		{"one of", Or{whole, Keys{Lo: "date\x01p", Hi: "date\x01q"}}, "code date"},
		{"not", Not{Of: whole}, "code"},
		{"a reference", Ref{Index: "subject", Type: "Patient", Of: Keys{Lo: "name\x01", Hi: "name\x02"}}, "subject"},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := indexNames{}
			names.add(c.plan)
			got := strings.Join(slices.Sorted(maps.Keys(names)), " ")
			if names[""] {
				got = "all"
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			for _, index := range []string{"code", "date", "subject", "name"} {
				want := c.want == "all" || slices.Contains(strings.Fields(c.want), index)
				if got := names.has(index); got != want {
					t.Errorf("%s is asked: %t, want %t", index, got, want)
				}
			}
		})
	}
}

// TestMatches asks plans of an Observation that is not stored, about a Patient who is.
func TestMatches(t *testing.T) {
	r := newTestRegistry(t)
	m := &Memory{}
	m.Add("Patient", "p", extract(t, `{"resourceType":"Patient","id":"p","name":[{"family":"Berg"}]}`))
	stored := memoryResolver{m, "Observation"}
	const content = `"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}`
	at := func(time string) string { return `{` + content + `,"meta":{"lastUpdated":"` + time + `"}}` }
	never := `{` + content + `}`
	ref := parse(t, "Observation", "subject:Patient.name=berg").Query.Plan
	for _, c := range []struct {
		name  string
		plan  Plan
		text  string
		links Resolver
		want  bool
	}{
		{"everything", All{}, never, nil, true},
		{"a key it has", parse(t, "Observation", "status=final").Query.Plan, never, nil, true},
		{"a key it has not", parse(t, "Observation", "status=amended").Query.Plan, never, nil, false},
		{"a key it has, beside what is stored", parse(t, "Observation", "status=final").Query.Plan, never, stored, true},
		{"its id", IDs{"o"}, never, nil, true},
		{"another id", IDs{"p"}, never, nil, false},
		{"updated later", parse(t, "Observation", "_lastUpdated=gt2020").Query.Plan, at("2021-01-01T00:00:00Z"), nil, true},
		{"updated before", parse(t, "Observation", "_lastUpdated=gt2020").Query.Plan, at("2019-01-01T00:00:00Z"), nil, false},
		{"never updated, later", parse(t, "Observation", "_lastUpdated=gt2020").Query.Plan, never, nil, false},
		{"never updated, before", parse(t, "Observation", "_lastUpdated=lt2020").Query.Plan, never, nil, false},
		{"updated at what is no time", parse(t, "Observation", "_lastUpdated=lt2020").Query.Plan, at("x"), nil, false},
		{"a reference", ref, never, stored, true},
		{"a reference that nobody follows", ref, never, nil, false},
		{"not a reference", Not{Of: ref}, never, stored, false},
		{"not a reference that nobody follows", Not{Of: ref}, never, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := r.Matches(c.plan, parseResource(t, c.text), c.links)
			if err != nil || got != c.want {
				t.Errorf("%t, %v, want %t\n%s", got, err, c.want, Explain(c.plan))
			}
		})
	}
}
