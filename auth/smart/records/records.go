package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/firth-health/firth/store"
)

// pageSize is how many records are listed at once.
const pageSize = 256

// attempts bounds how often a change is tried again after another one came first.
const attempts = 16

// Kind is all records of one kind. T is encoded by encoding/json.
type Kind[T any] struct {
	state store.State
	name  string
}

// NewKind returns the records of a kind.
func NewKind[T any](state store.State, name string) Kind[T] { return Kind[T]{state: state, name: name} }

// Entry is one record.
type Entry[T any] struct {
	ID       string
	Revision uint64
	Value    T
}

// Get returns a record. [store.ErrNotFound].
func (k Kind[T]) Get(ctx context.Context, id string) (T, error) {
	entry, err := k.Entry(ctx, id)
	return entry.Value, err
}

// Entry returns a record with its revision. [store.ErrNotFound].
func (k Kind[T]) Entry(ctx context.Context, id string) (Entry[T], error) {
	record, err := k.state.GetState(ctx, k.name, id)
	if err != nil {
		return Entry[T]{}, err
	}
	return k.decode(record)
}

func (k Kind[T]) decode(record *store.Record) (Entry[T], error) {
	entry := Entry[T]{ID: record.ID, Revision: record.Revision}
	if err := json.Unmarshal(record.Value, &entry.Value); err != nil {
		return Entry[T]{}, fmt.Errorf("record %s: %w", k.name, err)
	}
	return entry, nil
}

// Create writes a record that does not exist. [store.ErrConflict] when it does, [store.ErrUnknown].
func (k Kind[T]) Create(ctx context.Context, id string, value T) error {
	_, err := k.put(ctx, id, value, 0)
	return err
}

func (k Kind[T]) put(ctx context.Context, id string, value T, revision uint64) (uint64, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return 0, fmt.Errorf("record %s: %w", k.name, err)
	}
	return k.state.PutState(ctx, k.name, id, encoded, revision)
}

// Replace writes a record that has a revision. [store.ErrConflict], [store.ErrUnknown].
func (k Kind[T]) Replace(ctx context.Context, id string, value T, revision uint64) error {
	_, err := k.put(ctx, id, value, revision)
	return err
}

// Update reads a record, lets change alter it, and writes it when nobody else did meanwhile; otherwise it begins again. An error of change ends it and
// is returned as it is. [store.ErrNotFound], [store.ErrConflict] when others always came first, [store.ErrUnknown].
func (k Kind[T]) Update(ctx context.Context, id string, change func(*T) error) (T, error) {
	for range attempts {
		entry, err := k.Entry(ctx, id)
		if err != nil {
			return entry.Value, err
		}
		if err := change(&entry.Value); err != nil {
			return entry.Value, err
		}
		err = k.Replace(ctx, id, entry.Value, entry.Revision)
		if err == nil || !errors.Is(err, store.ErrConflict) {
			return entry.Value, err
		}
	}
	var none T
	return none, fmt.Errorf("record %s: %w", k.name, store.ErrConflict)
}

// Upsert is Update, but a record that does not exist begins as the zero value.
func (k Kind[T]) Upsert(ctx context.Context, id string, change func(*T) error) (T, error) {
	for range attempts {
		entry, err := k.Entry(ctx, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return entry.Value, err
		}
		if err := change(&entry.Value); err != nil {
			return entry.Value, err
		}
		err = k.Replace(ctx, id, entry.Value, entry.Revision)
		if err == nil || !errors.Is(err, store.ErrConflict) {
			return entry.Value, err
		}
	}
	var none T
	return none, fmt.Errorf("record %s: %w", k.name, store.ErrConflict)
}

// Delete deletes a record whatever its revision, and says whether it was this call that did.
func (k Kind[T]) Delete(ctx context.Context, id string) (deleted bool, err error) {
	for range attempts {
		record, err := k.state.GetState(ctx, k.name, id)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if deleted, err := k.DeleteRevision(ctx, id, record.Revision); deleted || err != nil {
			return deleted, err
		}
	}
	return false, fmt.Errorf("record %s: %w", k.name, store.ErrConflict)
}

// DeleteRevision deletes a record that has a revision; false when it changed or is gone.
func (k Kind[T]) DeleteRevision(ctx context.Context, id string, revision uint64) (deleted bool, err error) {
	switch err := k.state.DeleteState(ctx, k.name, id, revision); {
	case err == nil:
		return true, nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrConflict):
		return false, nil
	default:
		return false, err
	}
}

// Each calls f for every record in the order of their ids until f returns false or an error.
func (k Kind[T]) Each(ctx context.Context, f func(Entry[T]) (more bool, err error)) error {
	return k.eachAfter(ctx, "", f)
}

// Below returns the records whose ids begin with a prefix.
func (k Kind[T]) Below(ctx context.Context, prefix string) (entries []Entry[T], err error) {
	err = k.eachAfter(ctx, prefix, func(e Entry[T]) (bool, error) {
		if !strings.HasPrefix(e.ID, prefix) {
			return false, nil
		}
		entries = append(entries, e)
		return true, nil
	})
	return entries, err
}

func (k Kind[T]) eachAfter(ctx context.Context, after string, f func(Entry[T]) (more bool, err error)) error {
	for {
		page, err := k.state.ListState(ctx, k.name, after, pageSize)
		if err != nil {
			return err
		}
		for i := range page {
			entry, err := k.decode(&page[i])
			if err != nil {
				return err
			}
			if more, err := f(entry); err != nil || !more {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// All returns every record.
func (k Kind[T]) All(ctx context.Context) (entries []Entry[T], err error) {
	err = k.Each(ctx, func(e Entry[T]) (bool, error) {
		entries = append(entries, e)
		return true, nil
	})
	return entries, err
}
