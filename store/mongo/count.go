package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
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

// countUpTo counts up to one more than limit: of a patient and some codes by entries of the compound index, where the plan asks for nothing else.
func (r *run) countUpTo(ctx context.Context, limit int) (int, error) {
	switch where := r.filter.onlyLive(); {
	case r.hot == nil:
		return r.countDocuments(ctx, where, nil, limit)
	case r.filter.all():
		return r.countDocuments(ctx, r.hot.where(hotAll), hotHint(), limit)
	default:
		return r.countDocuments(ctx, conjunction(where, r.hot.where(hotAll)), hotHint(), limit)
	}
}

// countDocuments counts up to one more than limit. Outside of a transaction there is a command that does nothing else; what CountDocuments sends, an aggregation, costs the
// server half as much again.
func (r *run) countDocuments(ctx context.Context, where, hint bson.D, limit int) (int, error) {
	if r.v.s.elements && mongo.SessionFromContext(ctx) == nil {
		if n, err := r.countCommand(ctx, where, hint, limit); !isLost(err) { // the driver repeats the aggregation by itself
			return n, err
		}
	}
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

func (r *run) countCommand(ctx context.Context, where, hint bson.D, limit int) (int, error) {
	command := bson.D{{Key: "count", Value: r.q.Type}, {Key: "query", Value: where}, majority()}
	if hint != nil {
		command = append(command, bson.E{Key: "hint", Value: hint})
	}
	if limit < unlimited {
		command = append(command, bson.E{Key: "limit", Value: int64(limit) + 1})
	}
	o := options.RunCmd()
	if r.v.lags {
		o.SetReadPreference(r.v.s.searchFrom)
	}
	answer, err := r.v.s.db.RunCommand(ctx, command, o).Raw()
	if err != nil {
		return 0, err
	}
	n, ok := answer.Lookup("n").AsInt64OK()
	if !ok {
		return 0, errCorrupt
	}
	return int(n), nil
}
