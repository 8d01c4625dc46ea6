package storecopy

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/firth-health/firth/store"
)

// mark is where a copy stands, kept in the target so that an interrupted copy goes on there. A store that keeps no records is copied from the beginning again, which
// skips what is there.
type mark struct {
	Cursor string `json:"cursor"`

	state    store.State
	revision uint64
}

const (
	markKind = "store-copy"
	markID   = "cursor"
)

func readMark(ctx context.Context, target store.Store) (*mark, error) {
	m := &mark{}
	var ok bool
	if m.state, ok = store.Unwrap(target).(store.State); !ok {
		return m, nil
	}
	record, err := m.state.GetState(ctx, markKind, markID)
	if errors.Is(err, store.ErrNotFound) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	m.revision = record.Revision
	return m, json.Unmarshal(record.Value, m)
}

func (m *mark) move(ctx context.Context, cursor string) error {
	m.Cursor = cursor
	if m.state == nil {
		return nil
	}
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	m.revision, err = m.state.PutState(ctx, markKind, markID, value, m.revision)
	return err
}

func (m *mark) remove(ctx context.Context) error {
	if m.state == nil || m.revision == 0 {
		return nil
	}
	return m.state.DeleteState(ctx, markKind, markID, m.revision)
}
