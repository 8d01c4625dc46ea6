// Package terminology answers from the definitions of R4 alone which codes a value set has and what lies above and below a code. It answers exactly or not at all: a
// value set that draws from a code system the definitions do not carry whole is refused, by the name of that system.
//
// It owns the expansion of ValueSet.compose (R4 valueset.html#compositions) and the hierarchies of code systems. It knows no terminology server and no value sets
// that are stored as resources. Package search asks it for :in, :not-in, :above and :below, package fhir/validate for required bindings.
package terminology
