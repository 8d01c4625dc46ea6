// Package fhir holds what every other part of Firth means by a resource: its JSON bytes and a tree over them.
//
// It owns strict JSON (RFC 8259) with positions, lossless editing by splicing, exact decimals, partial dates, keys,
// references and OperationOutcome. It knows no resource type, no element and no search parameter: those are data, in
// fhir/spec. It is called by everything and imports nothing of Firth.
//
// A [Resource] is never re-encoded. Reading walks a [Node] tree whose nodes are byte ranges; stamping an id, a version and
// an instant, or rewriting a reference, replaces byte ranges ([Splice]). So contained resources, primitive extensions,
// unknown elements and the difference between 1.5 and 1.50 all survive.
package fhir
