package pebble_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// measured is an operation on an Observation of Patient/1 with its measure.
func measured(t *testing.T, registry *search.Registry, method store.Method, id, value string) store.Op {
	t.Helper()
	body := `"status":"final","code":{"coding":[{"code":"c"}]},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2024-03-0` + id + `","valueQuantity":{"value":` + value + `,"system":"http://unitsofmeasure.org","code":"1"}`
	op := observationOp(t, registry, method, id, body)
	res, err := fhir.ParseResource([]byte(`{"resourceType":"Observation",` + body + `}`))
	if err != nil {
		t.Fatal(err)
	}
	op.Measure = search.MeasureOf(res)
	return op
}

// measuresOf lists the values of Patient/1, and in parentheses the ids of what has no measure.
func measuresOf(t *testing.T, s *pebble.Store) string {
	t.Helper()
	key := "subject\x01rPatient/1"
	var got []string
	q := store.MeasuresQuery{Type: "Observation", Plan: search.Keys{Lo: key, Hi: key + "\x00"}, Content: search.All{}}
	if err := s.Measures(t.Context(), q, func(m search.Measure, v *store.Version) error {
		if v != nil {
			got = append(got, "("+v.Key.ID+")")
			return nil
		}
		_, values, _ := m.Split()
		_, timed := values.Time()
		value, ok := values.Next()
		if !timed || !ok {
			t.Errorf("measure %q", m)
		}
		got = append(got, fmt.Sprint(value.Coefficient))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(got, " ")
}

func apply(t *testing.T, s store.Store, ops ...store.Op) {
	t.Helper()
	if _, err := s.Apply(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
}

func findings(t *testing.T, s *pebble.Store) (texts []string) {
	t.Helper()
	if _, err := s.Check(t.Context(), func(f store.Finding) { texts = append(texts, f.Key.ID+": "+f.Text) }); err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestOpenOlderFormat opens a store whose entries have no measures: what is in it is read, what is written now is measured, and the release that wrote it would
// not open it any more.
func TestOpenOlderFormat(t *testing.T) {
	registry, dir := newRegistry(t), t.TempDir()
	s := openDir(t, dir).(*pebble.Store)
	for _, op := range []store.Op{measured(t, registry, store.Create, "1", "10"), measured(t, registry, store.Create, "2", "20")} {
		op.Measure = nil
		apply(t, s, op)
	}
	if err := s.PretendFormat(1); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openDir(t, dir).(*pebble.Store)
	defer s.Close()
	if format, err := s.Format(); format != 2 || err != nil {
		t.Errorf("format %d, %v", format, err)
	}
	apply(t, s, measured(t, registry, store.Create, "3", "30"), measured(t, registry, store.Update, "1", "11"))
	if d := cmp.Diff("11 (2) 30", measuresOf(t, s)); d != "" {
		t.Error(d)
	}
	if found := findings(t, s); found != nil {
		t.Error(found)
	}
}

// TestCheckMeasures shows that a measure which is not that of the content is found.
func TestCheckMeasures(t *testing.T) {
	registry := newRegistry(t)
	s := openMemory(t).(*pebble.Store)
	defer s.Close()
	wrong := measured(t, registry, store.Create, "2", "20")
	wrong.Measure = measured(t, registry, store.Create, "2", "21").Measure
	apply(t, s, measured(t, registry, store.Create, "1", "10"), wrong)
	if d := cmp.Diff([]string{"2: its measure is not that of its content"}, findings(t, s)); d != "" {
		t.Error(d)
	}
}

// TestRekeyMeasures shows that what gets other index keys keeps its measure, or gets the one it should have.
func TestRekeyMeasures(t *testing.T) {
	registry := newRegistry(t)
	s := openMemory(t).(*pebble.Store)
	defer s.Close()
	lacking := measured(t, registry, store.Create, "2", "20")
	lacking.Measure = nil
	kept := measured(t, registry, store.Create, "1", "10")
	apply(t, s, kept, lacking)
	results, err := s.Rekey(t.Context(), []store.Rekey{
		{Key: fhir.Key{Type: "Observation", ID: "1", Version: "1"}, Keys: append([]string{"+custom\x01tx\x01"}, kept.Keys...)},
		{Key: fhir.Key{Type: "Observation", ID: "2", Version: "1"}, Keys: append([]string{"+custom\x01tx\x01"}, lacking.Keys...)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]store.RekeyResult{store.Rekeyed, store.Rekeyed}, results); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("10 20", measuresOf(t, s)); d != "" {
		t.Error(d)
	}
	if found := findings(t, s); found != nil {
		t.Error(found)
	}
}
