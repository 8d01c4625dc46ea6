// Package graphql answers GraphQL queries on FHIR resources (R4 graphql.html).
//
// It owns the language (lexer, parser, with limits) and its evaluation over the trees of resources: elements by name, arguments that filter lists, references,
// searches, fragments, variables, and the directives of GraphQL (@skip, @include) and of FHIR (@flatten, @first, @singleton, @slice). It fetches nothing itself: the
// server hands it a [Source], which also decides what the caller may see. The definitions of fhir/spec are the schema; there is no other.
//
// # Where the specification leaves a choice
//
//   - What is asked for and absent is null, as GraphQL wants; R4's examples leave it out. A search that finds nothing is an empty list.
//   - An argument of a list that is not fhirpath, _count or _offset names an element of its items, which must have that value, or one of a list of values.
//   - A reference that leads to nothing is null with an error, and without one when it is asked for with optional: true. One that leads to another type than
//     the argument type says is null.
//   - Arguments of searches are search parameters with _ for -; a list of values means any of them. _reference in a search inside of a resource names the
//     parameter that refers to the resource.
//   - Operations other than queries, and introspection, are refused.
package graphql
