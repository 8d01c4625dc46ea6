package store

import "context"

// Journal is of stores that commit what a [Keeper] writes about operations together with them: neither is there without the other, also after a crash. It is an optional interface. Over other
// stores who keeps a journal writes it behind the commit, and a crash in between loses what it was to say.
type Journal interface {
	// Keep has the commits that follow go through a keeper; nil ends that. ErrConflict when there is another one.
	Keep(ctx context.Context, k Keeper) error

	// CommitEntry calls the keeper in a commit without operations, and returns when what it gave is durable. Without a keeper it does nothing.
	CommitEntry(ctx context.Context) error
}

// Note is what a call of Apply has for the keeper ([Op].Note). The store hands it over as it is.
type Note any

// Noted is a note with the results of its call, of which all is known but that they are durable.
type Noted struct {
	Note    Note
	Results []Result
}

// Keeper keeps a journal as records of [State].
type Keeper interface {
	// Enter makes the entry of a commit, which may be of many calls of Apply. Notes are of those that had one and succeeded, in the order of their commit; they are valid until it returns.
	// It is called by the one goroutine that commits: it must be quick, and not use the store. With an error the commit fails, and with it all calls that are part of it.
	Enter(notes []Noted) (Entry, error)
}

// Entry is what a keeper adds to a commit.
type Entry interface {
	// Records are written with the operations. Their revisions do not count. Those of a keeper's first entry must not exist, or the commit fails; later ones are taken to be new.
	Records() []Record

	// Abandoned says that the commit failed, so that nothing of it was done. It is called by the goroutine that calls Enter, before it does so again.
	Abandoned(err error)

	// Durable says that the commit, and all before it, outlive the process; with an error, that this is not known. It is called in the order of commits, by another goroutine, and before any of
	// the calls that are part of the commit returns.
	Durable(err error)
}
