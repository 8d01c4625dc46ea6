package storecopy

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/firth-health/firth/store"
)

// recordPage is how many records are read at once.
const recordPage = 200

// records copies the records of the kinds named, and reads them back. Those that an earlier, interrupted run copied are left.
func (c *copying) records(ctx context.Context) (copied int64, err error) {
	if len(c.Kinds) == 0 {
		return 0, nil
	}
	from, ok := store.Unwrap(c.From).(store.State)
	to, ok2 := store.Unwrap(c.To).(store.State)
	if !ok || !ok2 {
		return 0, errors.New("one of the stores keeps no records")
	}
	for _, kind := range c.Kinds {
		err := eachRecord(ctx, from, kind, func(r *store.Record) error {
			copied++
			return putRecord(ctx, to, r)
		})
		if err != nil {
			return copied, fmt.Errorf("records %s: %w", kind, err)
		}
		if err := sameRecords(ctx, from, to, kind); err != nil {
			return copied, fmt.Errorf("records %s: %w", kind, err)
		}
	}
	return copied, nil
}

func eachRecord(ctx context.Context, s store.State, kind string, visit func(*store.Record) error) error {
	for after := ""; ; {
		page, err := s.ListState(ctx, kind, after, recordPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := visit(&page[i]); err != nil {
				return err
			}
			after = page[i].ID
		}
	}
}

func putRecord(ctx context.Context, to store.State, r *store.Record) error {
	_, err := to.PutState(ctx, r.Kind, r.ID, r.Value, 0)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	there, err := to.GetState(ctx, r.Kind, r.ID)
	if err != nil || bytes.Equal(there.Value, r.Value) {
		return err
	}
	_, err = to.PutState(ctx, r.Kind, r.ID, r.Value, there.Revision)
	return err
}

// sameRecords compares what both stores have of a kind.
func sameRecords(ctx context.Context, from, to store.State, kind string) error {
	expected := 0
	err := eachRecord(ctx, from, kind, func(r *store.Record) error {
		expected++
		there, err := to.GetState(ctx, kind, r.ID)
		if err == nil && !bytes.Equal(there.Value, r.Value) {
			err = ErrDiffers
		}
		return err
	})
	if err != nil {
		return err
	}
	found := 0
	if err := eachRecord(ctx, to, kind, func(*store.Record) error { found++; return nil }); err != nil {
		return err
	}
	if found != expected {
		return fmt.Errorf("%w: %d records, and %d", ErrDiffers, expected, found)
	}
	return nil
}
