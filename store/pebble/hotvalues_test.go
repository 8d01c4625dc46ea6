package pebble_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// randomValues are an Observation's value and components, with and without units that measures know.
func randomValues(rnd *rand.Rand) string {
	value := func() string {
		unit := []string{`"system":"http://unitsofmeasure.org","code":"/min"`, `"system":"http://unitsofmeasure.org","code":"/s"`, `"system":"urn:x","code":"/min"`}[rnd.IntN(3)]
		return fmt.Sprintf(`"valueQuantity":{"value":%d,"unit":"u",%s}`, 88+rnd.IntN(5), unit)
	}
	var parts []string
	if rnd.IntN(4) > 0 {
		parts = append(parts, value())
	}
	if rnd.IntN(3) == 0 {
		parts = append(parts, `"component":[{"code":{"text":"x"},`+value()+`}]`)
	}
	return strings.Join(parts, ",")
}

// TestSearchByValue compares searches for a patient's values with what the index keys of each Observation say, where some have measures and some have not.
func TestSearchByValue(t *testing.T) {
	registry := newRegistry(t)
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		s, err := pebble.Open("", pebble.Options{InMemory: true})
		if err != nil {
			t.Fatal(err)
		}
		var all []store.Op
		for i := range 150 {
			body := randomObservation(rnd)
			if values := randomValues(rnd); values != "" {
				body += "," + values
			}
			op := observationOp(t, registry, store.Create, fmt.Sprintf("%03d", i), body)
			if rnd.IntN(5) > 0 {
				res, err := fhir.ParseResource([]byte(`{"resourceType":"Observation",` + body + `}`))
				if err != nil {
					t.Fatal(err)
				}
				op.Measure = search.MeasureOf(res)
			}
			all = append(all, op)
			apply(t, s, op)
		}
		for range 60 {
			query := fmt.Sprintf("subject=Patient/%d&", rnd.IntN(2)) + []string{"", "", "code=c1,c2,c3&", "code=c4&", "category=k1&", "status=final&"}[rnd.IntN(6)] +
				[]string{"value-quantity=gt90", "value-quantity=90", "value-quantity=le90||/min", "value-quantity=ge1.5|http://unitsofmeasure.org|/s", "combo-value-quantity=gt91",
					"component-value-quantity=ne90", "value-quantity:missing=true", "value-quantity=lt89,91"}[rnd.IntN(8)] +
				[]string{"&_sort=date", "&_sort=-date"}[rnd.IntN(2)] + fmt.Sprintf("&_count=%d", 1+rnd.IntN(30)) + []string{"", "&_total=accurate"}[rnd.IntN(2)]
			compareByValue(t, registry, s, all, query)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// compareByValue follows the pages of a query and expects each match once, in the order of time.
func compareByValue(t *testing.T, registry *search.Registry, s *pebble.Store, all []store.Op, query string) {
	t.Helper()
	pairs, err := search.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	request, err := registry.Parse("Observation", pairs, search.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	q := *request.Query
	order := store.Order(q.Sort)
	type match struct {
		id    string
		value store.SortValue
	}
	var want []match
	for i := range all {
		if search.Match(q.Plan, all[i].Key.ID, all[i].Keys, nil) {
			want = append(want, match{all[i].Key.ID, order.AppendValues(nil, all[i].Key.ID, all[i].Keys)[0]})
		}
	}
	if order.Descends() {
		slices.Reverse(want)
	}
	slices.SortStableFunc(want, func(a, b match) int {
		switch {
		case !a.value.Has || !b.value.Has:
			return map[bool]int{true: 0, false: 1}[a.value.Has] - map[bool]int{true: 0, false: 1}[b.value.Has]
		case order.Descends():
			return strings.Compare(b.value.Text, a.value.Text)
		}
		return strings.Compare(a.value.Text, b.value.Text)
	})
	wantIDs := make([]string, 0, len(want))
	for _, m := range want {
		wantIDs = append(wantIDs, m.id)
	}
	got := []string{}
	for first := true; first || q.Cursor != ""; first = false {
		page, err := s.Search(t.Context(), &q)
		if err != nil {
			t.Fatal(err)
		}
		if page.Total >= 0 && page.Total != len(want) {
			t.Errorf("%s: total %d, want %d", query, page.Total, len(want))
		}
		for i := range page.Matches {
			got = append(got, page.Matches[i].Key.ID)
		}
		q.Cursor = page.Next
	}
	if d := cmp.Diff(wantIDs, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", query, d)
	}
}
