package pebble_test

import (
	"testing"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
	"github.com/firth-health/firth/store/storetest"
)

func openMemory(t *testing.T) store.Store {
	t.Helper()
	s, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openDir(t *testing.T, dir string) store.Store {
	t.Helper()
	s, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, openMemory) }

func TestPersistent(t *testing.T) { storetest.RunPersistent(t, openDir) }

func TestDifferential(t *testing.T) {
	storetest.Differential(t, openMemory, 1, storetest.Cases(t, 2000))
}

func TestDifferentialTuned(t *testing.T) {
	storetest.Differential(t, func(t *testing.T) store.Store { return pebble.OpenTuned(t) }, 1, storetest.Cases(t, 2000))
}

func TestReal(t *testing.T) {
	storetest.Real(t, openMemory, "../../../shared/data/r4-examples", 1, storetest.Cases(t, 3000))
}

func TestRealTuned(t *testing.T) {
	storetest.Real(t, func(t *testing.T) store.Store { return pebble.OpenTuned(t) }, "../../../shared/data/r4-examples", 2, storetest.Cases(t, 3000))
}
