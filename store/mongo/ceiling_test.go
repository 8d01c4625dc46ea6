package mongo_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

func TestCeiling(t *testing.T) {
	raw := make([]byte, 6)
	rand.Read(raw)
	uri := mongo.InDatabase(serverURI(t), "firth_test_ceiling_"+hex.EncodeToString(raw))
	t.Cleanup(func() {
		if err := mongo.Drop(context.Background(), uri); err != nil {
			t.Error(err)
		}
	})
	opts := mongo.Options{AllowStandalone: !real()}
	registry := newRegistry(t)
	var ops []store.Op
	for i := range 5 {
		ops = append(ops, reading(t, registry, i))
	}
	for _, batch := range []int{1, 10} {
		rate, err := mongo.Ceiling(t.Context(), uri, opts, store.CeilingLoad{Ops: ops, Clients: 2, Batch: batch, Duration: 50 * time.Millisecond})
		if err != nil || rate <= 0 {
			t.Errorf("%d documents a command: %v, %v", batch, rate, err)
		}
	}
	request, err := registry.Parse("Observation", []search.Pair{{Name: "patient", Value: "p1"}, {Name: "code", Value: "http://loinc.org|8867-4"}, {Name: "_sort", Value: "-date"}}, search.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	newest := *request.Query
	newest.Count = 3
	byID := search.Query{Type: "Observation", Plan: search.IDs{"x"}}
	rate, err := mongo.FindCeiling(t.Context(), uri, opts, mongo.FindLoad{Queries: []search.Query{newest}, Clients: 2, Duration: 50 * time.Millisecond})
	if err != nil || rate <= 0 {
		t.Errorf("finds by patient and code: %v, %v", rate, err)
	}
	if _, err := mongo.FindCeiling(t.Context(), uri, opts, mongo.FindLoad{Queries: []search.Query{byID}, Clients: 1, Duration: time.Millisecond}); err == nil {
		t.Error("a document that is not there was found")
	}
	if _, err := mongo.FindCeiling(t.Context(), uri, opts, mongo.FindLoad{Queries: []search.Query{{Type: "Observation", Plan: search.All{}}}, Clients: 1}); err == nil {
		t.Error("a find of everything")
	}
	if _, err := mongo.Ceiling(t.Context(), uri, opts, store.CeilingLoad{}); err == nil {
		t.Error("a ceiling of nothing")
	}
}

func newRegistry(t *testing.T) *search.Registry {
	t.Helper()
	definitions, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	registry, err := search.NewRegistry(definitions, search.Options{References: true})
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

func reading(t *testing.T, registry *search.Registry, i int) store.Op {
	t.Helper()
	resource, err := fhir.ParseResource(fmt.Appendf(nil, `{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},`+
		`"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2024-01-01T00:00:%02dZ","valueQuantity":{"value":%d.50}}`, i, i, i))
	if err != nil {
		t.Fatal(err)
	}
	stamped, err := resource.Stamp(resource.ID())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := registry.Extract(resource)
	if err != nil {
		t.Fatal(err)
	}
	return store.Op{Method: store.Create, Key: fhir.Key{Type: "Observation", ID: resource.ID()}, Resource: stamped, Keys: keys}
}
