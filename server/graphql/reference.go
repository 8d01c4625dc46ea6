package graphql

import (
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// reference answers Reference.resource (R4 graphql.html#references): the resource that is referred to.
func (r *run) reference(out *object, f *field, s shape, it item, flat bool) error {
	optional, wanted := false, ""
	for _, a := range f.arguments {
		var err error
		switch a.name {
		case "optional":
			optional, err = r.flag(a)
		case "type":
			wanted, err = r.text(a)
		default:
			err = problem(a.at, "resource takes optional and type, not %s", a.name)
		}
		if err != nil {
			return err
		}
	}
	target, err := r.resolve(f, it, wanted)
	if err != nil {
		return err
	}
	if target == nil {
		if !s.flatten {
			out.field(f.key).isList = flat && !s.singleton
		}
		if !optional {
			r.note(f.at, "the reference leads to no resource of this server")
		}
		return nil
	}
	if wanted != "" && target.typ.Name != wanted {
		if !s.flatten {
			out.field(f.key).isList = flat && !s.singleton
		}
		return nil
	}
	return r.put(out, f, s, []item{*target}, flat && !s.singleton)
}

// resolve finds the target of a reference: contained, or on this server. A literal reference to another type than the one that is wanted is not
// followed.
func (r *run) resolve(f *field, it item, wanted string) (*item, error) {
	text := it.node.Get("reference").Text()
	if id, isContained := strings.CutPrefix(text, "#"); isContained {
		for contained := range it.in.Root().Get("contained").Children() {
			if res, err := fhir.NewResource(contained); err == nil && res.ID() == id && r.definitions.IsResource(res.Type()) {
				found := r.itemOf(res, it.in)
				return &found, nil
			}
		}
		return nil, nil
	}
	key, ok := r.source.Local(text)
	if !ok || !r.definitions.IsResource(key.Type) {
		return nil, nil
	}
	if wanted != "" && key.Type != wanted {
		return &item{typ: r.definitions.Type(key.Type)}, nil
	}
	res, err := r.read(f.at, fhir.Key{Type: key.Type, ID: key.ID})
	if res == nil || err != nil {
		return nil, err
	}
	found := r.itemOf(res, res)
	return &found, nil
}

// reverse answers TypeList(_reference: parameter) inside of a resource: those that refer to it (R4 graphql.html#reverse).
func (r *run) reverse(out *object, f *field, it item) error {
	for _, a := range f.arguments {
		if a.name != "_reference" {
			continue
		}
		parameter, err := r.text(a)
		if err != nil {
			return err
		}
		self := it.typ.Name + "/" + it.node.Get("id").Text()
		return r.search(out, f, []search.Pair{{Name: parameterName(parameter), Value: self}})
	}
	return problem(f.at, "%s inside of a resource needs the argument _reference, the search parameter that refers to it", f.name)
}
