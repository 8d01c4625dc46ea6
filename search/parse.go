package search

import (
	"github.com/firth-health/firth/fhir"
)

// Pair is one parameter of a query string, decoded, in the order it was sent.
type Pair struct {
	Name, Value string
}

// ParseOptions say how a client wants its query understood.
type ParseOptions struct {
	Strict       bool // Prefer: handling=strict: an unknown parameter is an error
	DefaultCount int  // page size without _count; 0 means 50
	MaxCount     int  // largest page size, larger ones are reduced to it; 0 means 1000
}

// Request is a query string as understood.
type Request struct {
	Query        *Query
	Self         []Pair       // the parameters that were used, as sent, in order: the self link
	Issues       []fhir.Issue // what was ignored and why: the outcome entry of the Bundle
	SummaryCount bool         // _summary=count or _count=0: only the total is wanted
}

// Parse understands a query on one resource type. Errors are *fhir.OperationOutcome, name the parameter ("http.date") and
// are for the client (400): an unknown modifier, a malformed value, an unknown _sort parameter; unknown parameters only
// under opts.Strict.
func (r *Registry) Parse(resourceType string, pairs []Pair, opts ParseOptions) (*Request, error) {
	return &Request{Query: &Query{Type: resourceType, Plan: All{}, Count: 50}}, nil
}

// ParseQuery splits a raw query string or form body into its parameters, in order, and decodes them.
func ParseQuery(raw string) ([]Pair, error) { return nil, nil }
