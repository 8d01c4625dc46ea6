package store

import (
	"context"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// The extras of a back end are found by type assertion. A wrapper such as the one of [Contract] hides them; [Unwrap] finds them behind it.

// Transactional is of stores that may be without transactions, such as one on a standalone MongoDB server.
type Transactional interface {
	// Transactions reports whether Apply takes several operations at once, and IfNoneExist. It never changes while the store is open.
	Transactions() bool
}

// Explainer tells how a query is answered and what that cost. It runs the query.
type Explainer interface {
	Explain(ctx context.Context, q *search.Query) (*Explanation, error)
}

// Explanation is how one page of a query came about.
type Explanation struct {
	Strategy string   // the chosen way in one phrase, e.g. "hot index walk"
	Steps    []string // the plan as executed, a line a node, two spaces of indent a level
	Counters Counters
	Page     *Page
}

// Counters are what a query touched.
type Counters struct {
	Seeks    int           // positionings of an iterator
	Keys     int           // index entries read
	Tested   int           // candidates whose stored key list was checked
	Bodies   int           // resources read
	Duration time.Duration // wall time
}

// Checker verifies that indexes, key lists, current versions and counters of a store agree.
type Checker interface {
	// Check calls report for each disagreement, in no particular order, and returns how many resources it looked at. The error is one of reading or
	// of ctx; disagreement is none.
	Check(ctx context.Context, report func(Finding)) (resources int, err error)
}

// Finding is one disagreement inside a store.
type Finding struct {
	Key  fhir.Key // what it is about; may be empty
	Text string
}

// Backuper writes a consistent copy of the store while it runs.
type Backuper interface {
	// Backup writes into dir, which must not exist; the copy opens like any store.
	Backup(ctx context.Context, dir string) error
}

// Measurer streams what statistics over Observations need without reading them.
type Measurer interface {
	// Measures calls visit for each match, in the order of time ([search.HotIndex.Time]), those without a time last, ties in order of creation. It gets the
	// measure, valid until it returns, or where the store has none of that version the version itself. The first error of visit ends the call. ErrUnsupported
	// when the store has no fast way for this plan: then [Store.Search] has one.
	Measures(ctx context.Context, q MeasuresQuery, visit func(m search.Measure, v *Version) error) error
}

// MeasuresQuery asks for measures.
type MeasuresQuery struct {
	Type    string
	Plan    search.Plan // what all matches have in common
	Content search.Plan // what the caller finds out from a measure: only resources without one are tested
}

// Changes is an ordered feed of what was committed.
type Changes interface {
	// Changes returns at most limit changes with a sequence greater than after, in the order of their commit. A sequence never comes twice; gaps
	// are possible. An empty answer means that nothing happened since. Unlike an export ([Archive]) it misses nothing that is committed while it is read: what commits later has a
	// greater sequence, also where its LastUpdated is smaller.
	Changes(ctx context.Context, after uint64, limit int) ([]Change, error)
}

// Change is one committed version.
type Change struct {
	Sequence    uint64
	Key         fhir.Key // with Version
	Method      Method
	LastUpdated time.Time
}

// Unwrap returns the innermost store behind wrappers that have a method Unwrap() Store.
func Unwrap(s Store) Store {
	for {
		w, ok := s.(interface{ Unwrap() Store })
		if !ok {
			return s
		}
		s = w.Unwrap()
	}
}

// AppendOnly is of stores in which resources of some types are only created, never changed or deleted.
type AppendOnly interface {
	AppendOnly(resourceType string) bool
}

// IsAppendOnly reports whether a store, or one that it wraps, is [AppendOnly] for a type.
func IsAppendOnly(s Store, resourceType string) bool {
	for {
		if a, ok := s.(AppendOnly); ok && a.AppendOnly(resourceType) {
			return true
		}
		w, ok := s.(interface{ Unwrap() Store })
		if !ok {
			return false
		}
		s = w.Unwrap()
	}
}
