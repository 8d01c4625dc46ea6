package mongo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Apply implements [store.Store]. One operation without IfNoneExist is done without a transaction (single.go), everything else in one (transaction.go);
// docs/adr/0010 says why each is safe at every point where it may be cut off.
func (s *Store) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := store.CheckOps(ops); err != nil || len(ops) == 0 {
		return nil, err
	}
	if i := store.Repeated(ops); i >= 0 {
		return nil, store.Refused(i, store.TwiceError(&ops[i]))
	}
	single := len(ops) == 1 && ops[0].IfNoneExist == nil
	if !single && !s.transactions {
		return nil, fmt.Errorf("several operations at once and conditional creates need a replica set: %w", store.ErrUnsupported)
	}
	for i := range ops {
		if err := s.ensure(ctx, ops[i].Key.Type); err != nil {
			return nil, err
		}
	}
	if found, err := s.resent(ctx, ops); found != nil || err != nil {
		return found, err
	}
	if !single {
		return admitted(ctx, s.entries, int64(len(ops)), func() ([]store.Result, error) { return s.transact(ctx, ops) })
	}
	return admitted(ctx, s.singles, 1, func() ([]store.Result, error) {
		result, err := s.single(ctx, &ops[0])
		if err != nil {
			return nil, store.Refused(0, err)
		}
		return []store.Result{*result}, nil
	})
}

// admitted does work when there is room for it among what is under way.
func admitted[T any](ctx context.Context, room *store.Gate, weight int64, work func() (T, error)) (result T, err error) {
	if weight, err = room.Enter(ctx, weight); err != nil {
		return result, err
	}
	defer room.Leave(weight)
	return work()
}

// permit checks the preconditions of an operation against the newest version, nil when there never was one.
func permit(op *store.Op, old *version) error {
	if old == nil {
		return store.Permit(op, 0, false)
	}
	return store.Permit(op, uint64(old.number), old.live())
}

// idle reports whether an operation changes nothing.
func idle(op *store.Op, old *version) bool { return store.Idle(op, old != nil && old.live()) }

// successor is the version that an operation makes of the newest one, nil when there never was one.
func successor(op *store.Op, old *version, sequence int64) *version {
	v := &version{key: op.Key, number: 1, sequence: sequence, updated: instant(sequence), created: sequence, method: op.Method}
	if old != nil {
		v.number, v.created = old.number+1, old.created
	}
	if v.live() {
		v.render(op)
	}
	return v
}

// render makes content, keys and measure of a live version.
func (v *version) render(op *store.Op) {
	v.json = op.Resource.Render(make([]byte, 0, op.Resource.Size()), strconv.FormatInt(v.number, 10), v.updated)
	v.keys = search.WithKey(op.Keys, search.LastUpdatedKey(v.updated))
	v.measure = op.Measure
}

func outcome(old, next *version) *store.Result {
	return &store.Result{Version: next.result(), Created: next.live() && (old == nil || !old.live())}
}

// unchanged is the result of an idle operation.
func unchanged(op *store.Op) *store.Result { return &store.Result{Version: store.Version{Key: op.Key}} }

// pause waits before another try, longer each time, with jitter so that those who met do not meet again.
func pause(ctx context.Context, try int) error {
	limit := min(time.Millisecond<<min(try, 10), 250*time.Millisecond)
	timer := time.NewTimer(limit/4 + rand.N(limit))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
