package storecopy

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

func open(t *testing.T) store.Store {
	t.Helper()
	s, err := pebble.Open(filepath.Join(t.TempDir(), "store"), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func registry(t *testing.T) *search.Registry {
	t.Helper()
	definitions, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	r, err := search.NewRegistry(definitions, search.Options{BaseURL: "http://firth.example/fhir", References: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// write stores a resource, or deletes it when json is empty.
func write(t *testing.T, s store.Store, r *search.Registry, method store.Method, id, json string) {
	t.Helper()
	op := store.Op{Method: method, Key: fhir.Key{Type: "Observation", ID: id}}
	if json != "" {
		resource, err := fhir.ParseResource([]byte(json))
		if err != nil {
			t.Fatal(err)
		}
		if op.Resource, err = resource.Stamp(id); err != nil {
			t.Fatal(err)
		}
		if op.Keys, err = r.Extract(resource); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil {
		t.Fatal(err)
	}
}

func heartRate(value string) string {
	return `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p"},` +
		`"effectiveDateTime":"2026-01-02T03:04:05Z","valueQuantity":{"value":` + value + `,"system":"http://unitsofmeasure.org","code":"/min"},"extension":[{"url":"u","valueDecimal":1.50}]}`
}

// filled has 30 resources, of which some have several versions, and one is deleted.
func filled(t *testing.T, r *search.Registry) store.Store {
	s := open(t)
	for i := range 30 {
		write(t, s, r, store.Create, fmt.Sprint("o", i), heartRate(fmt.Sprint(60+i)))
	}
	for i := range 5 {
		write(t, s, r, store.Update, "o3", heartRate(fmt.Sprintf("%d.00", 100+i)))
	}
	write(t, s, r, store.Delete, "o4", "")
	write(t, s, r, store.Delete, "o5", "")
	write(t, s, r, store.Update, "o5", heartRate("7"))
	return s
}

// answers are what a store says: its history, and a search.
func answers(t *testing.T, s store.Store, r *search.Registry) (all []string) {
	t.Helper()
	page, err := s.History(t.Context(), store.HistoryQuery{Count: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range page.Versions {
		all = append(all, fmt.Sprint(v.Key, v.Method, v.LastUpdated, string(v.JSON)))
	}
	q, err := r.Parse("Observation", []search.Pair{{Name: "value-quantity", Value: "ge70|http://unitsofmeasure.org|/min"}, {Name: "patient", Value: "p"}, {Name: "_sort", Value: "-date"}},
		search.ParseOptions{DefaultCount: 100, MaxCount: 100})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Search(t.Context(), q.Query)
	if err != nil || len(found.Matches) == 0 {
		t.Fatal(len(found.Matches), err)
	}
	for _, v := range found.Matches {
		all = append(all, v.Key.String())
	}
	return all
}

func TestRun(t *testing.T) {
	r := registry(t)
	from, to := filled(t, r), open(t)
	var p Progress
	report, err := Run(t.Context(), Options{From: from, To: to, Registry: r, Page: 7}, &p)
	if err != nil {
		t.Fatal(err)
	}
	want := &Report{Types: []TypeCount{{"Observation", 38, 30}}, Versions: 38, Checksum: report.Checksum}
	if diff := cmp.Diff(want, report); diff != "" || len(report.Checksum) != 64 {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if p.Copied() != 38 || p.Verified() != 76 {
		t.Errorf("copied %d, verified %d", p.Copied(), p.Verified())
	}
	if p.Done() != 114 || p.Steps() != 114 {
		t.Errorf("%d of %d steps", p.Done(), p.Steps())
	}
	if k, _, err := store.ReadKeying(t.Context(), to.(store.State)); err != nil || k != r.Keying() {
		t.Errorf("keying %+v, %v", k, err)
	}
	if diff := cmp.Diff(answers(t, from, r), answers(t, to, r)); diff != "" {
		t.Errorf("answers (-source +copy):\n%s", diff)
	}
	// Once more: nothing to do, the same sum.
	again, err := Run(t.Context(), Options{From: from, To: to, Registry: r}, &p)
	if err != nil || again.Checksum != report.Checksum {
		t.Errorf("second run: %v, %v", again, err)
	}
}

// failing is a store that fails at the n-th restore.
type failing struct {
	store.Store
	store.State
	left int
}

var errPower = errors.New("power cut")

func (f *failing) Export(ctx context.Context, q store.ExportQuery) (*store.ExportPage, error) {
	return f.Store.(store.Archive).Export(ctx, q)
}

func (f *failing) Restore(ctx context.Context, all []store.Restored) error {
	if f.left--; f.left < 0 {
		return errPower
	}
	return f.Store.(store.Archive).Restore(ctx, all)
}

func TestInterrupted(t *testing.T) {
	r := registry(t)
	from, to := filled(t, r), open(t)
	broken := &failing{Store: to, State: to.(store.State), left: 3}
	var first, second Progress
	if _, err := Run(t.Context(), Options{From: from, To: broken, Registry: r, Page: 5}, &first); !errors.Is(err, errPower) {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Options{From: from, To: to, Registry: r, Page: 5}, &second); err != nil {
		t.Fatal(err)
	}
	if second.Done() != 114 {
		t.Errorf("%d of %d steps", second.Done(), second.Steps())
	}
	if first.Copied() != 15 || second.Copied() != 23 {
		t.Errorf("copied %d, then %d", first.Copied(), second.Copied())
	}
	if diff := cmp.Diff(answers(t, from, r), answers(t, to, r)); diff != "" {
		t.Errorf("answers (-source +copy):\n%s", diff)
	}
}

// TestKeyingOfTarget leaves no record that says more than is known.
func TestKeyingOfTarget(t *testing.T) {
	r := registry(t)
	for name, test := range map[string]struct {
		before search.Keying
		want   search.Keying
	}{
		"unknown":           {search.Keying{}, search.Keying{}},
		"the same":          {r.Keying(), r.Keying()},
		"another release's": {search.Keying{Grammar: 1}, search.Keying{}},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := filled(t, r), open(t)
			broken := &failing{Store: to, State: to.(store.State), left: 3}
			if _, err := Run(t.Context(), Options{From: from, To: broken, Registry: r, Page: 5}, &Progress{}); !errors.Is(err, errPower) {
				t.Fatal(err)
			}
			_, revision, err := store.ReadKeying(t.Context(), broken.State)
			if err == nil {
				_, err = store.WriteKeying(t.Context(), broken.State, test.before, revision)
			}
			if err == nil {
				_, err = Run(t.Context(), Options{From: from, To: to, Registry: r, Page: 5}, &Progress{})
			}
			if err != nil {
				t.Fatal(err)
			}
			if k, _, err := store.ReadKeying(t.Context(), broken.State); err != nil || k != test.want {
				t.Errorf("keying %+v, %v; want %+v", k, err, test.want)
			}
		})
	}
}

func TestTargetWithSomethingElse(t *testing.T) {
	r := registry(t)
	from, to := filled(t, r), open(t)
	write(t, to, r, store.Create, "stranger", heartRate("1"))
	_, err := Run(t.Context(), Options{From: from, To: to, Registry: r}, &Progress{})
	if !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "Observation/o0/_history/1: Observation/o0 is older than what is in the store") {
		t.Errorf("got %v", err)
	}
}

func TestNoArchive(t *testing.T) {
	r := registry(t)
	if _, err := Run(t.Context(), Options{From: struct{ store.Store }{open(t)}, To: open(t), Registry: r}, &Progress{}); !errors.Is(err, ErrNoArchive) {
		t.Errorf("got %v", err)
	}
}
