package server

import (
	"testing"
	"time"

	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/store"
)

func openStore(t testing.TB) store.Store {
	t.Helper()
	clock := steppingClock()
	if teststore.MongoDB() { // its records are not commits, and leave the clock alone
		return teststore.Open(t, teststore.Options{Clock: clock})
	}
	earlier := func() time.Time { return clock().Add(-time.Second) } // what the server notes about the store at its start takes the first step
	return teststore.Open(t, teststore.Options{Clock: earlier})
}
