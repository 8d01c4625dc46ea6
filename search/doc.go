// Package search holds all search semantics of Firth: which index keys a resource has, what a query string asks, and what it means.
//
// It owns the key grammar (grammar.go), the registry that turns the definitions' search parameters into indexes, extraction
// of keys from a resource, parsing of query strings into a [Query] with a [Plan], and the reference meaning of plans ([Match], [Memory]). It
// neither stores nor fetches anything, knows no URL beyond a query string, and lists no resource type or parameter by hand:
// those come from fhir/spec.
//
// The server calls [Registry.Parse] and [Registry.Extract]; stores read [Query] and [Plan] and nothing else; auth restricts a Query by adding to its Plan.
package search
