// Package patch changes a resource as a client describes it: by JSON Patch (RFC 6902), FHIRPath Patch (R4 fhirpatch.html) or XML Patch
// (RFC 5261, the part of it that R4 http.html#patch needs).
//
// It owns the three languages and what they do to the bytes of a resource. It does not own HTTP, conditions and versions, nor whether the
// result is valid: callers check it as any other write. The server calls it for PATCH; it imports fhir, fhir/spec, fhir/path and fhir/xml.
//
// [JSON] and [FHIRPath] change the document where it stands: every byte outside of the changed places is kept, white space and the digits of
// numbers included. [XML] writes the resource as XML, changes that and reads it back: the order of members and white space become those of
// fhir/xml, values stay digit for digit, and a resource that XML cannot carry is refused. All operations of a patch are done, in order, or none.
//
// The id and the resourceType of the resource are immutable: an operation that would change, add or remove one is refused. Those of resources
// within it are not.
//
// # Errors
//
// An error is a *[fhir.OperationOutcome] of one issue. Its diagnostics begin with the index of the operation, from 0, and its path:
// "operation 1 (remove /name/3): ..."; its expression is the place in the resource as far as the patch names one. Texts in quotes within a path
// are left out, because they may be patient data. The code is structure or invalid for a patch that is malformed, processing for one that does not
// fit the resource, business-rule for an immutable element, and too-costly for one that asks for too much work.
//
// # Where the specifications leave a choice
//
//   - JSON Patch: nothing is created on the way to the target, and an array that becomes empty stays, as RFC 6902 says. Numbers are equal when
//     their values are. The whole document can be replaced but not removed.
//   - FHIRPath Patch: delete does nothing when its path finds nothing; the other operations need exactly one element, insert and move exactly the
//     items of one list. A path that no resource of the type could satisfy is an error. Objects and arrays that delete leaves empty go too. The type of
//     a value must be one that the element allows, exactly; a string stands for xhtml. An item of a list that repeats inside an anonymous type is one part each.
//     A choice may be named with its type (valueQuantity) too. replace replaces the whole element, with id and extensions.
//   - XML Patch: names without a prefix are in the default namespace of the patch, and in that of FHIR when it declares none. Selectors are paths of
//     names or *, with predicates for position, an attribute, or the text of an attribute further down ([use/@value='usual']); see [XML].
package patch
