package xml

import (
	"bytes"

	"github.com/firth-health/firth/fhir/spec"
)

// members reads attributes and child elements of the element of type t whose opening tag was just read, up to its closing tag.
func (d *decoder) members(t *spec.Type) error {
	s := &d.scan
	element, empty, from := s.tag.name, s.tag.empty, len(d.held)
	if err := d.attributes(t); err != nil {
		return err
	}
	r := run{held: from}
	for !empty {
		event, err := s.next(false)
		if err != nil {
			return err
		}
		if event == end {
			return failAt(s.pos, "element %s is not closed", quote(element.raw))
		}
		if event == closing {
			if !bytes.Equal(s.tag.raw, element.raw) {
				return failAt(s.tag.at, "element %s is closed as %s", quote(element.raw), quote(s.tag.raw))
			}
			break
		}
		if err := d.member(t, &r); err != nil {
			return err
		}
	}
	d.finish(&r)
	err := d.release(&r, len(t.Elements()))
	d.held = d.held[:from]
	return err
}

// held is an attribute that waits for its turn among the members.
type held struct {
	element *spec.Element
	attribute
}

// attributes holds the attributes of the opening tag, which must be elements of type t. The value of a primitive is
// not held: it is not in the object.
func (d *decoder) attributes(t *spec.Type) error {
	s, from := &d.scan, len(d.held)
	for i := range s.tag.attributes {
		a := s.tag.attributes[i]
		if isDeclaration(a.name) {
			continue
		}
		e := t.ChildBytes(a.raw)
		if e == nil || !e.Attribute {
			return failAt(a.at, "unknown attribute %s", quote(a.raw))
		}
		if e.Type() == nil {
			continue
		}
		d.held = append(d.held, held{e, a})
		for j := len(d.held) - 1; j > from && d.held[j-1].element.Index > e.Index; j-- {
			d.held[j-1], d.held[j] = d.held[j], d.held[j-1]
		}
	}
	return nil
}

// release writes the held attributes that come before the element with the given index.
func (d *decoder) release(r *run, index int) error {
	for ; r.held < len(d.held) && d.held[r.held].element.Index < index; r.held++ {
		h := &d.held[r.held]
		ref := &h.element.Types[0]
		d.key("", ref.JSONName)
		if err := d.value(ref.Type, &h.attribute); err != nil {
			return err
		}
	}
	return nil
}

// run is the element being read among its siblings; all its repetitions follow each other.
type run struct {
	element    *spec.Element
	at         int    // where its member begins in the output
	count      int    // repetitions before the current one
	values     bool   // some repetition of a primitive has a value
	companion  bool   // some repetition of a primitive has a companion
	companions []byte // the companion array so far, without the closing bracket
	aligned    int    // number of these items
	held       int    // first held attribute that is not written
}

// member reads the child element whose opening tag was just read.
func (d *decoder) member(t *spec.Type, r *run) error {
	s := &d.scan
	bindings := len(s.bindings)
	e, err := d.element(t)
	if err != nil {
		return err
	}
	switch {
	case e != r.element:
		if err := d.begin(r, e); err != nil {
			return err
		}
	case !e.Repeats():
		return failAt(s.tag.at, "element %s must not be repeated", quote(s.tag.raw))
	default:
		r.count++
	}
	place := step{e.Name, -1}
	if e.Repeats() {
		place.index = r.count
	}
	d.path = append(d.path, place)
	outer := d.wanted
	d.wanted = outer.child(place, s.tag.at)
	if err := d.content(r, bindings); err != nil {
		return err
	}
	d.wanted = outer
	d.path = d.path[:len(d.path)-1]
	s.bindings = s.bindings[:bindings]
	return nil
}

// element finds the definition of the child element whose opening tag was just read.
func (d *decoder) element(t *spec.Type) (*spec.Element, error) {
	s := &d.scan
	if err := d.enterNamespace(); err != nil {
		return nil, err
	}
	local := s.tag.local()
	e := t.ChildBytes(local)
	if e == nil || e.Type() == nil || e.Attribute || e.Types[0].JSONName != string(local) {
		return nil, failAt(s.tag.at, "unknown element %s", quote(s.tag.raw))
	}
	namespace := fhirNamespace
	if isNarrative(e.Type()) {
		namespace = xhtmlNamespace
	}
	if uri, _, _ := s.namespace(s.tag.prefix()); string(uri) != namespace {
		return nil, failAt(s.tag.at, "element %s must be in the namespace %s", quote(s.tag.raw), namespace)
	}
	return e, nil
}

// begin starts the member of another element than the one before.
func (d *decoder) begin(r *run, e *spec.Element) error {
	if last := r.element; last != nil && last.Index >= e.Index {
		if last.Index == e.Index {
			return failAt(d.scan.tag.at, "only one of the types of %s[x] may be present", e.Name)
		}
		return failAt(d.scan.tag.at, "element %s must stand before %s", quote(d.scan.tag.raw), quote([]byte(last.Types[0].JSONName)))
	}
	d.finish(r)
	if err := d.release(r, e.Index); err != nil {
		return err
	}
	*r = run{element: e, at: len(d.out), held: r.held, companions: r.companions[:0]}
	if e.Repeats() {
		if err := d.enter(); err != nil {
			return err
		}
		d.key("", e.Types[0].JSONName)
		d.out = append(d.out, '[')
	}
	return nil
}

// finish ends the member of the last element.
func (d *decoder) finish(r *run) {
	if r.element == nil || !r.element.Repeats() {
		return
	}
	d.leave(']')
	if r.element.Type().Kind != spec.Primitive {
		return
	}
	if !r.values {
		d.out = d.out[:r.at]
	}
	if r.companion {
		d.key("_", r.element.Types[0].JSONName)
		d.align(r, r.count+1)
		d.out = append(append(d.out, r.companions...), ']')
	}
}

// content reads one element by the kind of its type.
func (d *decoder) content(r *run, bindings int) error {
	e := r.element
	t := e.Type()
	if t.Kind == spec.Primitive && !isNarrative(t) {
		if e.Repeats() {
			return d.item(r, t)
		}
		return d.primitive(e, t)
	}
	if e.Repeats() {
		d.comma()
	} else {
		d.key("", e.Types[0].JSONName)
	}
	switch {
	case isNarrative(t):
		return d.narrative(bindings)
	case t.Kind == spec.Resource:
		return d.container(t)
	}
	return d.object(t)
}
