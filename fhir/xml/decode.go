package xml

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// Decode turns one resource in FHIR XML into FHIR JSON with the members in the order of the definitions. The result is
// new memory that [fhir.Parse] accepts. An error is a *[fhir.OperationOutcome] of one issue, with the line and column in its
// diagnostics and the innermost known element as its expression. See the package comment for what is refused.
func Decode(data []byte, defs *spec.Definitions) ([]byte, error) {
	d := decoder{defs: defs, out: make([]byte, 0, len(data)), depth: fhir.DefaultLimits.Depth}
	d.scan.reset(data)
	if err := d.document(); err != nil {
		return nil, d.outcome(err)
	}
	return d.out, nil
}

type decoder struct {
	scan  scanner
	defs  *spec.Definitions
	out   []byte
	depth int    // levels of JSON objects and arrays left
	path  []step // to the element being read
	held  []held
	text  []byte // scratch

	wanted *wanted // of the element being read, in Locate; nil for nothing
}

// step is a part of the place of an element.
type step struct {
	name  string
	index int // -1 for an element that does not repeat
}

func expression(path []step) string {
	var b strings.Builder
	for i, s := range path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index >= 0 {
			fmt.Fprintf(&b, "[%d]", s.index)
		}
	}
	return b.String()
}

// outcome gives an error its position in the document.
func (d *decoder) outcome(err error) error {
	var p *problem
	if !errors.As(err, &p) {
		return err
	}
	at := position(d.scan.data, p.at)
	return fhir.Invalidf(fhir.CodeStructure, expression(d.path), "invalid XML at line %d, column %d: %s", at.Line, at.Column, p.msg)
}

func (d *decoder) document() error {
	data := d.scan.data
	if limit := fhir.DefaultLimits.Bytes; len(data) > limit {
		return failAt(0, "document of %d bytes is larger than the limit of %d", len(data), limit)
	}
	if err := checkCharacters(data); err != nil {
		return err
	}
	if err := d.scan.prolog(); err != nil {
		return err
	}
	switch event, err := d.scan.next(false); {
	case err != nil:
		return err
	case event != opening:
		return failAt(d.scan.pos, "expected a resource")
	}
	if err := d.resource(); err != nil {
		return err
	}
	switch event, err := d.scan.next(false); {
	case err != nil:
		return err
	case event != end:
		return failAt(d.scan.tag.at, "nothing may follow the resource")
	}
	return nil
}

// resource reads the resource whose opening tag was just read.
func (d *decoder) resource() error {
	s := &d.scan
	bindings := len(s.bindings)
	if err := d.enterNamespace(); err != nil {
		return err
	}
	typeName := s.tag.local()
	if uri, _, _ := s.namespace(s.tag.prefix()); string(uri) != fhirNamespace || !d.defs.IsResource(string(typeName)) {
		return failAt(s.tag.at, "%s is not a resource type in the namespace %s", quote(typeName), fhirNamespace)
	}
	t := d.defs.Type(string(typeName))
	if len(d.path) == 0 {
		d.path = append(d.path, step{t.Name, -1})
		if d.wanted != nil {
			d.wanted.at, d.wanted.isFound = s.tag.at, true
		}
	}
	if err := d.enter(); err != nil {
		return err
	}
	d.out = append(d.out, `{"resourceType":"`...)
	d.out = append(append(d.out, t.Name...), '"')
	if err := d.members(t); err != nil {
		return err
	}
	d.leave('}')
	s.bindings = s.bindings[:bindings]
	return nil
}

// enterNamespace takes the declarations of the opening tag into scope and refuses prefixes that nothing declares.
func (d *decoder) enterNamespace() error {
	s := &d.scan
	if err := s.declare(); err != nil {
		return err
	}
	if _, _, ok := s.namespace(s.tag.prefix()); !ok {
		return failAt(s.tag.at, "prefix of %s is not declared", quote(s.tag.raw))
	}
	return nil
}

// enter goes one level of JSON down.
func (d *decoder) enter() error {
	if d.depth == 0 {
		return failAt(d.scan.tag.at, "nested too deeply")
	}
	d.depth--
	return nil
}

func (d *decoder) leave(closing byte) {
	d.depth++
	d.out = append(d.out, closing)
}

// comma parts a member or item from the one before it.
func (d *decoder) comma() {
	if last := d.out[len(d.out)-1]; last != '{' && last != '[' {
		d.out = append(d.out, ',')
	}
}

// key begins a member; underscore is "_" for the companion of a primitive.
func (d *decoder) key(underscore, name string) {
	d.comma()
	d.out = append(d.out, '"')
	d.out = append(append(d.out, underscore...), name...)
	d.out = append(d.out, '"', ':')
}

// object reads an element of a complex type, or what a primitive has beside its value.
func (d *decoder) object(t *spec.Type) error {
	if err := d.enter(); err != nil {
		return err
	}
	d.out = append(d.out, '{')
	if err := d.members(t); err != nil {
		return err
	}
	d.leave('}')
	return nil
}

// container reads an element that holds a resource, such as Bundle.entry.resource.
func (d *decoder) container(t *spec.Type) error {
	s := &d.scan
	outer := s.tag
	if err := d.attributes(t); err != nil {
		return err
	}
	if !outer.empty {
		switch event, err := s.next(false); {
		case err != nil:
			return err
		case event == opening:
			if err := d.resource(); err != nil {
				return err
			}
			return d.close(outer.name)
		}
	}
	return failAt(s.tag.at, "element %s must hold a resource", quote(outer.raw))
}

// close reads the closing tag of an element that holds nothing more.
func (d *decoder) close(element name) error {
	s := &d.scan
	switch event, err := s.next(false); {
	case err != nil:
		return err
	case event == end:
		return failAt(s.pos, "element %s is not closed", quote(element.raw))
	case event == opening:
		return failAt(s.tag.at, "element %s must hold only one resource", quote(element.raw))
	case !bytes.Equal(s.tag.raw, element.raw):
		return failAt(s.tag.at, "element %s is closed as %s", quote(element.raw), quote(s.tag.raw))
	}
	return nil
}

// narrative reads a narrative, of which bindings namespaces are declared outside.
func (d *decoder) narrative(bindings int) error {
	s := &d.scan
	element, start := s.tag.name, s.tag.at
	stop, err := s.narrative(bindings)
	if err != nil {
		return err
	}
	text := s.data[start:stop]
	if len(s.outside) > 0 {
		if d.text, err = s.appendNarrative(d.text[:0], element, start, stop); err != nil {
			return err
		}
		text = d.text
	}
	d.out = appendQuoted(d.out, text)
	return nil
}
