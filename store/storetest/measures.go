package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// testMeasures tests what store.Measurer promises: measures instead of resources, of the current versions only, in order.
func testMeasures(t *testing.T, open New) {
	f := newFixture(t, open)
	m, ok := store.Unwrap(f.s).(store.Measurer)
	if !ok {
		t.Skip("the store has no measures")
	}
	subject, code, category, time := hotKeys(t)
	high := time[:len(time)-1] + "h"
	p1, hr, bp, vital := subject+"Patient/1", code+"hr\x01L", code+"bp\x01L", category+"vital\x01"
	span := func(from, to int) []string {
		low, end := fmt.Sprintf("202403%02d000000000000", from), fmt.Sprintf("202403%02d000000000000", to)
		return []string{time + low + "\x01" + end, high + end + "\x01" + low}
	}
	write := func(method store.Method, id, value string, keys ...string) store.Op {
		op := f.observation(method, id, keys...)
		if value != "" {
			op.Measure = search.MeasureOf(observed(t, value))
			op.Resource = stamped(t, id, string(observed(t, value).Root().Raw()))
		}
		return op
	}
	at := func(day int, keys ...string) []string { return append(keys, span(day, day+1)...) }
	f.apply(
		write(store.Create, "a", "1", at(5, p1, hr, vital)...),
		write(store.Create, "b", "2", at(3, p1, bp)...),
		write(store.Create, "c", "", at(4, p1, hr)...), // without a measure
		write(store.Create, "d", "4", at(4, p1, hr)...),
		write(store.Create, "e", "5", p1, hr),                                // without a time
		write(store.Create, "f", "6", append(span(1, 20), p1, hr)...),        // long
		write(store.Create, "g", "7", at(2, subject+"Patient/2", hr)...),     // of another patient
		write(store.Create, "h", "8", at(6, p1, hr, vital)...),               // deleted below
		write(store.Create, "i", "9", at(7, p1, hr, "status\x01tfinal")...),  // corrected below
		write(store.Create, "j", "10", at(8, p1, hr, "status\x01tfinal")...), // loses its measure below
	)
	f.apply(write(store.Delete, "h", ""), write(store.Update, "i", "11", at(7, p1, hr, "status\x01tamended")...), write(store.Update, "j", "", at(8, p1, hr, "status\x01tfinal")...))

	of1 := exact(p1)
	from := func(day int) search.Plan { return search.Keys{Lo: span(day, day+1)[0], Hi: time + "99"} }
	for _, c := range []struct {
		name          string
		plan, content search.Plan
		want          string
	}{
		{"all of a patient", of1, search.All{}, "(f) 2 (c) 4 1 11 (j) 5"},
		{"the other", exact(subject + "Patient/2"), search.All{}, "7"},
		{"nobody", exact(subject + "Patient/3"), search.All{}, ""},
		{"from", search.And{of1, from(4)}, search.All{}, "(c) 4 1 11 (j)"},
		{"until", search.And{of1, search.Not{Of: from(4)}}, search.All{}, "(f) 2 5"},
		{"a category", search.And{of1, exact(vital)}, search.All{}, "1"},
		{"a status", search.And{of1, search.Or{exact("status\x01tamended"), exact(vital)}}, search.All{}, "1 11"},
		{"what the patient implies", search.And{of1, search.Or{exact("performer\x01rPatient/1"), of1}}, search.All{}, "(f) 2 (c) 4 1 11 (j) 5"},
		{"ids", search.And{of1, search.IDs{"a", "c", "e", "f"}}, search.All{}, "(f) (c) 1 5"},
		{"content is for those without a measure", of1, exact("status\x01tfinal"), "2 4 1 11 (j) 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := measuresIn(t, m, store.MeasuresQuery{Type: "Observation", Plan: c.plan, Content: c.content})
			if d := cmp.Diff(c.want, got); d != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
	for name, plan := range map[string]search.Plan{"no patient": exact(hr), "a chain": search.And{of1, search.Ref{Index: "subject", Type: "Patient", Of: search.All{}}}} {
		if got, err := measuresIn(t, m, store.MeasuresQuery{Type: "Observation", Plan: plan, Content: search.All{}}); err != nil && !errors.Is(err, store.ErrUnsupported) || err != nil && got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	stop, visits := errors.New("stop"), 0
	err := m.Measures(f.ctx, store.MeasuresQuery{Type: "Observation", Plan: of1, Content: search.All{}}, func(search.Measure, *store.Version) error { visits++; return stop })
	if !errors.Is(err, stop) || visits != 1 {
		t.Errorf("%d visits, %v", visits, err)
	}
	if c, ok := store.Unwrap(f.s).(store.Checker); ok {
		checkStore(t, c, -1)
	}
}

// observed is an Observation with a value in UCUM.
func observed(t testing.TB, value string) *fhir.Resource {
	t.Helper()
	res, err := fhir.ParseResource([]byte(`{"resourceType":"Observation","valueQuantity":{"value":` + value + `,"system":"http://unitsofmeasure.org","code":"1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// measuresIn lists values, and of what has no measure the id.
func measuresIn(t *testing.T, m store.Measurer, q store.MeasuresQuery) (string, error) {
	t.Helper()
	var got []string
	err := m.Measures(t.Context(), q, func(measure search.Measure, v *store.Version) error {
		if v != nil {
			got = append(got, "("+v.Key.ID+")")
			return nil
		}
		_, values, ok := measure.Split()
		value, hasValue := values.Next()
		if !ok || !hasValue {
			t.Errorf("a measure without a value: %q", measure)
		}
		got = append(got, fmt.Sprint(value.Coefficient))
		return nil
	})
	return strings.Join(got, " "), err
}
