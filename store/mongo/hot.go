package mongo

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/search"
)

// hotQuery is a search for what one patient has, of some codes or at some time: what the compound index answers. The index only narrows: the filter of the plan is
// sent with it.
type hotQuery struct {
	index   search.HotIndex
	patient string // Type/id
	tokens  any    // condition on the tokens
	lo, hi  string // low ends of short times that can match; hi empty: no upper bound
}

// hotQueryOf finds the parts of the compound index in a plan; ok is false when the plan is not about one patient.
func hotQueryOf(typ string, plan search.Plan) (h hotQuery, ok bool) {
	indexes := search.HotIndexes(typ)
	if len(indexes) == 0 {
		return h, false
	}
	h.index, h.tokens = indexes[0], markAny
	rank := 0
	for _, part := range search.Conjuncts(nil, plan) {
		if key, exact := search.ExactKey(part); exact && h.patient == "" && strings.HasPrefix(key, h.index.Subject) {
			h.patient = key[len(h.index.Subject):]
		}
		if condition, r := h.condition(part); r > rank {
			h.tokens, rank = condition, r
		}
		if lo, hi, about := h.index.Window(part); about {
			h.narrow(lo, hi)
		}
	}
	return h, h.patient != "" && !strings.HasPrefix(h.patient, markSeveral)
}

// condition is what a part of the plan says of the tokens, and how good that is for the index: 3 for one token, 2 for a few, 1 for a range, 0 for nothing.
func (h *hotQuery) condition(part search.Plan) (condition any, rank int) {
	switch p := part.(type) {
	case search.Keys:
		if token, ok := h.token(p); ok {
			return token, 3
		}
		if prefix, ok := h.tokenPrefix(p); ok && p.Lo < p.Hi {
			return bson.D{{Key: "$elemMatch", Value: bson.D{{Key: "$gte", Value: withoutSystem(p.Lo, prefix)}, {Key: "$lt", Value: p.Hi}}}}, 1
		}
	case search.Or:
		var tokens []string
		for _, one := range p {
			keys, isKeys := one.(search.Keys)
			token, ok := h.token(keys)
			if !isKeys || !ok {
				return nil, 0
			}
			tokens = append(tokens, token)
		}
		if tokens = slices.Compact(slices.Sorted(slices.Values(tokens))); len(tokens) == 1 {
			return tokens[0], 3
		} else if len(tokens) > 1 {
			return bson.D{{Key: "$in", Value: tokens}}, 2
		}
	}
	return nil, 0
}

// token is the one token whose keys a range can hold: that of one key, or of one code in any system.
func (h *hotQuery) token(p search.Keys) (string, bool) {
	prefix, ok := h.tokenPrefix(p)
	if !ok {
		return "", false
	}
	token := withoutSystem(p.Lo, prefix)
	return token, token != p.Lo && p.Hi <= token+"\x02"
}

// tokenPrefix is the prefix of the keys of code or category that a range lies within.
func (h *hotQuery) tokenPrefix(p search.Keys) (string, bool) {
	for _, prefix := range h.index.Codes {
		if strings.HasPrefix(p.Lo, prefix) && p.Hi <= prefix+"\U0010ffff" {
			return prefix, true
		}
	}
	return "", false
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

// hotHint names the compound index to the server, whose planner might take another one.
func hotHint() bson.D { return ascending(fieldPatient, fieldHot, fieldTime) }
