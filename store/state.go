package store

import (
	"context"
	"strings"
)

// State keeps small named records of the server itself, which are no resources: how far a job is, what was granted. They survive a restart. It is an
// optional interface.
type State interface {
	// GetState returns a record. ErrNotFound.
	GetState(ctx context.Context, kind, id string) (*Record, error)

	// PutState writes a record whose revision is ifRevision, or with 0 one that does not exist, and returns its new revision, which is greater than all
	// that the record ever had while it existed. ErrConflict when the revision is another; ErrUnknown.
	PutState(ctx context.Context, kind, id string, value []byte, ifRevision uint64) (revision uint64, err error)

	// DeleteState deletes a record whose revision is ifRevision. ErrNotFound, ErrConflict, ErrUnknown. Of several calls at once for one revision one succeeds.
	DeleteState(ctx context.Context, kind, id string, ifRevision uint64) error

	// ListState returns up to limit records of a kind in the order of their ids (bytewise), beginning behind the id after.
	ListState(ctx context.Context, kind, after string, limit int) ([]Record, error)
}

// Record is one record of [State].
type Record struct {
	Kind, ID string
	Revision uint64 // from 1
	Value    []byte
}

// Bounds on records.
const (
	MaxStateName  = 256     // bytes of a kind or an id
	MaxStateValue = 1 << 20 // bytes
)

// CheckState verifies the name and the value of a record, as [CheckOps] does.
func CheckState(method, kind, id string, value []byte) error {
	for _, name := range []string{kind, id} {
		if name == "" || len(name) > MaxStateName || strings.IndexByte(name, 0) >= 0 {
			return broken(method, "the name %q/%q is empty, too long or has a NUL", kind, id)
		}
	}
	if len(value) > MaxStateValue {
		return broken(method, "a value of %d bytes", len(value))
	}
	return nil
}
