package store

import (
	"context"
	"errors"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// The vocabulary of failure. A store returns nothing else but these (wrapped with context where that helps), the error of a cancelled context, and I/O errors.
var (
	ErrNotFound     = errors.New("not found")                        // never existed, or no such version
	ErrGone         = errors.New("deleted")                          // existed and is deleted
	ErrConflict     = errors.New("conflict")                         // lost a race; the caller may read again and retry
	ErrPrecondition = errors.New("precondition failed")              // If-Match or If-None-Match does not hold
	ErrMultiple     = errors.New("more than one match")              // a conditional operation is ambiguous
	ErrUnsupported  = errors.New("not supported by this store")      // e.g. transactions on a standalone MongoDB
	ErrBusy         = errors.New("overloaded, try again later")      // admission refused; nothing was done
	ErrUnknown      = errors.New("may have been done or not")        // the answer to a write was lost, and what came of it could not be found out: all or nothing
	ErrTooCostly    = errors.New("too costly")                       // takes more work than one query may cost
	ErrBadCursor    = errors.New("page cursor is not of this query") // the client changed or invented it
)

// Store keeps resources, all their versions and their index keys. It is safe for concurrent use. What was acknowledged survives the death of the
// process. Every method honours its context.
type Store interface {
	// Read returns the current version, or with Key.Version that version. ErrNotFound, ErrGone (also for the version that is the deletion).
	Read(ctx context.Context, key fhir.Key) (*Version, error)

	// Search returns one page, exact or an error; never partial. ErrBadCursor, ErrUnsupported, ErrBusy.
	Search(ctx context.Context, q *search.Query) (*Page, error)

	// History returns versions, newest first. ErrNotFound when an instance is asked that never existed.
	History(ctx context.Context, q HistoryQuery) (*HistoryPage, error)

	// Apply commits all operations or none, in order, with their preconditions checked inside the commit: an operation sees what those before it
	// did, two on one key are ErrConflict. It returns one Result an Op, or an *OpError that names the failing one and wraps a sentinel. When ctx ends
	// while the call waits, its error alone says that nothing was committed; with ErrUnknown the operations may have been committed or not, but all or none.
	Apply(ctx context.Context, ops []Op) ([]Result, error)

	Close() error
}

// Method is how a version came to be; it is what history tells (R4 http.html#history).
type Method uint8

// The methods of a version.
const (
	Create Method = iota + 1 // POST
	Update                   // PUT
	Delete                   // DELETE
)

// Version is one version of a resource as stored.
type Version struct {
	Key         fhir.Key // with Version set
	LastUpdated time.Time
	Method      Method
	JSON        []byte // the stamped resource; nil for a deletion. Must not be changed.
}

// Deleted reports whether the version is a deletion.
func (v *Version) Deleted() bool { return v.Method == Delete }

// Op is one write. The zero value of each precondition means none.
type Op struct {
	Method Method
	Key    fhir.Key // without Version. A Create whose ID exists (deleted or not) is ErrConflict unless IfNoneExist finds a match first.

	Resource fhir.Stamped // what to store; unused by Delete
	Keys     []string     // index keys of the resource, sorted and unique, without those of stamps (_id, _lastUpdated)

	// Measure is what [search.MeasureOf] says of the resource, for stores that keep it ([Measurer]). Without it a store that keeps measures has none for this version.
	Measure search.Measure

	// Generation is that of the [search.Registry] that made Keys. Stores ignore it; who knows the registry makes the keys anew when it is another by the time of the
	// commit.
	Generation uint64

	IfMatch     string // version id the current version must have
	IfNoneMatch bool   // the resource must not exist now (If-None-Match: *): ErrPrecondition when it does

	// IfNoneExist makes the operation conditional on a search (R4 http.html#ccreate): no match performs it, one match leaves that resource as it
	// is (Result.Existing), more is ErrMultiple. Only Type and Plan count.
	IfNoneExist *search.Query

	// Expect, with IfNoneExist, is the id the caller already built references to: ErrConflict when the search finds
	// another outcome. ExpectNone says that the caller relied on no match.
	Expect     string
	ExpectNone bool

	// ExpectVersion is the version id the caller already built references to: ErrConflict when the operation would make another version.
	ExpectVersion string

	// Note, of the first operation of a call, is for the keeper of the store's journal. Without one ([Journal]) it is ignored.
	Note Note
}

// Result is what became of an Op.
type Result struct {
	Version  Version // the version written, or with Existing the one found. A deletion of what is absent or deleted has a zero Version.Method.
	Existing bool    // nothing was written because IfNoneExist matched
	Created  bool    // the id did not exist before, or was deleted
}

// OpError says which operation failed an Apply.
type OpError struct {
	Index int
	Err   error // wraps a sentinel
}

func (e *OpError) Error() string { return e.Err.Error() }

// Unwrap gives the sentinel to errors.Is.
func (e *OpError) Unwrap() error { return e.Err }

// Page is one page of a search.
type Page struct {
	Matches  []Version // in order
	Included []Version // targets of includes, without duplicates and matches
	Cut      bool      // there are more than MaxIncluded targets, and the rest is left out
	Total    int       // -1 when not counted; pages behind a cursor repeat what the first page counted
	Next     string    // cursor of the next page; empty on the last
}

// HistoryQuery asks for versions of an instance (Type and ID), a type (Type), or all.
type HistoryQuery struct {
	Type, ID string
	Since    time.Time // versions at or after; zero for all
	At       time.Time // with At, versions current at or after that instant; zero for all
	Before   time.Time // versions made before that instant; zero for all
	Count    int       // page size; 0 asks for the total alone
	Cursor   string

	OldestFirst bool // instead of newest first
}

// HistoryPage is one page of versions, newest first unless the query says otherwise.
type HistoryPage struct {
	Versions []Version
	Total    int // -1 when not counted
	Next     string
}
