package audit

import (
	"context"

	"github.com/firth-health/firth/store"
)

// Kinds are those of the records ([store.State]) that the trail of a store consists of: for whoever copies it. A store that keeps no records has none.
func Kinds(ctx context.Context, s store.Store) ([]string, error) {
	state, ok := store.Unwrap(s).(store.State)
	if !ok {
		return nil, nil
	}
	b := &book{state: state}
	kinds := []string{kindChains}
	err := b.all(ctx, kindChains, "", func(r *store.Record) error {
		kinds = append(kinds, kindEvents+r.ID, kindCheckpoints+r.ID, kindTombstones+r.ID)
		return nil
	})
	return kinds, err
}
