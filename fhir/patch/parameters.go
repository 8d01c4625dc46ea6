package patch

import (
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// operation is one operation of a FHIRPath Patch (R4 fhirpatch.html#format).
type operation struct {
	kind, path, name           string
	index, source, destination int
	value                      fhir.Node // the part named value
}

// partsOf lists the parts that an operation takes beside type. All are required.
func partsOf(kind string) ([]string, bool) {
	switch kind {
	case "add":
		return []string{"path", "name", "value"}, true
	case "insert":
		return []string{"path", "index", "value"}, true
	case "delete":
		return []string{"path"}, true
	case "replace":
		return []string{"path", "value"}, true
	case "move":
		return []string{"path", "source", "destination"}, true
	}
	return nil, false
}

// readOperations reads a Parameters resource.
func readOperations(patch fhir.Node) ([]operation, error) {
	if patch.Kind() != fhir.Object || !patch.Get("resourceType").TextIs("Parameters") {
		return nil, fhir.Invalidf(fhir.CodeStructure, "", "a FHIRPath Patch is a Parameters resource")
	}
	list := patch.Get("parameter")
	if list.Ok() && list.Kind() != fhir.Array {
		return nil, fhir.Invalidf(fhir.CodeStructure, "Parameters.parameter", "parameter is an array")
	}
	if count := list.Len(); count > maxOperations {
		return nil, fhir.Invalidf(fhir.CodeTooCostly, "Parameters.parameter", "the patch has %d operations; %d are allowed", count, maxOperations)
	}
	var operations []operation
	for n := range list.Children() {
		op, err := readOperation(n)
		if err != nil {
			return nil, outcome(len(operations), op.kind, shown(op.path), "", err)
		}
		operations = append(operations, op)
	}
	return operations, nil
}

func readOperation(n fhir.Node) (operation, error) {
	var op operation
	if !n.Get("name").TextIs("operation") {
		return op, problemf(fhir.CodeInvalid, `the name of each parameter is "operation"`)
	}
	parts, err := namedParts(n.Get("part"))
	if err != nil {
		return op, err
	}
	op.kind = parts["type"].Get("valueCode").Text()
	op.path = parts["path"].Get("valueString").Text()
	takes, known := partsOf(op.kind)
	if !known {
		return op, problemf(fhir.CodeInvalid, `the part "type" is a valueCode: add, insert, delete, replace or move`)
	}
	for _, name := range takes {
		if !parts[name].Ok() {
			return op, problemf(fhir.CodeRequired, "the part %q is missing", name)
		}
		if err := op.read(name, parts[name]); err != nil {
			return op, err
		}
	}
	for name := range parts {
		if name != "type" && !slices.Contains(takes, name) {
			return op, problemf(fhir.CodeInvalid, `an operation has the parts "type", "%s" and no other`, strings.Join(takes, `", "`))
		}
	}
	return op, nil
}

// namedParts gathers the parts of an operation by name.
func namedParts(list fhir.Node) (map[string]fhir.Node, error) {
	if list.Kind() != fhir.Array {
		return nil, problemf(fhir.CodeStructure, "an operation has an array of parts")
	}
	parts := map[string]fhir.Node{}
	for n := range list.Children() {
		name := n.Get("name")
		if name.Kind() != fhir.String {
			return nil, problemf(fhir.CodeStructure, "a part has a name")
		}
		if parts[name.Text()].Ok() {
			return nil, problemf(fhir.CodeInvalid, "an operation has each part once")
		}
		parts[name.Text()] = n
	}
	return parts, nil
}

// read takes over one part.
func (op *operation) read(name string, part fhir.Node) error {
	switch name {
	case "path":
		return stringPart(part, name, &op.path)
	case "name":
		return stringPart(part, name, &op.name)
	case "index":
		return integerPart(part, name, &op.index)
	case "source":
		return integerPart(part, name, &op.source)
	case "destination":
		return integerPart(part, name, &op.destination)
	}
	op.value = part
	return nil
}

func stringPart(part fhir.Node, name string, to *string) error {
	n := part.Get("valueString")
	if *to = n.Text(); n.Kind() != fhir.String || *to == "" {
		return problemf(fhir.CodeValue, "the part %q is a valueString", name)
	}
	return nil
}

func integerPart(part fhir.Node, name string, to *int) error {
	n := part.Get("valueInteger")
	i, ok := arrayIndex(n.Text())
	if n.Kind() != fhir.Number || !ok {
		return problemf(fhir.CodeValue, "the part %q is a valueInteger that counts from 0", name)
	}
	*to = i
	return nil
}
