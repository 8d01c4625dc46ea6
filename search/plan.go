package search

import "strings"

// Plan is what a query means, as set algebra over ordered index keys. It is sealed: a store handles exactly the types of this
// file. Everything the URL can say (prefixes, implicit precision, modifiers, units) is compiled away before.
type Plan interface{ plan() }

// All matches every current resource of the type.
type All struct{}

// Keys matches a resource that has at least one index key k with Lo <= k < Hi that also passes the filters, if any. All filters
// must hold of the same key.
type Keys struct {
	Lo, Hi string

	// Contains are substrings of the key, each of which must occur behind the first separator.
	Contains []string

	// TailLo <= tail < TailHi, where tail is what follows the key's last separator. Both empty: no filter.
	TailLo, TailHi string

	// Near is a circle that the position of the key lies in: the key ends in ␁ latitude ␁ longitude. The range covers the circle, so that only
	// the few keys of its surroundings are looked at. Nil: no filter.
	Near *Circle

	// Among are the only keys that count, such as references to one of many patients. Nil: no filter. The function of this name makes the range, too.
	Among *KeySet
}

// And matches what every plan in it matches; empty, it matches all.
type And []Plan

// Or matches what any plan in it matches; empty, it matches nothing.
type Or []Plan

// Not matches the resources of the type that Of does not match.
type Not struct{ Of Plan }

// IDs matches by logical id.
type IDs []string

// Ref matches a resource one of whose references under Index leads to a current resource of Type that matches Of (a chain:
// subject:Patient.name=peter).
type Ref struct {
	Index string // index name of the reference parameter on the searched type
	Type  string // target type
	Of    Plan
}

// RevRef matches a resource that a resource of Type, which itself matches Of, refers to under Index (_has).
type RevRef struct {
	Type  string // the referring type
	Index string // index name of its reference parameter
	Of    Plan
}

func (All) plan()    {}
func (Keys) plan()   {}
func (And) plan()    {}
func (Or) plan()     {}
func (Not) plan()    {}
func (IDs) plan()    {}
func (Ref) plan()    {}
func (RevRef) plan() {}

// Filtered reports whether the range alone is not enough.
func (k Keys) Filtered() bool {
	return len(k.Contains) > 0 || k.TailLo != "" || k.TailHi != "" || k.Near != nil || k.Among != nil
}

// Exact returns the single key the plan asks for, when the range holds just one and nothing else is asked.
func (k Keys) Exact() (string, bool) {
	if !k.Filtered() && len(k.Hi) == len(k.Lo)+1 && k.Hi[len(k.Lo)] == 0 && k.Hi[:len(k.Lo)] == k.Lo {
		return k.Lo, true
	}
	return "", false
}

// Accepts reports whether one index key satisfies the plan.
func (k Keys) Accepts(key string) bool { return k.Lo <= key && key < k.Hi && k.Passes(key) }

// Passes applies the filters only, to a key known to be in the range.
func (k Keys) Passes(key string) bool {
	for _, text := range k.Contains {
		if _, value, found := strings.Cut(key, Separator); !found || !strings.Contains(value, text) {
			return false
		}
	}
	if k.TailLo != "" || k.TailHi != "" {
		tail := key[strings.LastIndex(key, Separator)+1:]
		if tail < k.TailLo || tail >= k.TailHi {
			return false
		}
	}
	if k.Among != nil && !k.Among.Has(key) {
		return false
	}
	return k.Near == nil || k.Near.holds(key)
}
