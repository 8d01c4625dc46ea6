package graphql

import (
	"slices"

	"github.com/firth-health/firth/fhir/spec"
)

// collect lists the fields that are selected for an object of a type: fragments expanded, @skip and @include obeyed, fields of one key merged
// (GraphQL June 2018, section 6.3.2). A nil type takes fragments on any type.
func (r *run) collect(selections []selection, typ *spec.Type) ([]*field, error) {
	var fields []*field
	err := r.collectInto(&fields, selections, typ)
	return fields, err
}

func (r *run) collectInto(fields *[]*field, selections []selection, typ *spec.Type) error {
	for i := range selections {
		s := &selections[i]
		if err := r.spend(s.at); err != nil {
			return err
		}
		if s.field != nil {
			if wanted, err := r.wanted(s.field.directives); err != nil || !wanted {
				if err != nil {
					return err
				}
				continue
			}
			if err := merge(fields, s.field); err != nil {
				return err
			}
			continue
		}
		if err := r.expand(fields, s, typ); err != nil {
			return err
		}
	}
	return nil
}

// expand adds the fields of a fragment that fits the type.
func (r *run) expand(fields *[]*field, s *selection, typ *spec.Type) error {
	if wanted, err := r.wanted(s.directives); err != nil || !wanted {
		return err
	}
	on, inner := s.on, s.selection
	if s.spread != "" {
		f := r.document.fragments[s.spread]
		if f == nil {
			return problem(s.at, "there is no fragment %s", s.spread)
		}
		if slices.Contains(r.spreads, s.spread) {
			return problem(s.at, "the fragment %s is part of itself", s.spread)
		}
		on, inner = f.on, f.selection
		r.spreads = append(r.spreads, s.spread)
		defer func() { r.spreads = r.spreads[:len(r.spreads)-1] }()
	}
	if on != "" && typ != nil {
		if r.definitions.Type(on) == nil {
			return problem(s.at, "there is no type %s", on)
		}
		if !typ.Is(on) {
			return nil
		}
	}
	return r.collectInto(fields, inner, typ)
}

// merge adds a field; one that is there already gets the selections of both.
func merge(fields *[]*field, f *field) error {
	i := slices.IndexFunc(*fields, func(other *field) bool { return other.key == f.key })
	if i < 0 {
		*fields = append(*fields, f)
		return nil
	}
	before := (*fields)[i]
	sameArgument := func(a, b argument) bool { return a.name == b.name && sameValue(a.value, b.value) }
	if before.name != f.name || !slices.EqualFunc(before.arguments, f.arguments, sameArgument) {
		return problem(f.at, "%s is selected twice with different meanings; give one an alias", f.key)
	}
	if len(f.selection) == 0 {
		return nil
	}
	both := *before
	both.selection = slices.Concat(before.selection, f.selection)
	(*fields)[i] = &both
	return nil
}

func sameValue(a, b value) bool {
	return a.kind == b.kind && a.text == b.text && slices.EqualFunc(a.list, b.list, sameValue)
}

// wanted obeys @skip and @include.
func (r *run) wanted(directives []directive) (bool, error) {
	for _, d := range directives {
		if d.name != "skip" && d.name != "include" {
			continue
		}
		if len(d.arguments) != 1 || d.arguments[0].name != "if" {
			return false, problem(d.at, "@%s takes the argument if", d.name)
		}
		holds, err := r.flag(d.arguments[0])
		if err != nil {
			return false, err
		}
		if holds == (d.name == "skip") {
			return false, nil
		}
	}
	return true, nil
}

// shape is what the directives of FHIR say of a field (R4 graphql.html#list-manip).
type shape struct {
	flatten, first, singleton bool
	slice                     string // FHIRPath; empty for none
	at                        Position
}

func (r *run) shape(f *field) (s shape, err error) {
	s.at = f.at
	for _, d := range f.directives {
		switch d.name {
		case "skip", "include":
			continue
		case "flatten":
			s.flatten = true
		case "first":
			s.first = true
		case "singleton":
			s.singleton = true
		case "slice":
			if len(d.arguments) != 1 || d.arguments[0].name != "path" && d.arguments[0].name != "fhirpath" {
				return s, problem(d.at, "@slice takes the argument path")
			}
			if s.slice, err = r.text(d.arguments[0]); err != nil {
				return s, err
			}
			continue
		default:
			return s, problem(d.at, "there is no directive @%s", d.name)
		}
		if len(d.arguments) > 0 {
			return s, problem(d.at, "@%s takes no arguments", d.name)
		}
	}
	if s.flatten && s.slice != "" {
		return s, problem(f.at, "@flatten and @slice exclude each other")
	}
	return s, nil
}
