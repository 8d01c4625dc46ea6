package mongo

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/search"
)

// hotQuery is a search for what one patient has, of some codes or at some time: what the compound index answers. The filter of what it does not decide is sent with it.
type hotQuery struct {
	index   search.HotIndex
	patient string        // Type/id
	tokens  any           // condition on the tokens
	lo, hi  string        // low ends of short times that can match; hi empty: no upper bound
	times   []search.Plan // the parts that are about the time alone
	rest    []search.Plan // the parts, times included, that patient and tokens do not decide
}

// hotQueryOf finds the parts of the compound index in a plan; ok is false when the plan is not about one patient.
func hotQueryOf(typ string, plan search.Plan) (h hotQuery, ok bool) {
	indexes := search.HotIndexes(typ)
	if len(indexes) == 0 {
		return h, false
	}
	h.index, h.tokens = indexes[0], markAny
	parts := search.Conjuncts(nil, plan)
	best, decided := hotTokenCondition{}, -1
	for i, part := range parts {
		if key, exact := search.ExactKey(part); exact && h.patient == "" && strings.HasPrefix(key, h.index.Subject) {
			h.patient = key[len(h.index.Subject):]
		}
		if c := h.condition(part); c.rank > best.rank {
			best, decided = c, -1
			if c.decides {
				decided = i
			}
		}
		if lo, hi, about := h.index.Window(part); about {
			h.times = append(h.times, part)
			h.narrow(lo, hi)
		}
	}
	if best.rank > 0 {
		h.tokens = best.on
	}
	for i, part := range parts {
		if key, exact := search.ExactKey(part); i != decided && (!exact || key != h.subjectKey()) {
			h.rest = append(h.rest, part)
		}
	}
	return h, h.patient != "" && !strings.HasPrefix(h.patient, markSeveral)
}

// subjectKey is the index key that all matches have.
func (h *hotQuery) subjectKey() string { return h.index.Subject + h.patient }

// hotTokenCondition is what a part of a plan says of the tokens.
type hotTokenCondition struct {
	on      any
	rank    int  // how good it is for the index: 3 for one token, 2 for a few, 1 for a range, 0 for nothing
	decides bool // who meets it meets the part of the plan, and the other way round
}

func (h *hotQuery) condition(part search.Plan) hotTokenCondition {
	switch p := part.(type) {
	case search.Keys:
		if token, decides, ok := h.token(p); ok {
			return hotTokenCondition{token, 3, decides}
		}
		if prefix, ok := h.tokenPrefix(p); ok && p.Lo < p.Hi {
			return hotTokenCondition{on: bson.D{{Key: "$elemMatch", Value: bson.D{{Key: "$gte", Value: withoutSystem(p.Lo, prefix)}, {Key: "$lt", Value: p.Hi}}}}, rank: 1}
		}
	case search.Or:
		var tokens []string
		all := true
		for _, one := range p {
			keys, isKeys := one.(search.Keys)
			token, decides, ok := h.token(keys)
			if !isKeys || !ok {
				return hotTokenCondition{}
			}
			tokens, all = append(tokens, token), all && decides
		}
		if tokens = slices.Compact(slices.Sorted(slices.Values(tokens))); len(tokens) == 1 {
			return hotTokenCondition{tokens[0], 3, all}
		} else if len(tokens) > 1 {
			return hotTokenCondition{bson.D{{Key: "$in", Value: tokens}}, 2, all}
		}
	}
	return hotTokenCondition{}
}

// token is the one token that all have whose keys a range can hold: that of one key, or of one code in any system. It decides when none else have it.
func (h *hotQuery) token(p search.Keys) (token string, decides, ok bool) {
	prefix, ok := h.tokenPrefix(p)
	if !ok {
		return "", false, false
	}
	token = withoutSystem(p.Lo, prefix)
	if token == p.Lo || p.Hi > token+"\x02" {
		return "", false, false
	}
	if key, one := p.Exact(); one {
		return key, true, true
	}
	return token, !p.Filtered() && p.Lo == token+search.Separator && p.Hi == token+"\x02", true
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

// bounded reports whether the time has bounds, which are those of short times only.
func (h *hotQuery) bounded() bool { return h.lo != "" || h.hi != "" && h.hi < endOfTimes }

// endOfTimes is behind all times.
const endOfTimes = "\x7f"

// hotPart is one of the sets of documents that a hot search looks at.
type hotPart int

const (
	hotTimed    hotPart = iota // with one patient and one short time, within the bounds
	hotOdd                     // with several patients, several times, or a long one
	hotDated                   // with a time of any kind
	hotTimeless                // without a time
	hotAll                     // all of them
)

// within restricts a find to the part of the index that has one of some patients in p.
func (h *hotQuery) within(part hotPart, patients ...string) bson.D {
	where := bson.D{{Key: fieldPatient, Value: anyOf(patients)}, {Key: fieldHot, Value: h.tokens}}
	switch part {
	case hotTimeless:
		where = append(where, bson.E{Key: fieldTime, Value: nil})
	case hotDated:
		where = append(where, bson.E{Key: fieldTime, Value: bson.D{{Key: "$gte", Value: ""}}})
	case hotTimed:
		bounds := bson.D{{Key: "$gte", Value: h.lo}}
		if h.hi != "" {
			bounds = append(bounds, bson.E{Key: "$lt", Value: h.hi})
		}
		where = append(where, bson.E{Key: fieldTime, Value: bounds})
	}
	return where
}

// where restricts a find to a part of the index. Of what has several patients only the index keys tell whether this is one.
func (h *hotQuery) where(part hotPart) bson.D {
	own := h.own(part)
	if part == hotTimed {
		return h.within(part, own...)
	}
	isOne := bson.A{bson.D{{Key: fieldPatient, Value: anyOf(own)}}, bson.D{{Key: fieldKeys, Value: h.subjectKey()}}}
	return append(h.within(part, append(own, markSeveral)...), bson.E{Key: "$or", Value: isOne})
}

// own are the values of p of what is this patient's alone.
func (h *hotQuery) own(part hotPart) []string {
	switch part {
	case hotTimed, hotTimeless:
		return []string{h.patient}
	case hotOdd:
		return []string{markLong + h.patient}
	default:
		return []string{h.patient, markLong + h.patient}
	}
}

// counted matches what a search finds whose plan patient and tokens decide: by entries of the index, but for what several patients have.
func (h *hotQuery) counted() bson.D {
	others := append(h.within(hotAll, markSeveral), bson.E{Key: fieldKeys, Value: h.subjectKey()})
	return bson.D{{Key: "$or", Value: bson.A{h.within(hotAll, h.own(hotAll)...), others}}}
}

func anyOf(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return bson.D{{Key: "$in", Value: values}}
}

// hotHint names the compound index to the server, whose planner might take another one.
func hotHint() bson.D { return ascending(fieldPatient, fieldHot, fieldTime) }
