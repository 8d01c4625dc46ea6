package pebble_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// TestGivenUp calls everything with a context that has ended: nothing keeps the store from closing afterwards.
func TestGivenUp(t *testing.T) {
	s, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), readings(t, 0, 3, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	all := search.Keys{Lo: "code\x01", Hi: "code\x02"}
	q := &search.Query{Type: "Observation", Plan: all, Count: 1}
	for name, call := range map[string]func() error{
		"Read":    func() error { _, err := s.Read(ctx, fhir.Key{Type: "Observation", ID: "x"}); return err },
		"Search":  func() error { _, err := s.Search(ctx, q); return err },
		"Explain": func() error { _, err := s.Explain(ctx, q); return err },
		"History": func() error { _, err := s.History(ctx, store.HistoryQuery{Type: "Observation", Count: 1}); return err },
		"Apply":   func() error { _, err := s.Apply(ctx, readings(t, 3, 4, 1)); return err },
		"Latest": func() error {
			_, err := s.Latest(ctx, store.LatestQuery{Type: "Observation", Plan: all, Max: 1, Limit: 1})
			return err
		},
		"DistinctKeys": func() error { _, err := s.DistinctKeys(ctx, "Observation", all, 1); return err },
		"Measures": func() error {
			return s.Measures(ctx, store.MeasuresQuery{Type: "Observation", Plan: all}, func(search.Measure, *store.Version) error { return nil })
		},
		"Changes":   func() error { _, err := s.Changes(ctx, 0, 1); return err },
		"Walk":      func() error { _, err := s.Walk(ctx, store.WalkQuery{Type: "Observation", Limit: 1}); return err },
		"Export":    func() error { _, err := s.Export(ctx, store.ExportQuery{Limit: 1}); return err },
		"GetState":  func() error { _, err := s.GetState(ctx, "a", "b"); return err },
		"ListState": func() error { _, err := s.ListState(ctx, "a", "", 1); return err },
		"PutState":  func() error { _, err := s.PutState(ctx, "a", "b", nil, 0); return err },
		"Check":     func() error { _, err := s.Check(ctx, func(store.Finding) {}); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the store does not close")
	}
}
