package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
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

// unlimited is more than can be counted.
const unlimited = 1 << 40

// A bounded total is left out when it is more than this many, or takes longer.
const (
	countAtMost = 10_000
	countWithin = 300 * time.Millisecond
)

// countAll counts the matches; -1 when that is bounded and too much.
func (r *run) countAll(bounded bool) (int, error) {
	limit := unlimited
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
	ctx := r.v.ctx
	if bounded {
		limited, cancel := context.WithTimeout(ctx, countWithin)
		defer cancel()
		ctx = limited
	}
	n, err := r.countUpTo(ctx, limit)
	switch {
	case err != nil && bounded && r.v.ctx.Err() == nil && (ctx.Err() != nil || isTimeLimit(err)):
		return -1, nil
	case err != nil:
		return -1, reading(r.v.ctx, err)
	case bounded && n > limit:
		return -1, nil
	}
	return n, nil
}

// countUpTo counts up to one more than limit.
func (r *run) countUpTo(ctx context.Context, limit int) (int, error) {
	where := r.filter.onlyLive()
	if r.hot == nil {
		return r.countDocuments(ctx, where, nil, limit)
	}
	where = conjunction(where, r.hot.where(hotAll))
	one, err := r.countsByIndex(ctx)
	if err != nil || !one {
		return r.countDocuments(ctx, where, hotHint(), limit)
	}
	own := bson.D{{Key: fieldPatient, Value: r.hot.patient}, {Key: fieldHot, Value: r.hot.tokens}}
	n, err := r.countDocuments(ctx, own, hotHint(), limit)
	if err != nil || n > limit {
		return n, err
	}
	others := bson.D{{Key: fieldPatient, Value: bson.D{{Key: "$in", Value: bson.A{markSeveral, markLong, markLong + r.hot.patient}}}}, {Key: fieldHot, Value: r.hot.tokens}}
	more, err := r.countDocuments(ctx, conjunction(r.filter.onlyLive(), others), hotHint(), limit)
	return n + more, err
}

func (r *run) countDocuments(ctx context.Context, where, hint bson.D, limit int) (int, error) {
	o := options.Count()
	if hint != nil {
		o.SetHint(hint)
	}
	if limit < unlimited {
		o.SetLimit(int64(limit) + 1)
	}
	n, err := r.v.from(r.q.Type).CountDocuments(ctx, where, o)
	return int(n), err
}

// countsByIndex reports whether the entries of the compound index are the matches of a plan about one patient and one code or category: it does not know code systems, so no
// resource may have that code in another system.
func (r *run) countsByIndex(ctx context.Context) (bool, error) {
	parts, ok := r.hot.index.Divide(search.Conjuncts(nil, r.q.Plan))
	if !ok || len(parts.Times) > 0 || len(parts.Rest) != 1 {
		return false, nil
	}
	p, isKeys := parts.Rest[0].(search.Keys)
	token, ok := r.hot.token(p)
	if !isKeys || !ok || p.Filtered() || !r.v.s.elements {
		return false, nil
	}
	var elsewhere bson.A
	for _, other := range []search.Keys{{Lo: token, Hi: p.Lo}, {Lo: p.Hi, Hi: token + "\x02"}} {
		if other.Lo < other.Hi {
			elsewhere = append(elsewhere, keysFilter(other).where)
		}
	}
	if len(elsewhere) == 0 {
		return true, nil
	}
	err := r.v.from(r.q.Type).FindOne(ctx, bson.D{{Key: "$or", Value: elsewhere}}, options.FindOne().SetProjection(ascending(fieldID))).Err()
	if isNone(err) {
		return true, nil
	}
	return false, err
}
