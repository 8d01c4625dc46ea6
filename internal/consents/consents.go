package consents

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Type is the resource type that is watched.
const Type = "Consent"

const (
	page = 500

	// overlap is how far a look at others reaches behind the last: their clocks may differ, and what was stamped first may be committed last.
	overlap = 2 * time.Minute
)

// Store is a store whose Consents are known as soon as they are written. Its extras are found behind it ([store.Unwrap]).
type Store struct {
	store.Store
	index *auth.Consents
	clock func() time.Time

	mu     sync.Mutex // one reading of what is stored at a time, so that the last one counts
	looked time.Time  // when others were looked at
}

// Over reads all Consents of a store into an index and keeps it in step with what is written through the result.
func Over(ctx context.Context, s store.Store, index *auth.Consents, clock func() time.Time) (*Store, error) {
	w := &Store{Store: s, index: index, clock: clock, looked: clock()}
	err := index.Load(func(yield func(*fhir.Resource, error) bool) {
		q := &search.Query{Type: Type, Plan: search.All{}, Count: page, Total: search.NoTotal}
		for {
			found, err := s.Search(ctx, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range found.Matches {
				if res, err := fhir.ParseResource(found.Matches[i].JSON); !yield(res, err) || err != nil {
					return
				}
			}
			if q.Cursor = found.Next; q.Cursor == "" {
				return
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading Consents: %w", err)
	}
	return w, nil
}

// Unwrap gives the store behind it.
func (w *Store) Unwrap() store.Store { return w.Store }

// Apply implements [store.Store]. Also of a write that failed, or of which nobody knows, it is read what is there.
func (w *Store) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	results, err := w.Store.Apply(ctx, ops)
	for i := range ops {
		if ops[i].Key.Type != Type {
			continue
		}
		// The caller may be gone; what was written binds nevertheless.
		if failed := w.take(context.WithoutCancel(ctx), ops[i].Key.ID); failed != nil && err == nil {
			return nil, fmt.Errorf("a Consent was written and is not in force yet: %w", errors.Join(store.ErrUnknown, failed))
		}
	}
	return results, err
}

// take reads one Consent as it is now.
func (w *Store) take(ctx context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	v, err := w.Read(ctx, fhir.Key{Type: Type, ID: id})
	switch {
	case errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone):
		w.index.Remove(id)
		return nil
	case err != nil:
		return err
	}
	res, err := fhir.ParseResource(v.JSON)
	if err == nil {
		w.index.Put(res)
	}
	return err
}

// Look takes note of what other servers wrote since the last call. It is for stores that are [store.Shared], every second or so.
func (w *Store) Look(ctx context.Context) error {
	now := w.clock()
	q := store.HistoryQuery{Type: Type, Since: w.looked.Add(-overlap), Count: page}
	seen := map[string]bool{}
	for {
		found, err := w.History(ctx, q)
		if err != nil {
			return err
		}
		for i := range found.Versions {
			id := found.Versions[i].Key.ID
			if seen[id] {
				continue
			}
			seen[id] = true
			if err := w.take(ctx, id); err != nil {
				return err
			}
		}
		if q.Cursor = found.Next; q.Cursor == "" {
			w.looked = now
			return nil
		}
	}
}
