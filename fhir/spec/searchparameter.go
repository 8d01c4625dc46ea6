package spec

// SearchParameter is one search parameter of the specification (R4 searchparameter.html). It is shared: callers must
// not change it.
type SearchParameter struct {
	URL         string
	Name        string
	Code        string // the name in a query: "patient"
	Type        string // number, date, string, token, reference, composite, quantity, uri or special
	Description string // may be long: one line for each base
	Expression  string // FHIRPath; empty for _text, _content and _query
	XPathUsage  string // normal, phonetic or nearby

	Base   []string // the types it searches; may be Resource or DomainResource
	Target []string // the types a reference may point to

	Components  []Component // of a composite
	Comparators []string    // the prefixes it allows; none means that the definition does not say
	Modifiers   []string    // likewise

	// MultipleOr and MultipleAnd are true where the definition does not say.
	MultipleOr, MultipleAnd bool
}

// Component is one part of a composite search parameter.
type Component struct {
	Definition string // URL of the search parameter of this part
	Expression string // FHIRPath, relative to the items of the composite's own expression
}
