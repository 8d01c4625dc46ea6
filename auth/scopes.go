package auth

import (
	"slices"

	"github.com/firth-health/firth/search"
)

// equal reports whether two scopes are the same but for the syntax they were asked in.
func (s Scope) equal(t Scope) bool {
	return s.Name == t.Name && s.Level == t.Level && s.Type == t.Type && s.Actions == t.Actions && contains(s.Query, t.Query) && contains(t.Query, s.Query)
}

func contains(all, some []search.Pair) bool {
	for _, p := range some {
		if !slices.Contains(all, p) {
			return false
		}
	}
	return true
}

// names reports whether a scope is about a type.
func (s Scope) names(typ string) bool {
	return s.Type == typ || s.Type == AnyType && typ != auditEvent
}

// reaches reports whether what t gives is among what s gives, actions aside.
func (s Scope) reaches(t Scope) bool {
	if s.Name != "" || t.Name != "" {
		return s.Name == t.Name
	}
	return s.Level == t.Level && s.names(t.Type) && contains(t.Query, s.Query)
}

// Covers reports whether s gives all that t does. Levels are not compared with each other: user/ does not cover patient/.
func (s Scope) Covers(t Scope) bool { return s.reaches(t) && t.Actions&^s.Actions == 0 }

// Cover reports whether the scopes together give all that t does; that all types together are * is not seen.
func (all Scopes) Cover(t Scope) bool {
	var actions Action
	reached := false
	for _, s := range all {
		if s.reaches(t) {
			actions |= s.Actions
			reached = true
		}
	}
	return reached && t.Actions&^actions == 0
}

// Has reports whether a scope that is about no resource is among them.
func (all Scopes) Has(name string) bool {
	return slices.ContainsFunc(all, func(s Scope) bool { return s.Name == name && name != "" })
}

// SubsetOf reports whether each of the scopes is covered by others: a refresh may ask for no more.
func (all Scopes) SubsetOf(others Scopes) bool {
	return !slices.ContainsFunc(all, func(s Scope) bool { return !others.Cover(s) })
}

// Intersect gives what both asked and allowed give, in the order and the syntax asked: what a user consents to of what an app asked, what a client may have of that. A scope that
// asks for more than is allowed is narrowed: patient/*.cruds within patient/Observation.rs is patient/Observation.rs.
func (all Scopes) Intersect(allowed Scopes) Scopes {
	var both Scopes
	add := func(s Scope) {
		if !both.Cover(s) {
			both = slices.DeleteFunc(both, s.Covers)
			both = append(both, s)
		}
	}
	for _, s := range all {
		if allowed.Cover(s) {
			add(s)
			continue
		}
		for _, t := range allowed {
			if meet, ok := s.meet(t); ok {
				add(meet)
			}
		}
	}
	return both
}

// meet gives what both scopes give.
func (s Scope) meet(t Scope) (Scope, bool) {
	if s.Name != "" || t.Name != "" || s.Level != t.Level || s.Actions&t.Actions == 0 {
		return Scope{}, false
	}
	switch {
	case s.names(t.Type):
		s.Type = t.Type
	case !t.names(s.Type):
		return Scope{}, false
	}
	s.Actions &= t.Actions
	s.Query = slices.Clone(s.Query)
	for _, p := range t.Query {
		if !slices.Contains(s.Query, p) {
			s.Query = append(s.Query, p)
		}
	}
	s.V1 = s.V1 && len(s.Query) == 0
	return s, true
}
