package audit

import (
	"context"
	"fmt"

	"github.com/firth-health/firth/store"
)

// Note tells the trail of the operations of a call of Apply, as the [store.Op].Note of the first. In a store that is a [store.Journal] its events are part of the commit: there when the
// operations are, and only then.
type Note struct {
	// Tell gives the events to record. It is called by the store's committer, when the caller of Apply may already be gone: it must be quick, and use nothing that the caller may change.
	Tell func(results []store.Result, record func(*Event))

	kept bool
}

// Kept reports whether the events are part of the commit; elsewhere they are to be recorded. It may be asked when Apply has returned without an error.
func (n *Note) Kept() bool { return n.kept }

// entry is what the trail adds to a commit: everything that waited, and the events of the operations.
type entry struct {
	t       *Trail
	batches []*batch
	notesAt int // how many events of the last batch had waited
	records []store.Record

	number uint64 // of the last event
	hash   hash
	before maker // where the chain was
}

// Enter implements [store.Keeper].
func (t *Trail) Enter(notes []store.Noted) (store.Entry, error) {
	now := t.opts.Clock().UnixMilli()
	t.mu.Lock()
	if t.isOver {
		t.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", store.ErrBusy, ErrClosed)
	}
	last := t.take()
	e := &entry{t: t, batches: append(t.returned, last), notesAt: len(last.entries), before: t.maker}
	t.returned = nil
	t.last = max(t.last, now)
	now = t.last
	t.mu.Unlock()
	for _, n := range notes {
		if note, ok := n.Note.(*Note); ok {
			note.Tell(n.Results, func(event *Event) { last.addAll(event, now) })
			note.kept = true
		}
	}
	for _, b := range e.batches {
		e.records = t.maker.blocks(e.records, t.chain, b)
	}
	e.number, e.hash = t.maker.number, t.maker.hash
	return e, nil
}

// Records implements [store.Entry].
func (e *entry) Records() []store.Record { return e.records }

// Abandoned implements [store.Entry]. The events of the operations that were not done are dropped; what had waited waits again.
func (e *entry) Abandoned(err error) {
	t := e.t
	t.maker.number, t.maker.hash = e.before.number, e.before.hash
	last := e.batches[len(e.batches)-1]
	last.cut(e.notesAt)
	for _, b := range e.batches {
		b.tell(unavailable(err))
	}
	t.failed(err)
	t.mu.Lock()
	t.returned = e.batches
	t.mu.Unlock()
	t.poke()
}

// Durable implements [store.Entry].
func (e *entry) Durable(err error) {
	if err != nil {
		e.t.failed(err)
		for _, b := range e.batches {
			b.tell(unavailable(err))
		}
		return
	}
	e.t.writtenWith(e)
	for _, b := range e.batches {
		b.tell(nil)
	}
}

// writtenWith notes how far the chain is durable.
func (t *Trail) writtenWith(e *entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.durable, t.durableHash = e.number, e.hash
	t.recovered()
	t.spare = e.batches[len(e.batches)-1].refill()
	if t.durable-t.checked >= uint64(t.opts.CheckpointEvents) {
		t.poke()
	}
}

// putTogether has the store commit what waits.
func (t *Trail) putTogether(ctx context.Context) error { return t.journal.CommitEntry(ctx) }
