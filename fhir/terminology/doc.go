// Package terminology answers which codes a value set has, what a code system says about a code, and what lies above and below it: from the definitions of R4, and where
// a [Source] is given from what that has. It answers exactly or not at all: a value set that draws from a code system that is not known whole is refused, by the
// name of that system.
//
// It owns the composition of ValueSet.compose (R4 valueset.html#compositions) and the hierarchies of code systems. It knows no terminology server and no store. Package
// search asks it for :in, :not-in, :above and :below, package fhir/validate for required bindings, package server for $expand, $validate-code and $lookup, with the
// ValueSets and CodeSystems that are stored as its Source.
package terminology
