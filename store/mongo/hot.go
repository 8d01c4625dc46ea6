package mongo

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/search"
)

// hotQuery is a search for what one patient has of some codes: what the compound index answers.
type hotQuery struct {
	index   search.HotIndex
	patient string // Type/id
	tokens  any    // condition on the tokens
	lo, hi  string // low ends of short times that can match; hi empty: no upper bound
}

// hotQuery finds the parts of the compound index in a plan; ok is false when the plan is not about one patient and a code or category.
func hotQueryOf(typ string, plan search.Plan) (h hotQuery, ok bool) {
	indexes := search.HotIndexes(typ)
	if len(indexes) == 0 {
		return h, false
	}
	h.index = indexes[0]
	rank := 0
	for _, part := range flatten(nil, plan) {
		if keys, isKeys := part.(search.Keys); isKeys && h.patient == "" {
			if key, exact := keys.Exact(); exact && strings.HasPrefix(key, h.index.Subject) {
				h.patient = key[len(h.index.Subject):]
			}
		}
		if condition, r := h.condition(part); r > rank {
			h.tokens, rank = condition, r
		}
		if lo, hi, about := h.index.Window(part); about {
			h.narrow(lo, hi)
		}
	}
	return h, rank > 0 && h.patient != "" && !strings.HasPrefix(h.patient, markSeveral)
}

// flatten lists the parts that all must hold.
func flatten(parts []search.Plan, plan search.Plan) []search.Plan {
	and, ok := plan.(search.And)
	if !ok {
		return append(parts, plan)
	}
	for _, part := range and {
		parts = flatten(parts, part)
	}
	return parts
}

// condition is what a part of the plan says of the tokens, and how good that is for the index: 3 for one token, 2 for a few, 1 for a range, 0 for nothing.
func (h *hotQuery) condition(part search.Plan) (condition any, rank int) {
	switch p := part.(type) {
	case search.Keys:
		if key, exact := p.Exact(); exact && h.isToken(p) {
			return key, 3
		}
		if h.isToken(p) && p.Lo < p.Hi {
			return bson.D{{Key: "$elemMatch", Value: bson.D{{Key: "$gte", Value: p.Lo}, {Key: "$lt", Value: p.Hi}}}}, 1
		}
	case search.Or:
		var keys []string
		for _, one := range p {
			k, isKeys := one.(search.Keys)
			key, exact := k.Exact()
			if !isKeys || !exact || !h.isToken(k) {
				return nil, 0
			}
			keys = append(keys, key)
		}
		if len(keys) > 0 {
			return keyIn(keys)[0].Value, 2
		}
	}
	return nil, 0
}

// isToken reports whether a range lies within the keys of code or category.
func (h *hotQuery) isToken(p search.Keys) bool {
	for _, prefix := range h.index.Codes {
		if strings.HasPrefix(p.Lo, prefix) && p.Hi <= prefix+"\U0010ffff" {
			return true
		}
	}
	return false
}

// timeLength is how long the low end of a time is in a key.
const timeLength = 20

// narrow takes over bounds of the low ends, as wide as what the time field has behind them makes necessary.
func (h *hotQuery) narrow(lo, hi string) {
	h.lo = max(h.lo, lo)
	if hi = strings.TrimRight(hi, "\x00"); len(hi) >= timeLength {
		hi = hi[:timeLength] + "\x02"
	}
	if h.hi == "" || hi < h.hi {
		h.hi = hi
	}
}

// hotPart is one of the disjoint sets of documents that a hot search looks at.
type hotPart int

const (
	hotTimed    hotPart = iota // with one short time, which is in the index
	hotTimeless                // without a time
	hotLong                    // with several times, or a long one
	hotAll                     // all of them
)

// where restricts a find to the part of the index.
func (h *hotQuery) where(part hotPart) bson.D {
	patients := bson.A{h.patient, markSeveral}
	switch part {
	case hotLong:
		patients = bson.A{markLong, markLong + h.patient}
	case hotAll:
		patients = append(patients, markLong, markLong+h.patient)
	}
	where := bson.D{{Key: fieldPatient, Value: bson.D{{Key: "$in", Value: patients}}}, {Key: fieldHot, Value: h.tokens}}
	switch part {
	case hotTimeless:
		where = append(where, bson.E{Key: fieldTime, Value: nil})
	case hotTimed:
		bounds := bson.D{{Key: "$gte", Value: h.lo}}
		if h.hi != "" {
			bounds = append(bounds, bson.E{Key: "$lt", Value: h.hi})
		}
		where = append(where, bson.E{Key: fieldTime, Value: bounds})
	}
	return where
}

// ordersBy reports whether an order is the time's alone.
func (h *hotQuery) ordersBy(o order) bool {
	return len(o) == 1 && len(o[0].Prefixes) == 1 && o[0].Prefixes[0] == h.index.Time
}

// hotHint names the compound index to the server, whose planner might take another one.
func hotHint() bson.D { return ascending(fieldPatient, fieldHot, fieldTime) }
