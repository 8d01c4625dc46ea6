package search

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seen makes a Visibility of queries by type; a type that is not there is hidden, an empty query shows all.
func seen(t *testing.T, limits map[string]string) Visibility {
	t.Helper()
	plans := map[string]Plan{}
	for typ, query := range limits {
		plans[typ] = nil
		if query != "" {
			plans[typ] = parse(t, typ, query).Query.Plan
		}
	}
	return func(typ string) (Plan, bool) {
		of, ok := plans[typ]
		return of, ok
	}
}

func TestNarrow(t *testing.T) {
	m := clinic(t)
	eve := map[string]string{"Patient": "_id=eve", "Observation": "patient=eve", "Device": "patient=eve", "Organization": ""}
	for _, test := range []struct {
		name, typ, query string
		visible          map[string]string
		want             string
	}{
		{"own keys are not narrowed", "Observation", "patient=adam", eve, "hr-adam bp-adam"},
		{"a chain to what is visible", "Observation", "patient.name=every", eve, "hr-eve"},
		{"a chain to a hidden type", "Observation", "subject:Group.code=g", eve, ""},
		{"a chain on the way", "Observation", "patient.organization.name=firth", eve, "hr-eve"},
		{"a hidden link of a chain", "Observation", "patient.organization.name=firth", map[string]string{"Organization": ""}, ""},
		{"the end of a chain is hidden", "Observation", "device.patient.name=everym", map[string]string{"Device": "", "Patient": "_id=eve"}, ""},
		{"chains under :not", "Observation", "patient.gender:not=female", eve, ""},
		{"_has", "Patient", "_has:Observation:patient:code=8867-4", eve, "eve"},
		{"_has of a hidden type", "Patient", "_has:Observation:patient:code=8867-4", map[string]string{"Patient": ""}, ""},
		{"_has in _has", "Patient", "_has:Observation:patient:_has:Provenance:target:_id=pr", eve, ""},
		{"a chain in _has", "Patient", "_has:Observation:patient:device.patient.name=everym", eve, ""},
		{"_has in a chain", "Observation", "subject._has:Device:patient:_id=cuff", eve, ""},
		{"a negated chain is as if there were nothing", "Observation", "_filter=not(patient.name co every)", eve, "hr-adam bp-adam group cuff nobody gone"},
		{"everything is visible", "Patient", "_has:Observation:patient:device.patient.name=everym", map[string]string{"Observation": "", "Device": "", "Patient": ""}, "eve"},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := parse(t, test.typ, test.query).Query
			before := Explain(q.Plan)
			narrow := *q
			narrow.Plan = Narrow(q.Plan, seen(t, test.visible))
			if diff := cmp.Diff(test.want, strings.Join(m.Order(&narrow), " ")); diff != "" {
				t.Errorf("(-want +got)\n%s%s", diff, Explain(narrow.Plan))
			}
			if Explain(q.Plan) != before {
				t.Error("the plan given was changed")
			}
		})
	}
}

// TestNarrowProperty holds narrowed plans against what their meaning is: what is hidden is not stored.
func TestNarrowProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	types := []string{"Patient", "Observation", "Device"}
	hits := 0
	for range 3000 {
		all, some := clinic(t), clinic(t)
		limits := map[string]IDs{}
		for _, typ := range types {
			limits[typ] = IDs{}
			for _, id := range all.Order(&Query{Type: typ, Plan: All{}}) {
				if random.IntN(3) > 0 {
					limits[typ] = append(limits[typ], id)
				} else {
					some.Remove(typ, id)
				}
			}
		}
		typ := types[random.IntN(len(types))]
		visible := func(typ string) (Plan, bool) { return limits[typ], len(limits[typ]) > 0 }
		plan := randomLinks(random, typ, 3)
		got := all.Order(&Query{Type: typ, Plan: Both(Narrow(plan, visible), limits[typ])})
		want := some.Order(&Query{Type: typ, Plan: plan})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-without what is hidden +narrowed)\n%s%s", diff, Explain(plan))
		}
		hits += len(want)
	}
	if hits < 1000 {
		t.Errorf("only %d matches", hits)
	}
}

// randomLinks makes a plan that follows references, at most depth of them.
func randomLinks(random *rand.Rand, typ string, depth int) Plan {
	if depth == 0 {
		return All{}
	}
	sub := func(typ string) Plan { return randomLinks(random, typ, depth-1) }
	switch random.IntN(6) {
	case 0:
		return Not{sub(typ)}
	case 1:
		return And{sub(typ), sub(typ)}
	case 2:
		return Or{sub(typ), sub(typ)}
	}
	switch {
	case typ == "Patient" && random.IntN(2) == 0:
		return RevRef{Type: "Device", Index: "patient", Of: sub("Device")}
	case typ == "Patient":
		return RevRef{Type: "Observation", Index: "subject", Of: sub("Observation")}
	case typ == "Device" && random.IntN(2) == 0:
		return RevRef{Type: "Observation", Index: "device", Of: sub("Observation")}
	case typ == "Device":
		return Ref{Type: "Patient", Index: "patient", Of: sub("Patient")}
	case random.IntN(2) == 0:
		return Ref{Type: "Device", Index: "device", Of: sub("Device")}
	}
	return Ref{Type: "Patient", Index: "subject", Of: sub("Patient")}
}

func TestBoth(t *testing.T) {
	a, b, c := OneKey("k\x01a"), OneKey("k\x01b"), Keys{Lo: "k\x01", Hi: "k\x02"}
	for _, test := range []struct {
		name       string
		a, b, want Plan
	}{
		{"all", All{}, All{}, All{}},
		{"one of them is all", a, All{}, a},
		{"the other is", All{}, b, b},
		{"two keys", a, b, And{a, b}},
		{"the same", a, a, a},
		{"one of several is asked already", And{a, b}, Or{c, b}, And{a, b}},
		{"a key within a range", a, c, a},
		{"a range around a key", c, a, And{c, a}},
		{"alternatives that all suffice", Or{a, b}, c, Or{a, b}},
		{"alternatives that do not", Or{a, b}, a, And{Or{a, b}, a}},
		{"nothing", Or{}, a, Or{}},
		{"ids among ids", IDs{"1"}, IDs{"1", "2"}, IDs{"1"}},
		{"ids beyond ids", IDs{"1", "3"}, IDs{"1", "2"}, And{IDs{"1", "3"}, IDs{"1", "2"}}},
		{"part of a conjunction", a, And{a, b}, And{a, b}},
		{"a filtered range around a key", a, Keys{Lo: "k\x01", Hi: "k\x02", Contains: []string{"z"}}, And{a, Keys{Lo: "k\x01", Hi: "k\x02", Contains: []string{"z"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Both(test.a, test.b)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
