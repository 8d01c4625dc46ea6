package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// count finds the total of a first page.
func (r *run) count(page *store.Page, found int, more bool) error {
	wanted := r.q.Total
	switch {
	case wanted == search.NoTotal || r.filter.none:
		page.Total = map[bool]int{true: 0, false: page.Total}[r.filter.none && wanted != search.NoTotal]
		return nil
	case !store.CountsTotal(r.q, page.Total, r.from == nil):
		return nil
	case r.from == nil && r.q.Count > 0 && !more:
		page.Total = found
		return nil
	}
	bounded := wanted == search.Bounded && r.q.Count > 0
	n, err := r.countAll(bounded)
	if n >= 0 && r.from == nil && more {
		n = max(n, found+1) // what was counted a moment later may be less
	}
	page.Total = n
	return err
}

// A bounded total is left out when it is more than this many, or takes longer.
const (
	countAtMost = 10_000
	countWithin = 300 * time.Millisecond
)

// countAll counts the matches; -1 when that is bounded and too much.
func (r *run) countAll(bounded bool) (int, error) {
	limit := 1 << 40
	if bounded {
		limit = countAtMost
	}
	if !r.filter.exact {
		n := 0
		complete, err := r.v.each(r.q.Type, r.q.Plan, nil, limit, func(*version) { n++ })
		if !complete {
			n = -1
		}
		return n, err
	}
	o := options.Count()
	where := r.filter.onlyLive()
	if r.hot != nil {
		where = conjunction(where, r.hot.where(hotAll))
		o.SetHint(hotHint())
	}
	ctx := r.v.ctx
	if bounded {
		o.SetLimit(int64(limit) + 1)
		limited, cancel := context.WithTimeout(ctx, countWithin)
		defer cancel()
		ctx = limited
	}
	n, err := r.v.from(r.q.Type).CountDocuments(ctx, where, o)
	switch {
	case err != nil && bounded && r.v.ctx.Err() == nil && (ctx.Err() != nil || isTimeLimit(err)):
		return -1, nil
	case err != nil:
		return -1, reading(r.v.ctx, err)
	case bounded && n > int64(limit):
		return -1, nil
	}
	return int(n), nil
}
