package patch

import (
	"bytes"
	"errors"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/xml"
)

// XML applies an XML Patch (RFC 5261) to the XML form of a resource and returns the new JSON, with members in the order of the definitions.
// Of RFC 5261 it knows what FHIR needs: add, replace and remove of elements and attributes, selectors that are simple paths. Elements must end up in the
// order that FHIR XML has, so add mostly needs pos. Text nodes, comments, namespace nodes and the attribute ws are refused. See the package comment
// for errors.
func XML(res *fhir.Resource, patch []byte, defs *spec.Definitions) ([]byte, error) {
	operations, err := readDiff(patch)
	if err != nil {
		return nil, err
	}
	if len(operations) == 0 {
		return bytes.Clone(res.Bytes()), nil
	}
	original, err := xml.Encode(nil, res.Root(), defs)
	if err != nil {
		issue := firstIssue(err)
		return nil, fhir.Invalidf(fhir.CodeProcessing, issue.Expression, "the resource has no XML form to patch: %s", issue.Diagnostics)
	}
	p := xmlPatch{data: original, fixed: identityOf(res), defs: defs, work: maxWork}
	for i, op := range operations {
		if err := p.apply(op); err != nil {
			return nil, outcome(i, op.name.Local, shown(op.sel), "", err)
		}
	}
	result, err := p.decode()
	if err != nil {
		p.data = original
		return nil, p.blame(operations)
	}
	return result, nil
}

// xmlPatch is the XML form of a resource being changed.
type xmlPatch struct {
	data  []byte
	fixed *identity
	defs  *spec.Definitions
	work  budget
}

// decode reads the XML form back. It returns an error when that is not the same resource any more, or none at all.
func (p *xmlPatch) decode() ([]byte, error) {
	data, err := xml.Decode(p.data, p.defs)
	if err != nil {
		issue := firstIssue(err)
		at, reason := issue.Expression, issue.Diagnostics
		if at != "" {
			at = ", at " + at
		}
		if _, after, found := strings.Cut(reason, ": "); found {
			reason = after // the line and column are those of a document that the client does not see
		}
		return nil, problemf(fhir.CodeProcessing, "the result is not FHIR XML%s: %s", at, reason)
	}
	root, err := fhir.Parse(data)
	if err != nil {
		return nil, problemf(fhir.CodeProcessing, "the result is not a resource")
	}
	return data, p.fixed.check(valueOf(root))
}

// blame finds the operation that made the result what it is: the last after which a resource was none.
func (p *xmlPatch) blame(operations []xmlOperation) error {
	var reason, before error
	culprit := 0
	p.work = maxWork
	for i, op := range operations {
		err := p.apply(op)
		if err == nil {
			_, err = p.decode()
		}
		if err != nil && before == nil {
			culprit, reason = i, err
		}
		before = err
	}
	return outcome(culprit, operations[culprit].name.Local, shown(operations[culprit].sel), "", reason)
}

// firstIssue is what an error of fhir/xml says.
func firstIssue(err error) fhir.Issue {
	var o *fhir.OperationOutcome
	if errors.As(err, &o) && len(o.Issues) > 0 {
		return o.Issues[0]
	}
	return fhir.Issue{Diagnostics: err.Error()}
}

// costOfXML is what a byte costs to read, compared to JSON.
const costOfXML = 8

func (p *xmlPatch) apply(op xmlOperation) error {
	if err := p.work.spend(costOfOperation + len(p.data)*(costOfXML+op.target.predicates())); err != nil {
		return err
	}
	root, err := parseXML(p.data)
	if err != nil {
		return err
	}
	e, err := op.target.find(root)
	if err != nil {
		return err
	}
	var splices []fhir.Splice
	switch {
	case op.newName != "" || op.target.attribute != "":
		splices, err = p.attribute(op, e)
	case op.name.Local == "add":
		splices, err = p.add(op, e)
	case e.parent == nil && op.name.Local == "remove":
		err = problemf(fhir.CodeProcessing, "the resource itself cannot be removed")
	default:
		splices = []fhir.Splice{{Start: e.start, End: e.end, Text: bytes.TrimSpace(op.content)}}
	}
	if err == nil {
		p.data = fhir.ApplySplices(p.data, 0, splices)
	}
	return err
}

// predicates counts how often elements may be looked at again.
func (s selector) predicates() int {
	n := 0
	for _, step := range s.steps {
		n += len(step.predicates)
	}
	return n
}

// attribute adds, replaces or removes one.
func (p *xmlPatch) attribute(op xmlOperation, e *element) ([]fhir.Splice, error) {
	name := op.target.attribute + op.newName
	_, exists := e.attribute(name)
	switch {
	case op.newName != "" && exists:
		return nil, problemf(fhir.CodeProcessing, "the element has the attribute already; replace changes it")
	case op.newName != "":
		at := e.start + 1 + len(e.tagName(p.data))
		return []fhir.Splice{{Start: at, End: at, Text: []byte(" " + name + `="` + escaped(string(op.text)) + `"`)}}, nil
	case !exists:
		return nil, problemf(fhir.CodeProcessing, "the element does not have the attribute")
	}
	start, valueStart, valueEnd, end := e.attributePlace(p.data, name)
	if op.name.Local == "remove" {
		return []fhir.Splice{{Start: start, End: end}}, nil
	}
	opening := valueStart - 1
	return []fhir.Splice{{Start: opening, End: valueEnd + 1, Text: []byte(`"` + escaped(string(op.text)) + `"`)}}, nil
}

// add puts content into an element, or beside it.
func (p *xmlPatch) add(op xmlOperation, e *element) ([]fhir.Splice, error) {
	at := e.innerEnd
	switch op.pos {
	case "before", "after":
		if e.parent == nil {
			return nil, problemf(fhir.CodeProcessing, "nothing can stand beside the resource itself")
		}
		if at = e.start; op.pos == "after" {
			at = e.end
		}
		return []fhir.Splice{{Start: at, End: at, Text: op.content}}, nil
	case "prepend":
		at = e.inner
	}
	if e.inner < e.end {
		return []fhir.Splice{{Start: at, End: at, Text: op.content}}, nil
	}
	// <a/> becomes <a>content</a>
	slash := e.inner - len("/>")
	content := append(append([]byte{'>'}, op.content...), "</"...)
	content = append(append(content, e.tagName(p.data)...), '>')
	return []fhir.Splice{{Start: slash, End: e.inner, Text: content}}, nil
}
