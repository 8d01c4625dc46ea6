package pebble

import (
	"context"
	"errors"
	"fmt"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/store"
)

// work is what the views of one query share: the moment they read at, what they may cost, and the iterators. Its first error sticks and ends
// every scan; whoever drives a scan asks err at its end.
type work struct {
	s     *Store
	ctx   context.Context
	r     engine.Reader
	snap  *engine.Snapshot // nil when r is not a snapshot of its own
	tune  *tuning
	cost  int  // work done so far, in index entries read
	limit int  // cost at which all scans end; 0 for none
	spent bool // the limit was reached, and what was found is not all
	err   error
	count store.Counters
	begun time.Time

	steps     []string // what explain prints
	explained bool

	open []*engine.Iterator // all, to be closed
	free []*engine.Iterator // to be used again
}

// What an action costs compared with reading the next index entry, for choosing between strategies.
const (
	costSeek = 20
	costTest = 20
)

// fail keeps the first error.
func (w *work) fail(err error) {
	if w.err == nil && err != nil {
		w.err = err
	}
}

// spend books work and looks now and then whether the caller still waits. It returns false when the scan must end.
func (w *work) spend(cost int) bool {
	if before := w.cost; before>>12 != (before+cost)>>12 {
		w.fail(w.ctx.Err())
		if w.cost > w.s.opts.QueryCost {
			w.fail(fmt.Errorf("more than %d index entries to read: %w", w.s.opts.QueryCost, store.ErrTooCostly))
		}
	}
	w.cost += cost
	if w.limit > 0 && w.cost > w.limit {
		w.spent = true
	}
	return !w.stopped()
}

// stopped reports whether scans must end before they are through.
func (w *work) stopped() bool { return w.err != nil || w.spent }

// note adds a line to what explain prints.
func (w *work) note(format string, args ...any) {
	if w.explained {
		w.steps = append(w.steps, fmt.Sprintf(format, args...))
	}
}

// iterator returns an iterator over [lower, upper); nil after an error.
func (w *work) iterator(lower, upper []byte) *engine.Iterator {
	if w.err != nil {
		return nil
	}
	if n := len(w.free); n > 0 {
		it := w.free[n-1]
		w.free = w.free[:n-1]
		it.SetBounds(lower, upper)
		return it
	}
	it, err := w.r.NewIter(&engine.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		w.fail(err)
		return nil
	}
	w.open = append(w.open, it)
	return it
}

// release gives an iterator back.
func (w *work) release(it *engine.Iterator) {
	if it != nil {
		w.fail(it.Error())
		w.free = append(w.free, it)
	}
}

// close closes the iterators and the snapshot.
func (w *work) close() error {
	var err error
	for _, it := range w.open {
		err = errors.Join(err, it.Close())
	}
	if w.snap != nil {
		err = errors.Join(err, w.snap.Close())
	}
	return err
}
