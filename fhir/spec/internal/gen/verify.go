package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// compared are the members of an ElementDefinition in which a structure must agree with its data element. Data elements
// leave out invariants and mappings, and have other wordings in a few definitions.
var compared = []string{"path", "short", "min", "max", "type", "binding", "contentReference", "isModifier", "isSummary"}

// withoutDataElements are types that have none: specialisations that only repeat Quantity.
var withoutDataElements = []string{"Age", "Count", "Distance", "Duration"}

// verify compares all scrubbed structures with the data elements and reports every difference: a new change in the package
// must be looked at before it is embedded.
func verify(resources []*object, src *source) error {
	var errs []error
	found := map[string]bool{}
	for _, r := range resources {
		if !isType(r) {
			continue
		}
		list, err := snapshotOf(r)
		if err != nil {
			return err
		}
		for _, e := range list {
			id := e.text("id")
			found[id] = true
			if err := src.verifyElement(e, list); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", id, err))
			}
		}
	}
	for id := range src.elements {
		if !found[id] && !strings.HasPrefix(id, "MetadataResource.") { // a logical model
			errs = append(errs, fmt.Errorf("%s is missing", id))
		}
	}
	return errors.Join(errs...)
}

func (s *source) verifyElement(e *object, siblings []*object) error {
	id := e.text("id")
	candidates := s.elements[id]
	if len(candidates) == 0 {
		if hasNoDataElement(e, siblings) || s.overwritten(id) {
			return nil
		}
		return errors.New("has no data element")
	}
	var err error
	for _, official := range candidates {
		if err = difference(e, official); err == nil {
			return nil
		}
	}
	return err
}

// overwritten reports whether the data element of id was lost: their ids end after 64 characters, and of those that begin
// alike only the last is in the file.
func (s *source) overwritten(id string) bool {
	name := "de-" + strings.ReplaceAll(id, "[x]", "X")
	return len(name) > 64 && s.names[name[:64]]
}

func difference(e, official *object) error {
	for _, name := range compared {
		if a, b := e.get(name), official.get(name); !bytes.Equal(a, b) {
			return fmt.Errorf("%s is %s, in the data element %s", name, a, b)
		}
	}
	return nil
}

// hasNoDataElement reports whether an element is one of those that get none: roots, elements with an inline type, elements that
// share one, and what every element inherits.
func hasNoDataElement(e *object, siblings []*object) bool {
	id := e.text("id")
	name := id[strings.LastIndexByte(id, '.')+1:]
	switch {
	case name == id, e.get("contentReference") != nil:
		return true
	case name == "id", name == "extension", name == "modifierExtension":
		return true
	case slices.Contains(withoutDataElements, strings.TrimSuffix(id, "."+name)):
		return true
	}
	return slices.ContainsFunc(siblings, func(o *object) bool { return strings.HasPrefix(o.text("id"), id+".") })
}
