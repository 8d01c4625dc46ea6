// Package expr evaluates the values of an adapter's manifest over a vendor's payload: simple paths, walked directly over the payload's tree, and
// CEL expressions (cel.dev) for everything else.
//
// It owns the expression language: one kind of number, the exact decimal; the variables of a [Scope]; the functions listed in functions.go; type
// checking when a manifest is loaded; a cost limit when it runs. It knows nothing of FHIR resources or of manifests. Package adapters calls it.
//
// # Rules that differ from plain CEL
//
//   - Every number is a decimal: literals, payload numbers, size(). 1 == 1.0, 74126 * 0.001 is 74.126 exactly, 10 / 4 is 2.5. There is no float.
//   - What the payload lacks is null, at any depth: item.a.b.c is null when there is no item.a. Null in, null out: arithmetic and the functions
//     below answer null when an argument they need is null. Comparing null with < or > is an error; use == null or has().
//   - Payload strings are not numbers until dec() makes them so.
package expr
