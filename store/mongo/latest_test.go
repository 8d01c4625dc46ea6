package mongo_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// plain hides the optional interfaces of a store.
type plain struct{ store.Store }

// TestLatest compares the newest of each code with those that reading all resources gives.
func TestLatest(t *testing.T) {
	s := open(t, mongo.Options{})
	defer s.Close()
	r := rand.New(rand.NewPCG(1, 2))
	codes := []string{`{"coding":[{"code":"hr","system":"L"}]}`, `{"coding":[{"code":"hr","system":"L"},{"code":"x"}]}`, `{"coding":[{"code":"x"}],"text":"t"}`, `{"text":"free"}`, `{"coding":[{"code":"bp","system":"L"}]}`}
	for i := range 60 {
		day := fmt.Sprintf("2024-03-%02d", 1+r.IntN(9))
		text := fmt.Sprintf(`{"resourceType":"Observation","code":%s,"valueQuantity":{"value":%d.50},"effectiveDateTime":%q}`, codes[r.IntN(len(codes))], i, day)
		low := "202403" + day[8:] + "000000000000"
		keys := []string{"date\x01h" + low + "\x01" + low, "date\x01l" + low + "\x01" + low, "subject\x01rPatient/p"}
		if i%7 == 0 { // without a time, and as a client formats it
			text = fmt.Sprintf("{ \"resourceType\":\"Observation\",\n\"code\":%s,\"x\":%d}", codes[r.IntN(len(codes))], i)
			keys = keys[2:]
		}
		resource, err := fhir.ParseResource([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		op := store.Op{Method: store.Create, Key: fhir.Key{Type: "Observation", ID: fmt.Sprint("o", i)}, Keys: slices.Clone(keys)}
		if op.Resource, err = resource.Stamp(op.Key.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil {
			t.Fatal(err)
		}
	}
	for _, most := range []int{1, 2, 5} {
		q := store.LatestQuery{Type: "Observation", Plan: search.Keys{Lo: "subject\x01rPatient/p", Hi: "subject\x01rPatient/p\x00"}, Max: most, Limit: 1000}
		want, err := store.Newest(t.Context(), plain{s}, q)
		if err != nil || len(want) < 3*most {
			t.Fatalf("%d, %v", len(want), err)
		}
		got, err := s.Latest(t.Context(), q)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%d of each: %v (-all read +latest):\n%s", most, err, diff)
		}
	}
}
