package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Gate bounds by weight what is under way at a time, lets others wait a while, and counts all of it.
type Gate struct {
	room     *semaphore.Weighted
	limit    int64
	patience time.Duration

	underWay, waiting, waited, refused atomic.Int64
}

// NewGate returns a gate with room for limit, before which one waits as long as patience.
func NewGate(limit int64, patience time.Duration) *Gate {
	return &Gate{room: semaphore.NewWeighted(limit), limit: limit, patience: patience}
}

// Enter waits for room and returns the weight to [Gate.Leave] with: what is heavier than the limit has the limit. It is [ErrBusy] for who waited in vain.
func (g *Gate) Enter(ctx context.Context, weight int64) (int64, error) {
	weight = min(weight, g.limit)
	if g.room.TryAcquire(weight) {
		g.underWay.Add(weight)
		return weight, nil
	}
	g.waited.Add(1)
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	wait, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	switch err := g.room.Acquire(wait, weight); {
	case err == nil:
		g.underWay.Add(weight)
		return weight, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	g.refused.Add(1)
	return 0, fmt.Errorf("writes wait longer than %s: %w", g.patience, ErrBusy)
}

// Leave makes room.
func (g *Gate) Leave(weight int64) {
	g.underWay.Add(-weight)
	g.room.Release(weight)
}

// Empty reports whether nothing is under way and nobody waits.
func (g *Gate) Empty() bool {
	if !g.room.TryAcquire(g.limit) {
		return false
	}
	g.room.Release(g.limit)
	return true
}

// UnderWay is the weight that is in.
func (g *Gate) UnderWay() int64 { return g.underWay.Load() }

// Waiting is how many wait to come in.
func (g *Gate) Waiting() int64 { return g.waiting.Load() }

// Waited is how many ever had to.
func (g *Gate) Waited() int64 { return g.waited.Load() }

// Refused is how many waited in vain, those not counted who gave up themselves.
func (g *Gate) Refused() int64 { return g.refused.Load() }
