package server

import (
	"testing"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

func openStore(t testing.TB) store.Store {
	t.Helper()
	s, err := pebble.Open("", pebble.Options{InMemory: true, Clock: steppingClock()})
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
