package store

import (
	"context"

	"github.com/firth-health/firth/fhir"
)

// Reindexer lets index keys be made anew without making versions. It is an optional interface.
type Reindexer interface {
	// Walk returns current versions of a type, each once over all pages, in an order that stays when the store is closed and opened. A walk that begins after a call of
	// Apply has returned sees what that call commits, also when it returned early because its ctx ended. Resources created after the walk began may be
	// left out, and do not keep it from its end. ErrBadCursor.
	Walk(ctx context.Context, q WalkQuery) (*WalkPage, error)

	// Rekey replaces the index keys of resources, each on its own, where the version named is still the current one. What is acknowledged is durable.
	Rekey(ctx context.Context, all []Rekey) ([]RekeyResult, error)
}

// WalkQuery asks for a page of a walk. Pages may be short; one without Next is the last.
type WalkQuery struct {
	Type   string
	Cursor string // WalkPage.Next of the page before; empty for the first
	Limit  int    // most versions on the page, 1 at least
}

// WalkPage is a page of a walk.
type WalkPage struct {
	Versions []Version
	Next     string // cursor; empty on the last page
}

// Rekey is one resource and the keys it should have.
type Rekey struct {
	Key  fhir.Key // with Version
	Keys []string // as in [Op]
}

// RekeyResult is what became of a Rekey.
type RekeyResult uint8

// The results of a Rekey.
const (
	Rekeyed    RekeyResult = iota + 1 // the keys were others
	Unchanged                         // the keys were the same
	Superseded                        // the version is not the current one; nothing was done
)

// CheckRekeys verifies what Rekey may be given, as [CheckOps] does.
func CheckRekeys(all []Rekey) error {
	for i := range all {
		r := &all[i]
		text := checkKeys(r.Keys)
		if r.Key.Type == "" || r.Key.Version == "" || !fhir.IsID(r.Key.ID) {
			text = "the key does not name a version"
		}
		if text != "" {
			return broken("Rekey", "resource %d: %s", i, text)
		}
	}
	return nil
}

// ParameterKind is the kind of the records of [State] that say of which search parameters, by the id of their SearchParameter, all resources have the keys.
const ParameterKind = "search-parameter"

// DoubtParameters makes whoever serves the store index search parameters of its own anew. Who writes resources without the keys of SearchParameters in the store calls it
// first.
func DoubtParameters(ctx context.Context, s Store) error {
	state, ok := Unwrap(s).(State)
	if !ok {
		return nil
	}
	for {
		records, err := state.ListState(ctx, ParameterKind, "", 100)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			if err := state.DeleteState(ctx, r.Kind, r.ID, r.Revision); err != nil {
				return err
			}
		}
	}
}
