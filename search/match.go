package search

import "sort"

// Resolver answers the parts of a plan that lead to other resources. It belongs to the type that is searched.
type Resolver interface {
	// Ref reports whether one of the references among keys that p.Index holds leads to a current resource of p.Type that matches p.Of.
	Ref(p Ref, keys []string) bool
	// RevRef reports whether a current resource of p.Type that matches p.Of refers under p.Index to the resource with this id.
	RevRef(p RevRef, id string) bool
}

// Match is the reference meaning of a plan: whether the resource with this id and these keys, sorted, is a match. Stores
// must find exactly what it accepts. With a nil resolver nothing refers to anything.
func Match(p Plan, id string, keys []string, r Resolver) bool {
	switch p := p.(type) {
	case All:
		return true
	case Keys:
		return matchKeys(p, keys)
	case And:
		for _, part := range p {
			if !Match(part, id, keys, r) {
				return false
			}
		}
		return true
	case Or:
		for _, part := range p {
			if Match(part, id, keys, r) {
				return true
			}
		}
		return false
	case Not:
		return !Match(p.Of, id, keys, r)
	case IDs:
		for _, one := range p {
			if one == id {
				return true
			}
		}
		return false
	case Ref:
		return r != nil && r.Ref(p, keys)
	case RevRef:
		return r != nil && r.RevRef(p, id)
	}
	return false
}

func matchKeys(p Keys, keys []string) bool {
	for i := sort.SearchStrings(keys, p.Lo); i < len(keys) && keys[i] < p.Hi; i++ {
		if p.Passes(keys[i]) {
			return true
		}
	}
	return false
}
