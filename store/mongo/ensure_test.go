package mongo

import (
	"context"
	"errors"
	"testing"
)

// TestNobodyWaitsForIndexes shows that who writes the first resource of a type waits for the indexes of another no longer than he wants to.
func TestNobodyWaitsForIndexes(t *testing.T) {
	s := &Store{indexing: make(chan struct{}, 1)}
	s.indexing <- struct{}{}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := s.ensure(gone, "Patient"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
