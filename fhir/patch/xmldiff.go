package patch

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// xmlOperation is one operation of an XML Patch.
type xmlOperation struct {
	*element        // of the patch
	sel      string // as it stands there
	target   selector
	pos      string // of add: prepend, before, after; empty to append
	newName  string // of add: the attribute to add
	content  []byte // for add and replace of elements: with the declarations it needs
}

// readDiff reads an XML Patch: add, replace and remove in one root element.
func readDiff(data []byte) ([]xmlOperation, error) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if len(data) > fhir.DefaultLimits.Bytes {
		return nil, fhir.Invalidf(fhir.CodeTooLong, "", "the patch is larger than %d bytes", fhir.DefaultLimits.Bytes)
	}
	root, err := parseXML(data)
	if err != nil {
		return nil, fhir.Invalidf(fhir.CodeStructure, "", "%v", err)
	}
	if root.name.Local != "diff" && root.name.Local != "patch" || len(bytes.TrimSpace(root.text)) > 0 {
		return nil, fhir.Invalidf(fhir.CodeStructure, "", "an XML Patch is an element diff with add, replace and remove in it")
	}
	operations := make([]xmlOperation, 0, len(root.children))
	for i, e := range root.children {
		op, err := readXMLOperation(data, e)
		if err != nil {
			return nil, outcome(i, e.name.Local, shown(op.sel), "", err)
		}
		operations = append(operations, op)
	}
	return operations, nil
}

func readXMLOperation(data []byte, e *element) (xmlOperation, error) {
	op := xmlOperation{element: e}
	op.sel, _ = e.attribute("sel")
	kind := e.name.Local
	if kind != "add" && kind != "replace" && kind != "remove" || e.name.Space != e.parent.name.Space {
		return op, problemf(fhir.CodeInvalid, "an operation is add, replace or remove")
	}
	var err error
	if op.target, err = readSelector(op.sel, e.inScope()); err != nil {
		return op, err
	}
	for _, a := range e.attributes {
		switch name := a.Name.Local; {
		case name == "sel" && a.Name.Space == "":
		case kind == "add" && name == "pos" && (a.Value == "prepend" || a.Value == "before" || a.Value == "after"):
			op.pos = a.Value
		case kind == "add" && name == "type" && isAttributeName(a.Value):
			op.newName = a.Value[1:]
		default:
			return op, problemf(fhir.CodeNotSupported, `add has pos="prepend", "before" or "after", or type="@name"; there is no other attribute beside sel`)
		}
	}
	return op, op.readContent(data)
}

// isAttributeName reports whether a type is @ and the name of an attribute.
func isAttributeName(text string) bool {
	r := selectorReader{rest: strings.TrimPrefix(text, "@")}
	return r.rest != text && r.word() != "" && r.rest == ""
}

// readContent checks that the operation holds what it needs.
func (op *xmlOperation) readContent(data []byte) error {
	text := len(bytes.TrimSpace(op.text)) > 0
	forAttribute := op.target.attribute != "" || op.newName != ""
	switch kind := op.name.Local; {
	case kind == "add" && op.target.attribute != "":
		return problemf(fhir.CodeInvalid, `sel of add leads to an element; type="@name" adds an attribute to it`)
	case op.newName != "" && op.pos != "":
		return problemf(fhir.CodeInvalid, "pos and type cannot be used together")
	case kind == "remove" && (text || len(op.children) > 0):
		return problemf(fhir.CodeInvalid, "remove is empty")
	case kind != "remove" && forAttribute && len(op.children) > 0:
		return problemf(fhir.CodeInvalid, "the value of an attribute is text")
	case kind == "replace" && !forAttribute && (text || len(op.children) != 1):
		return problemf(fhir.CodeInvalid, "an element is replaced by exactly one element")
	case kind == "add" && !forAttribute && !text && len(op.children) == 0:
		return problemf(fhir.CodeInvalid, "there is nothing to add")
	}
	op.content = op.declared(data)
	return nil
}

// declared returns the content with the namespaces that the patch declares for it (RFC 5261, 4.2.3).
func (op *xmlOperation) declared(data []byte) []byte {
	scope := op.inScope()
	delete(scope, "xml")
	var splices []fhir.Splice
	for _, child := range op.children {
		at := child.start + 1 + len(child.tagName(data))
		own := map[string]bool{}
		for _, a := range child.declarations {
			own[declaredPrefix(a)] = true
		}
		var b bytes.Buffer
		for _, prefix := range slices.Sorted(maps.Keys(scope)) {
			if own[prefix] || prefix != "" && !bytes.Contains(data[child.start:child.end], []byte(prefix+":")) {
				continue
			}
			if b.WriteString(" xmlns"); prefix != "" {
				b.WriteString(":" + prefix)
			}
			b.WriteString(`="` + escaped(scope[prefix]) + `"`)
		}
		splices = append(splices, fhir.Splice{Start: at, End: at, Text: b.Bytes()})
	}
	return fhir.ApplySplices(data[op.inner:op.innerEnd], op.inner, splices)
}

// escaped is text as it stands in an attribute.
func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;").Replace(text)
}
