package store

import (
	"context"
	"time"

	"github.com/firth-health/firth/fhir"
)

// ExportBytes bounds one page of an export, besides its limit.
const ExportBytes = 8 << 20

// Archive lets everything in a store be moved to another: all versions of all resources, deletions included, under their ids, version ids and instants. It is
// an optional interface.
type Archive interface {
	// Export returns versions in the order in which they were written, those of one instant in one order that stays. It sees what was committed before the call; pages may be
	// short, and one without versions is the end, from whose cursor a later call goes on. Nobody may write meanwhile: a store with several servers numbers versions before it
	// commits them, so that a page can miss one whose commit comes later. ErrBadCursor.
	Export(ctx context.Context, q ExportQuery) (*ExportPage, error)

	// Restore writes versions as they were, in the order of Export. A version that is there already stays, so that the same call completes what one that was interrupted, or
	// ended with ErrUnknown or ErrBusy, left; at any time readers find of each resource a beginning of its versions. ErrConflict, in an *OpError, for one that does not follow
	// the newest version of its resource, or is older than the newest instant in the store (that which such a call wrote does not count): then those before it may have been
	// written, and none behind it.
	Restore(ctx context.Context, all []Restored) error
}

// ExportQuery asks for a page of an export.
type ExportQuery struct {
	Cursor string // ExportPage.Next of the page before; empty for the first
	Limit  int    // most versions on the page, 1 at least
}

// ExportPage is a page of an export.
type ExportPage struct {
	Versions []Version
	Next     string // cursor behind the last version
}

// Restored is a version as it was. Of the operation, preconditions must be empty.
type Restored struct {
	Op
	Version     string
	LastUpdated time.Time
}

// CheckRestored verifies what Restore may be given, as [CheckOps] does.
func CheckRestored(all []Restored) error {
	ops := make([]Op, len(all))
	for i := range all {
		r := &all[i]
		text := ""
		switch {
		case r.Version == "" || r.LastUpdated.IsZero() || r.LastUpdated.Nanosecond()%int(time.Millisecond) != 0:
			text = "no version, or no instant in milliseconds"
		case r.IfMatch != "" || r.IfNoneMatch || r.IfNoneExist != nil || r.Expect != "" || r.ExpectNone || r.ExpectVersion != "":
			text = "a precondition"
		case i > 0 && r.LastUpdated.Before(all[i-1].LastUpdated):
			text = "before the one in front of it"
		}
		if text != "" {
			return broken("Restore", "version %d: %s", i, text)
		}
		ops[i] = r.Op
	}
	return CheckOps(ops)
}

// VersionKey is the key with the version.
func (r *Restored) VersionKey() fhir.Key {
	return fhir.Key{Type: r.Key.Type, ID: r.Key.ID, Version: r.Version}
}
