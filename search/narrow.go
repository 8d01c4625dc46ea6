package search

import "slices"

// Visibility says which resources of a type a query may take note of: those that match of, all when of is nil; ok is false for none. What of says of other
// resources is not narrowed again.
type Visibility func(resourceType string) (of Plan, ok bool)

// Narrow confines what a plan learns from other resources than the one it is about: chains and _has lead only to what is visible, as if nothing else
// were stored. What a resource's own keys say stays. The plan given is not changed.
func Narrow(plan Plan, visible Visibility) Plan {
	switch p := plan.(type) {
	case And:
		return And(narrowAll(p, visible))
	case Or:
		return Or(narrowAll(p, visible))
	case Not:
		return Not{Narrow(p.Of, visible)}
	case Ref:
		of, ok := within(p.Type, p.Of, visible)
		if !ok {
			return Or{}
		}
		p.Of = of
		return p
	case RevRef:
		of, ok := within(p.Type, p.Of, visible)
		if !ok {
			return Or{}
		}
		p.Of = of
		return p
	}
	return plan
}

// narrowAll copies only when something follows references.
func narrowAll(parts []Plan, visible Visibility) []Plan {
	if !slices.ContainsFunc(parts, FollowsReferences) {
		return parts
	}
	narrowed := make([]Plan, len(parts))
	for i, part := range parts {
		narrowed[i] = Narrow(part, visible)
	}
	return narrowed
}

func within(typ string, of Plan, visible Visibility) (Plan, bool) {
	limit, ok := visible(typ)
	if !ok {
		return nil, false
	}
	of = Narrow(of, visible)
	if limit == nil {
		return of, true
	}
	return Both(of, limit), true
}

// Both matches what both plans match. What b asks for and a already does is left out, so that a query by the patient is not made slower by a limit to that
// patient.
func Both(a, b Plan) Plan {
	have := Conjuncts(nil, a)
	whole := And(slices.Clone(have))
	for _, part := range Conjuncts(nil, b) {
		if !slices.ContainsFunc(have, func(p Plan) bool { return implies(p, part) }) {
			whole = append(whole, part)
		}
	}
	switch len(whole) {
	case 0:
		return All{}
	case 1:
		return whole[0]
	}
	return whole
}

// implies reports whether b holds where a does, as far as exact keys and ids show.
func implies(a, b Plan) bool {
	if alternatives, several := a.(Or); several {
		return !slices.ContainsFunc(alternatives, func(one Plan) bool { return !implies(one, b) })
	}
	switch b := b.(type) {
	case Keys:
		key, exact := ExactKey(a)
		return exact && b.Accepts(key)
	case IDs:
		asked, ok := a.(IDs)
		return ok && !slices.ContainsFunc(asked, func(id string) bool { return !slices.Contains(b, id) })
	case Or:
		return slices.ContainsFunc(b, func(one Plan) bool { return implies(a, one) })
	}
	return false
}
