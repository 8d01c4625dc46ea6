package search

// Comparators over half-open intervals. R4 search.html#prefix, for a value asked that stands for [a, b) and a value stored
// that stands for [low, high):
//
//	eq   the asked range contains the stored one             a <= low and high <= b
//	ne   it does not                                         low < a or high > b
//	gt   the range above the asked one meets the stored one  high > b
//	lt   the range below meets it                            low < a
//	ge   gt or eq                                            low >= a or high > b
//	le   lt or eq                                            high <= b or low < a
//	sa   the stored range starts after the asked one ended   low >= b
//	eb   it ended before the asked one started               high <= a
//	ap   they overlap, the asked one widened                 low < b and high > a
//
// Each is a condition on one "l" key, one "h" key, or either. A point is a stored range that holds one value.
type comparator string

const (
	equal        comparator = "eq"
	notEqual     comparator = "ne"
	greater      comparator = "gt"
	less         comparator = "lt"
	greaterEqual comparator = "ge"
	lessEqual    comparator = "le"
	startsAfter  comparator = "sa"
	endsBefore   comparator = "eb"
	approximate  comparator = "ap"
)

// comparators are the prefixes of R4, in its order.
var comparators = []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}

// cutComparator splits a value into prefix and rest; without a prefix it is eq.
func cutComparator(value string) (comparator, string) {
	if len(value) >= 2 {
		switch c := comparator(value[:2]); c {
		case equal, notEqual, greater, less, greaterEqual, lessEqual, startsAfter, endsBefore, approximate:
			return c, value[2:]
		}
	}
	return equal, value
}

// tailMax is above every time, decimal and cut.
const tailMax = "\x7f"

// cut is a place between values: just below a number or time, or just above it.
type cut struct {
	text  string // as it stands in "l" and "h" keys
	point string // smallest text of a point at or above the cut
}

func timeCut(text string) cut      { return cut{text, text} }
func below(decimal string) cut     { return cut{decimal + "!", decimal} }
func justAbove(decimal string) cut { return cut{decimal + "+", decimal + "\x02"} }

// span is the range [a, b) of a query.
type span struct {
	comparator comparator
	a, b       cut
}

// over gives the conditions on keys that hold an interval, relative to what precedes the form letter. Any one of them suffices.
func (s span) over() []Keys { return s.overAs(string(formLow), string(formHigh)) }

// overAs is over for keys that begin with other texts.
func (s span) overAs(low, high string) []Keys {
	lowFrom := func(c cut) Keys { return Keys{Lo: low + c.text, Hi: after(low)} }
	lowBelow := func(c cut) Keys { return Keys{Lo: low, Hi: low + c.text} }
	highAbove := func(c cut) Keys { return Keys{Lo: high + c.text + "\x02", Hi: after(high)} }
	highUpTo := func(c cut) Keys { return Keys{Lo: high, Hi: high + c.text + "\x02"} }
	switch s.comparator {
	case notEqual:
		return []Keys{lowBelow(s.a), highAbove(s.b)}
	case greater:
		return []Keys{highAbove(s.b)}
	case less:
		return []Keys{lowBelow(s.a)}
	case greaterEqual:
		return []Keys{lowFrom(s.a), highAbove(s.b)}
	case lessEqual:
		return []Keys{highUpTo(s.b), lowBelow(s.a)}
	case startsAfter:
		return []Keys{lowFrom(s.b)}
	case endsBefore:
		return []Keys{highUpTo(s.a)}
	case approximate:
		return []Keys{{Lo: low, Hi: low + s.b.text, TailLo: s.a.text + "\x00", TailHi: tailMax}}
	}
	return []Keys{{Lo: low + s.a.text, Hi: low + s.b.text, TailHi: s.b.text + "\x00"}}
}

// points gives the conditions on keys that begin with a text and hold a point.
func (s span) points(lo string) []Keys {
	hi := after(lo)
	ranges := s.pointRanges()
	out := make([]Keys, len(ranges))
	for i, r := range ranges {
		out[i] = Keys{Lo: lo + r.from, Hi: hi}
		if r.to != "" {
			out[i].Hi = lo + r.to
		}
	}
	return out
}

// pointRange is [from, to); an empty to is open.
type pointRange struct{ from, to string }

func (s span) pointRanges() []pointRange {
	switch s.comparator {
	case notEqual:
		return []pointRange{{"", s.a.point}, {s.b.point, ""}}
	case greater, startsAfter:
		return []pointRange{{s.b.point, ""}}
	case less, endsBefore:
		return []pointRange{{"", s.a.point}}
	case greaterEqual:
		return []pointRange{{s.a.point, ""}}
	case lessEqual:
		return []pointRange{{"", s.b.point}}
	}
	return []pointRange{{s.a.point, s.b.point}}
}

// tails gives the conditions on a point that is the tail of a key.
func (s span) tails() []Keys {
	ranges := s.pointRanges()
	out := make([]Keys, len(ranges))
	for i, r := range ranges {
		out[i] = Keys{TailLo: r.from, TailHi: tailMax}
		if r.to != "" {
			out[i].TailHi = r.to
		}
	}
	return out
}
