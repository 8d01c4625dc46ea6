package mongo

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// gate bounds what is under way at a time, and counts it. The zero value lets nobody in; see [newGate].
type gate struct {
	room     *semaphore.Weighted
	underWay atomic.Int64 // weight that is in
	waiting  atomic.Int64 // who waits to come in
	waited   atomic.Int64 // who ever had to
	refused  atomic.Int64 // who was not let in before their context ended
}

func newGate(weight int) *gate { return &gate{room: semaphore.NewWeighted(int64(weight))} }

// TryAcquire lets in who has not to wait.
func (g *gate) TryAcquire(weight int64) bool {
	ok := g.room.TryAcquire(weight)
	if ok {
		g.underWay.Add(weight)
	}
	return ok
}

// Acquire waits until there is room, or the context ends.
func (g *gate) Acquire(ctx context.Context, weight int64) error {
	g.waited.Add(1)
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	if err := g.room.Acquire(ctx, weight); err != nil {
		g.refused.Add(1)
		return err
	}
	g.underWay.Add(weight)
	return nil
}

// Release lets out who was let in.
func (g *gate) Release(weight int64) {
	g.underWay.Add(-weight)
	g.room.Release(weight)
}
