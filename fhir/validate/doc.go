// Package validate checks resources against the definitions of fhir/spec.
//
// It owns the rules that hold for any resource of a type, whatever its profile: the structure level. A [Validator] walks the tree of a resource once
// and reports what breaks a rule as OperationOutcome issues, each with the element it is about. It stores nothing, resolves nothing outside of
// the document and changes nothing. The server calls it on every write and for $validate; it imports fhir, fhir/spec and fhir/xml.
//
// # What is checked
//
//   - elements: known by the type, present as often as the definition asks, of the right JSON kind; one type of a choice, and an allowed one;
//   - JSON: arrays for what repeats and only there, _name beside primitives and aligned with them, null only where it aligns, nothing empty (R4 json.html);
//   - primitive values: the format of each type, by its regular expression and by what R4 says beyond it (see below);
//   - narrative: well-formed XHTML of the elements and attributes R4 allows, no script (R4 narrative.html);
//   - resources within: known type, no contained resources in contained resources, ids of contained resources unique;
//   - references: of a form that R4 knows, to a type the element allows as far as the reference tells it, #id resolves, Reference.type agrees;
//   - extensions: url, and either a value or extensions;
//   - required bindings, where the definitions carry all codes of the value set. Where they do not (MIME types, currencies, UCUM), nothing is said.
//
// No element and no resource type is listed here. What the code knows by name are the types that R4's prose gives rules of their own: Reference,
// Extension, Coding, CodeableConcept and the primitives, and the members id, contained and resourceType.
//
// # Formats
//
// The regular expressions are those of the definitions, as hand-written scanners (a test compares them). R4's prose asks for more, and so does this
// package: days exist, integers have 32 bits, strings have at most 1 MiB of characters and no control characters but tab and line ends,
// codes have single spaces, padding ends base64. Second 60 is allowed at any minute. A uri that begins with urn:uuid: is not held to the format of uuid.
//
// # What is not checked
//
// Invariants and profiles are not evaluated; they will stand beside the walk, and [Options] will name the profiles. Of the invariants only those that
// are structure are decided here: dom-2, ext-1, ref-1, txt-1, sqty-1, and ele-1 as far as it forbids empty objects. Bindings that are not required are not looked at.
//
// # Messages
//
// A message never repeats a value, because it may be patient data: it says what the rule is, and [fhir.Issue.Expression] says where.
package validate
