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
	tokens  hotTokens     // condition on the tokens
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
	h.index = indexes[0]
	parts := search.Conjuncts(nil, plan)
	decided := -1
	for i, part := range parts {
		if key, exact := search.ExactKey(part); exact && h.patient == "" && strings.HasPrefix(key, h.index.Subject) && h.index.Unversioned(key) {
			h.patient = key[len(h.index.Subject):]
		}
		if c := h.condition(part); c.rank() > h.tokens.rank() {
			h.tokens, decided = c, -1
			if c.decides {
				decided = i
			}
		}
		if lo, hi, about := h.index.Window(part); about {
			h.times = append(h.times, part)
			h.narrow(lo, hi)
		}
	}
	for i, part := range parts {
		if key, exact := search.ExactKey(part); i != decided && (!exact || key != h.subjectKey()) {
			h.rest = append(h.rest, part)
		}
	}
	return h, h.patient != ""
}

// subjectKey is the index key that all matches have.
func (h *hotQuery) subjectKey() string { return h.index.Subject + h.patient }

// hotTokens is what a part of a plan says of the tokens: one of some, or one of a range.
type hotTokens struct {
	among   []string
	lo, hi  string // without among; hi is behind it; empty for no condition
	decides bool   // who meets it meets the part of the plan, and the other way round
}

// rank is how good it is for the index.
func (c *hotTokens) rank() int {
	switch {
	case len(c.among) == 1:
		return 3
	case len(c.among) > 1:
		return 2
	case c.hi != "":
		return 1
	}
	return 0
}

// on is the condition on tokens behind a mark.
func (c *hotTokens) on(mark string) any {
	switch c.rank() {
	case 3:
		return mark + c.among[0]
	case 2:
		marked := make([]string, len(c.among))
		for i, token := range c.among {
			marked[i] = mark + token
		}
		return bson.D{{Key: "$in", Value: marked}}
	case 1:
		return bson.D{{Key: "$elemMatch", Value: bson.D{{Key: "$gte", Value: mark + c.lo}, {Key: "$lt", Value: mark + c.hi}}}}
	}
	return mark + markAny
}

func (h *hotQuery) condition(part search.Plan) hotTokens {
	switch p := part.(type) {
	case search.Keys:
		if token, decides, ok := h.token(p); ok {
			return hotTokens{among: []string{token}, decides: decides}
		}
		if prefix, ok := h.tokenPrefix(p); ok && p.Lo < p.Hi {
			return hotTokens{lo: withoutSystem(p.Lo, prefix), hi: p.Hi}
		}
	case search.Or:
		var tokens []string
		all := true
		for _, one := range p {
			keys, isKeys := one.(search.Keys)
			token, decides, ok := h.token(keys)
			if !isKeys || !ok {
				return hotTokens{}
			}
			tokens, all = append(tokens, token), all && decides
		}
		return hotTokens{among: slices.Compact(slices.Sorted(slices.Values(tokens))), decides: all}
	}
	return hotTokens{}
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
	hotTimed    hotPart = iota // with a time within the bounds; of those that notLong leaves all that can match
	hotLong                    // with several times, or a long one
	hotDated                   // with a time of any kind
	hotTimeless                // without a time
	hotAll                     // all of them
)

// where restricts a find to a part of the index: to one range of it, where there is one token.
func (h *hotQuery) where(part hotPart) bson.D {
	mark := ""
	if part == hotLong {
		mark = markLong
	}
	where := bson.D{{Key: fieldPatient, Value: h.patient}, {Key: fieldHot, Value: h.tokens.on(mark)}}
	switch part {
	case hotLong:
		where = append(where, bson.E{Key: fieldLong, Value: true}) // where $elemMatch is not exact, a range of marked tokens finds others, too
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

// notLong restricts a find to what has one short time.
func notLong() bson.D { return bson.D{{Key: fieldLong, Value: bson.D{{Key: "$exists", Value: false}}}} }

// hotHint names the compound index to the server, whose planner might take another one.
func hotHint() bson.D { return ascending(fieldPatient, fieldHot, fieldTime) }
