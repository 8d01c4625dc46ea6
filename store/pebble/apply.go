package pebble

import (
	"context"
	"fmt"
	"time"

	"github.com/firth-health/firth/store"
)

// request is one call of Apply on its way through the committer.
type request struct {
	ctx       context.Context
	ops       []store.Op
	act       func(*group) error // instead of ops: what is no operation on resources
	at        int64              // instant of a restore, milliseconds; 0 for now
	versions  []string           // of a restore: the version that each operation makes
	weight    int64
	duplicate int    // index of the first operation whose key an earlier one has; -1 when there is none
	slab      []byte // resources are rendered here
	results   []store.Result
	err       error
	done      chan struct{}
}

// Apply implements [store.Store]. Operations see what earlier ones of the same call did.
func (s *Store) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	if err := store.CheckOps(ops); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if len(ops) == 0 {
		return nil, nil
	}
	r := newRequest(ctx, ops)
	if err := s.admit(ctx, r); err != nil {
		return nil, err
	}
	s.queue <- r // has room: the weight of a request bounds their number
	if err := r.await(); err != nil {
		return nil, err
	}
	return r.results, nil
}

// patience is how long the committer is waited for by a caller who has given up. It is reached when the disk hangs.
const patience = 5 * time.Second

// await returns when a request is answered. When its caller gives up it is done or not, as the committer found it: an error of the context says that nothing was done, store.ErrUnknown that nobody knows.
func (r *request) await() error {
	select {
	case <-r.done:
		return r.err
	case <-r.ctx.Done():
	}
	select {
	case <-r.done:
		return r.err
	case <-time.After(patience):
		return fmt.Errorf("%w: %w", store.ErrUnknown, r.ctx.Err())
	}
}

// newRequest prepares what needs no knowledge of the store, in the caller's goroutine.
func newRequest(ctx context.Context, ops []store.Op) *request {
	r := &request{ctx: ctx, ops: ops, duplicate: store.Repeated(ops), results: make([]store.Result, len(ops)), done: make(chan struct{})}
	size := 0
	for i := range ops {
		size += ops[i].Resource.Size()
		r.weight += int64(keyListSize(ops[i].Keys)+len(ops[i].Measure)) * 2
	}
	r.slab = make([]byte, 0, size)
	r.weight += int64(size) * 2
	return r
}

// admit waits for room among the bytes under way.
func (s *Store) admit(ctx context.Context, r *request) error {
	var err error
	r.weight, err = s.admission.Enter(ctx, max(r.weight, s.opts.QueueBytes/queueLength))
	return err
}
