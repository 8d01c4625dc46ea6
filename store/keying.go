package store

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/firth-health/firth/search"
)

const (
	keyingKind = "keying"
	keyingID   = "keys"
)

// ReadKeying returns what the index keys of all resources in a store were made with. It is the zero value while that is not one and the same for all, and, with the revision 0, where nothing
// is recorded.
func ReadKeying(ctx context.Context, s State) (k search.Keying, revision uint64, err error) {
	record, err := s.GetState(ctx, keyingKind, keyingID)
	if errors.Is(err, ErrNotFound) {
		return k, 0, nil
	}
	if err != nil {
		return k, 0, err
	}
	return k, record.Revision, json.Unmarshal(record.Value, &k)
}

// WriteKeying records what the index keys of all resources are made with, as [State].PutState does. Who is about to write keys made with anything else than what is recorded writes the zero
// value first.
func WriteKeying(ctx context.Context, s State, k search.Keying, ifRevision uint64) (revision uint64, err error) {
	value, err := json.Marshal(k)
	if err != nil {
		return 0, err
	}
	return s.PutState(ctx, keyingKind, keyingID, value, ifRevision)
}
