package server

import (
	"testing"

	"github.com/firth-health/firth/store"
)

// checkIndex expects no disagreement inside of a store.
func checkIndex(t *testing.T, s store.Store) {
	t.Helper()
	_, err := store.Unwrap(s).(store.Checker).Check(t.Context(), func(f store.Finding) { t.Errorf("%s: %s", f.Key, f.Text) })
	if err != nil {
		t.Error(err)
	}
}
