package adapters

import (
	"context"
	"errors"
)

// The vocabulary of a [Repository]'s failures.
var (
	// ErrAmbiguous says that several resources carry an identifier that should name one.
	ErrAmbiguous = errors.New("more than one resource has this identifier")
	// ErrConflict says that something changed between Resolve and Write; nothing was written and the ingestion may begin again.
	ErrConflict = errors.New("conflict")
)

// Repository is where ingestion looks up identities and writes. It is safe for concurrent use.
type Repository interface {
	// Resolve returns the id of the one resource of a type that carries the identifier; "" if there is none, ErrAmbiguous if several.
	// An empty system matches identifiers without system.
	Resolve(ctx context.Context, resourceType, system, value string) (id string, err error)

	// Write commits all drafts or none, and returns one Outcome each, in order.
	//
	// A CreateIfNoneExist draft relies on no resource having its identifier, because other drafts refer to its id: when one has it now
	// with another id, Write returns ErrConflict; with the same id, Existing.
	//
	// For a PutIfChanged draft it reads the current version under the id. None: Created. Else it asks Draft.Reconcile what to store: nothing, Unchanged; or a new
	// version, Updated, on the condition that the version read is still the current one (else ErrConflict).
	Write(ctx context.Context, drafts []Draft) ([]Outcome, error)
}

// Outcome is what became of a draft.
type Outcome uint8

// The outcomes of a draft.
const (
	Created Outcome = iota + 1
	Updated
	Unchanged
	Existing
)
