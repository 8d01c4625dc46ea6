package search

import (
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Parameters that R4's prose defines and no SearchParameter does (R4 search.html#list, search_filter.html).

// proseParams makes them for a type.
func (r *Registry) proseParams(x *typeIndexes) []*Param {
	all := []*Param{{Code: "_filter", Type: "special", kind: filtering, types: x, Documentation: "An expression over the other parameters (R4 search_filter.html)"}}
	if r.references { // also for the type that no List may hold, which matches nothing: parameters of a search in several types must be common to all
		all = append(all, &Param{Code: "_list", Type: "special", kind: listing, Documentation: "Resources that are in a List, by the id of the List"})
	}
	return all
}

// lists answers _list: resources that an item of one of the Lists refers to.
func (r *Registry) lists(values []segment) (Plan, error) {
	var wanted IDs
	for _, v := range values {
		id := strings.TrimPrefix(v.text(), "List/")
		switch {
		case strings.HasPrefix(id, "$"):
			return nil, &valueError{v.at, fhir.CodeNotSupported, "functional lists are not supported; give the id of a List"}
		case v.raw != "" && !fhir.IsID(id):
			return nil, v.failf("not the id of a List")
		case v.raw != "":
			wanted = append(wanted, id)
		}
	}
	types, err := r.indexesOf("List")
	if err != nil {
		return nil, err
	}
	var alternatives Or
	for _, ix := range types.byCode["item"].indexes {
		alternatives = append(alternatives, RevRef{Type: "List", Index: ix.name, Of: wanted})
	}
	return anyOf(alternatives), nil
}
