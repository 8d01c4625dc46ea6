package pebble

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/firth-health/firth/store"
)

// Keep implements [store.Journal].
func (s *Store) Keep(ctx context.Context, k store.Keeper) error {
	return s.perform(ctx, 0, func(g *group) error {
		if k != nil && g.c.keeper != nil {
			return fmt.Errorf("the store's journal is kept by another: %w", store.ErrConflict)
		}
		g.c.keeper, g.c.hasEntered = k, false
		return nil
	})
}

// CommitEntry implements [store.Journal].
func (s *Store) CommitEntry(ctx context.Context) error {
	return s.perform(ctx, 0, func(g *group) error {
		g.wantsEntry = true
		return nil
	})
}

// note takes the note of a request that succeeded to the keeper later, when the group is complete.
func (g *group) note(r *request) {
	if g.c.keeper == nil || r.ops[0].Note == nil {
		return
	}
	g.notes = append(g.notes, store.Noted{Note: r.ops[0].Note, Results: r.results})
}

// enter adds the entry of the journal to a group that is complete otherwise.
func (g *group) enter() error {
	if g.c.keeper == nil || len(g.notes) == 0 && !g.wantsEntry {
		return nil
	}
	entry, err := g.c.keeper.Enter(g.notes)
	if err != nil {
		return fmt.Errorf("the journal of the store: %w", err)
	}
	g.entry = entry
	records := entry.Records()
	for i := range records {
		if err := g.enterRecord(&records[i]); err != nil {
			return err
		}
	}
	g.hasEntry = len(records) > 0
	return nil
}

// enterRecord writes one record. Those of the first entry must be new; later ones go on behind it.
func (g *group) enterRecord(r *store.Record) error {
	if err := store.CheckState("Enter", r.Kind, r.ID, r.Value); err != nil {
		return err
	}
	key := stateKey(r.Kind, r.ID)
	if !g.c.hasEntered {
		taken, err := g.revision(key)
		if err != nil {
			return err
		}
		if taken != 0 {
			return fmt.Errorf("the journal of the store has a record %s/%s already, at revision %d", r.Kind, r.ID, taken)
		}
	}
	op := g.batch.SetDeferred(len(key), 8+len(r.Value))
	copy(op.Key, key)
	binary.BigEndian.PutUint64(op.Value, g.nextRevision())
	copy(op.Value[8:], r.Value)
	return nil
}
