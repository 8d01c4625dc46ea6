package pebble_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// onlyStore hides the extras of a store.
type onlyStore struct{ store.Store }

func newRegistry(tb testing.TB) *search.Registry {
	tb.Helper()
	definitions, err := spec.R4()
	if err != nil {
		tb.Fatal(err)
	}
	registry, err := search.NewRegistry(definitions, search.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return registry
}

func observationOp(tb testing.TB, registry *search.Registry, method store.Method, id, body string) store.Op {
	tb.Helper()
	r, err := fhir.ParseResource([]byte(`{"resourceType":"Observation",` + body + `}`))
	if err != nil {
		tb.Fatal(err)
	}
	st, err := r.Stamp(id)
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := registry.Extract(r)
	if err != nil {
		tb.Fatal(err)
	}
	return store.Op{Method: method, Key: fhir.Key{Type: "Observation", ID: id}, Resource: st, Keys: keys}
}

// randomObservation has codes that are often linked by others, times that are often equal, and all the odd forms.
func randomObservation(rnd *rand.Rand) string {
	codings := make([]string, 0, 3)
	for range rnd.IntN(3) {
		codings = append(codings, fmt.Sprintf(`{"system":"urn:s%d","code":"c%d"}`, rnd.IntN(2), rnd.IntN(8)))
	}
	parts := []string{fmt.Sprintf(`"status":"%s"`, []string{"final", "amended"}[rnd.IntN(2)])}
	switch {
	case len(codings) > 0:
		parts = append(parts, `"code":{"coding":[`+strings.Join(codings, ",")+`],"text":"ignored"}`)
	case rnd.IntN(4) > 0:
		parts = append(parts, fmt.Sprintf(`"code":{"text":"text %d"}`, rnd.IntN(3)))
	}
	if rnd.IntN(3) > 0 {
		parts = append(parts, fmt.Sprintf(`"category":[{"coding":[{"system":"urn:cat","code":"k%d"}]}]`, rnd.IntN(2)))
	}
	parts = append(parts, fmt.Sprintf(`"subject":{"reference":"Patient/%d"}`, rnd.IntN(2)))
	switch day := rnd.IntN(9) + 1; rnd.IntN(8) {
	case 0:
	case 1:
		parts = append(parts, fmt.Sprintf(`"effectivePeriod":{"start":"2024-03-%02d","end":"2024-04-%02d"}`, day, day))
	case 2:
		parts = append(parts, fmt.Sprintf(`"effectivePeriod":{"start":"2024-03-%02d"}`, day))
	default:
		parts = append(parts, fmt.Sprintf(`"effectiveDateTime":"2024-03-%02dT12:00:00Z"`, day))
	}
	return strings.Join(parts, ",")
}

// TestLatest compares the walk over sets of tokens with reading everything.
func TestLatest(t *testing.T) {
	registry := newRegistry(t)
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		s := openMemory(t)
		n := []int{3, 20, 150}[seed%3]
		for i := range n {
			op := observationOp(t, registry, store.Update, fmt.Sprintf("o%d", rnd.IntN(n)), randomObservation(rnd))
			if i%11 == 10 {
				op.Method = store.Delete
			}
			if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil {
				t.Fatal(err)
			}
		}
		for _, criteria := range []string{"patient=0", "patient=1", "patient=Patient/0&category=k0", "subject=Patient/1&code=c1,urn:s1|c2", "patient=0&code:not=c1&category=urn:cat|k1",
			"patient=0&date=lt2024-03-06", "patient=1&date=ge2024-03-04&status=final", "patient=0&date:missing=true", "patient=0,1", "patient=2"} {
			for _, most := range []int{1, 2, 5} {
				pairs, err := search.ParseQuery(criteria)
				if err != nil {
					t.Fatal(err)
				}
				request, err := registry.Parse("Observation", pairs, search.ParseOptions{Strict: true})
				if err != nil {
					t.Fatal(err)
				}
				q := store.LatestQuery{Type: "Observation", Plan: request.Query.Plan, Max: most, Limit: 1000}
				want, err := store.Newest(t.Context(), onlyStore{s}, q)
				if err != nil {
					t.Fatal(err)
				}
				got, err := store.Newest(t.Context(), s, q)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(keysOf(want), keysOf(got)); d != "" {
					t.Fatalf("seed %d, %s, max %d: -all +latest\n%s", seed, criteria, most, d)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func keysOf(versions []store.Version) []string {
	var keys []string
	for _, v := range versions {
		keys = append(keys, v.Key.String())
	}
	return keys
}

// TestLatestGroups pins the table of the specification (R4 observation-operation-lastn.html): which codes make how many groups.
func TestLatestGroups(t *testing.T) {
	registry := newRegistry(t)
	coded := func(codes ...string) string {
		var list []string
		for _, code := range codes {
			list = append(list, `{"system":"urn:s","code":"`+code+`"}`)
		}
		return `"code":{"coding":[` + strings.Join(list, ",") + `]}`
	}
	for _, c := range []struct {
		name  string
		codes []string
		want  string
	}{
		{"three codes", []string{coded("a"), coded("b"), coded("c")}, "2 1 0"},
		{"two share one", []string{coded("a"), coded("b"), coded("a", "c")}, "2 1"},
		{"one links two", []string{coded("a"), coded("b"), coded("a", "b")}, "2"},
		{"texts as they stand", []string{`"code":{"text":"textM"}`, `"code":{"text":"Text"}`, `"code":{"text":"t e x t"}`}, "2 1 0"},
		{"equal texts", []string{`"code":{"text":"x"}`, `"code":{"text":"x"}`, coded("x")}, "2 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openMemory(t)
			defer s.Close()
			for i, code := range c.codes {
				body := fmt.Sprintf(`%s,"subject":{"reference":"Patient/1"},"effectiveDateTime":"2024-03-0%d"`, code, i+1)
				if _, err := s.Apply(t.Context(), []store.Op{observationOp(t, registry, store.Create, fmt.Sprint(i), body)}); err != nil {
					t.Fatal(err)
				}
			}
			key := "subject\x01rPatient/1"
			got, err := store.Newest(t.Context(), s, store.LatestQuery{Type: "Observation", Plan: search.Keys{Lo: key, Hi: key + "\x00"}, Max: 1, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, v := range got {
				ids = append(ids, v.Key.ID)
			}
			if d := cmp.Diff(c.want, strings.Join(ids, " ")); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// BenchmarkLatest asks for the newest of each code of a patient with 100,000 Observations. The budget is 5 ms (design, section 11).
func BenchmarkLatest(b *testing.B) {
	s, _ := filled(b, 200_000, 2)
	category := "category\x01tvital-signs\x01http://terminology.hl7.org/CodeSystem/observation-category"
	var _ store.Latest = (*pebble.Store)(nil)
	for _, most := range []int{1, 10} {
		b.Run(fmt.Sprintf("max %d", most), func(b *testing.B) {
			b.ReportAllocs()
			defer meter(b)()
			start := time.Now()
			for b.Loop() {
				subject := fmt.Sprintf("subject\x01rPatient/p%d", rand.IntN(2))
				q := store.LatestQuery{Type: "Observation", Max: most, Limit: 1000,
					Plan: search.And{search.Keys{Lo: subject, Hi: subject + "\x00"}, search.Keys{Lo: category, Hi: category + "\x00"}}}
				found, err := s.Latest(b.Context(), q)
				if err != nil || len(found) == 0 {
					b.Fatal(len(found), err)
				}
			}
			b.ReportMetric(float64(time.Since(start).Milliseconds())/float64(b.N), "ms/op")
		})
	}
}
