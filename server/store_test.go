package server

import (
	"testing"
	"time"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

func openStore(t testing.TB) store.Store {
	t.Helper()
	clock := steppingClock()
	earlier := func() time.Time { return clock().Add(-time.Second) } // what the server notes about the store at its start takes the first step
	s, err := pebble.Open("", pebble.Options{InMemory: true, Clock: earlier})
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
