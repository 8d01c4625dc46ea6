package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/store"
)

// adaptersKind is where a store keeps which adapters the server before had: one record, id to version.
const (
	adaptersKind = "firth-adapters"
	adaptersID   = "published"
)

// tellAdapters records which adapters were published, changed or withdrawn since a server was on the store last. Adapters are part of the program, so that they change between one start and the next.
func (z *secured) tellAdapters(ctx context.Context, s store.Store, registry *adapters.Registry) error {
	state, ok := store.Unwrap(s).(store.State)
	if !ok || z.trail == nil {
		return nil
	}
	now, before := map[string]string{}, map[string]string{}
	for _, a := range registry.All() {
		now[a.ID()] = a.Manifest().Version
	}
	known, err := state.GetState(ctx, adaptersKind, adaptersID)
	revision := uint64(0)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	default:
		if revision, err = known.Revision, json.Unmarshal(known.Value, &before); err != nil {
			return fmt.Errorf("the record of adapters: %w", err)
		}
	}
	if maps.Equal(now, before) {
		return nil
	}
	for _, detail := range adapterChanges(before, now) {
		if err := z.trail.Record(ctx, &audit.Event{Interaction: audit.AdapterSet, Detail: detail, Durable: true}); err != nil {
			return err
		}
	}
	value, err := json.Marshal(now)
	if err != nil {
		return err
	}
	_, err = state.PutState(ctx, adaptersKind, adaptersID, value, revision)
	if errors.Is(err, store.ErrConflict) { // another server of the same kind starts just now, and tells as well
		return nil
	}
	return err
}

// adapterChanges says in words, by id, what became of adapters.
func adapterChanges(before, now map[string]string) (changes []string) {
	ids := maps.Clone(before)
	maps.Copy(ids, now)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		old, was := before[id]
		version, is := now[id]
		switch {
		case !was:
			changes = append(changes, fmt.Sprintf("adapter %s published, version %s", id, version))
		case !is:
			changes = append(changes, fmt.Sprintf("adapter %s withdrawn, version %s", id, old))
		case old != version:
			changes = append(changes, fmt.Sprintf("adapter %s changed from version %s to %s", id, old, version))
		}
	}
	return changes
}
