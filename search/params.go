package search

import "slices"

// Param is a search parameter of one resource type as this server answers it; the CapabilityStatement is made of these.
type Param struct {
	Code          string // the name in a query
	Type          string // number, date, string, token, reference, composite, quantity or uri
	URL           string // canonical URL of the SearchParameter
	Documentation string

	Targets     []string // of a reference: the types it may lead to, sorted; empty for any type
	Modifiers   []string // supported modifiers, without the colon; a reference also takes its target types
	Comparators []string // supported prefixes
	Sortable    bool     // as a key of _sort

	limits  *customLimits // of a custom parameter; nil for none
	kind    kind
	indexes []*index
	target  string       // of a reference: only targets of this type belong to the parameter; empty for all
	id      bool         // _id: answered by logical id
	types   *typeIndexes // of _filter: the type it is about
}

// HasModifier reports whether the parameter takes the modifier, which is given without the colon.
func (p *Param) HasModifier(name string) bool { return slices.Contains(p.Modifiers, name) }

// Indexes returns the names of the indexes the parameter is answered from; for a reference they are what [Ref.Index],
// [RevRef.Index] and [Include.Index] name. Empty for _id.
func (p *Param) Indexes() []string {
	names := make([]string, len(p.indexes))
	for i, x := range p.indexes {
		names[i] = x.name
	}
	return names
}

// ReferencePrefix is the key prefix of local references under an index to resources of a type; what follows it is the id.
func ReferencePrefix(index, resourceType string) string {
	return index + Separator + string(formReference) + resourceType + "/"
}

// Unsupported is a search parameter of the definitions that the server does not answer, and why.
type Unsupported struct {
	Code   string
	Reason string
}
