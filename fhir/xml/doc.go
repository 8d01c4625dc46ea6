// Package xml turns FHIR XML into FHIR JSON and back (R4 xml.html, json.html), both driven by the definitions in fhir/spec.
//
// Firth keeps resources as JSON; XML exists only on the wire. [Decode] reads a request's body into JSON bytes, which then go the way of
// any other resource; [Encode] writes a tree as XML for a response. Both answer what they refuse with a
// *[fhir.OperationOutcome] that names the element. It is called by the server; it knows no resource type and no element by name.
//
// # What Decode reads
//
// FHIR XML strictly: UTF-8, XML 1.0 with namespaces, elements in the order of the definition, each as often as it may occur in one list; within
// [fhir.DefaultLimits], where depth is that of the JSON that comes out, so that [fhir.Parse] takes it. Refused are document type declarations (and with
// them all entities but the five of XML), processing instructions, character data between elements, unknown elements and
// unknown attributes (xsi:schemaLocation is one), because JSON could not carry them. Comments are dropped. What JSON can carry although FHIR
// forbids it, such as an empty value or a missing element, is left to fhir/validate.
//
// Booleans, integers and decimals become JSON booleans and numbers, digit for digit; other values become strings. White space in an attribute that is
// not written as a character reference becomes a space (XML 1.0, 3.3.3).
//
// # What Encode writes
//
// The same resource as one line, so that Decode returns the same tree. What XML cannot carry is refused, never dropped: unknown elements, control
// characters, values of the wrong JSON kind, empty arrays, items of arrays that are neither value nor companion, narratives that are not well-formed
// XHTML. Only what says nothing is not carried over: the order of members, white space around a narrative, and null that aligns
// nothing, as in "_given":[null] or "given":[null] beside "_given":[{"id":"a"}].
//
// # Narrative
//
// The XHTML of Narrative.div passes through byte for byte in both directions, comments, CDATA and line ends included. It must be well-formed and is not
// judged otherwise here; fhir/validate judges it by means of [Narratives]. Where XML declares its namespaces outside of the div, Decode adds the declarations to the div, because in JSON
// the text stands alone.
package xml
