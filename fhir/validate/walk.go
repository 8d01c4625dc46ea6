package validate

import (
	"bytes"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/xml"
)

// walk is one pass over one resource. It keeps its memory for the next.
type walk struct {
	v        *Validator
	limit    int
	document []byte

	issues  []fhir.Issue
	offsets []int  // of the issues, in the document
	full    bool   // more issues than the limit
	steps   []step // from the root to the current place

	seen      []uint64 // sets of elements: a stack with one for each open object
	scopes    []scope  // resources that contain others, the innermost last
	ids       []containedID
	text      []byte // a decoded string
	narrative xml.Narratives
}

// step is one name on the way from the root, and an index where it repeats.
type step struct {
	name  string
	index int // -1 for none
}

// reset lets go of the document.
func (w *walk) reset() {
	w.document, w.issues, w.offsets, w.full = nil, nil, w.offsets[:0], false
	w.steps, w.seen = release(w.steps), w.seen[:0]
	w.scopes, w.ids = release(w.scopes), release(w.ids)
	if cap(w.text) > longestKept {
		w.text = nil
	}
	w.narrative.Reset()
}

// longestKept bounds the memory that a walk keeps for the next.
const longestKept = 1 << 16

// release empties a slice and lets go of what it held of the document.
func release[T any](list []T) []T {
	if cap(list) > longestKept {
		return nil
	}
	clear(list[:cap(list)])
	return list[:0]
}

func (w *walk) root(n fhir.Node) {
	w.document = n.Document()
	w.steps = append(w.steps, step{"Resource", -1})
	w.resource(n, nil)
}

// enter and leave go down to a member and back up.
func (w *walk) enter(name string) { w.steps = append(w.steps, step{name, -1}) }
func (w *walk) leave()            { w.steps = w.steps[:len(w.steps)-1] }

// at says which item of the current member is looked at; -1 for the member as a whole.
func (w *walk) at(index int) { w.steps[len(w.steps)-1].index = index }

// key returns the decoded name of a member.
func key(c fhir.Node) []byte {
	start, end := c.KeyRange()
	if raw := c.Document()[start+1 : end-1]; bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	return []byte(c.Key())
}

// object checks the members of an object of the type s. inResource allows resourceType; isContained forbids contained resources.
func (w *walk) object(n fhir.Node, s *shape, in place) {
	if !n.First().Ok() {
		w.report(n, fhir.CodeStructure, "an object must not be empty: leave the element out")
		return
	}
	base, strange := len(w.seen), false
	for range s.words {
		w.seen = append(w.seen, 0)
	}
	for c := n.First(); c.Ok() && !w.full; c = c.Next() {
		name := key(c)
		m := s.members[string(name)]
		if m == nil {
			if in == inElement || string(name) != "resourceType" {
				w.unknown(n, c, s, base, name)
				strange = true
			}
			continue
		}
		w.enter(m.step)
		w.once(n, c, s, base, m)
		if m.contained && in == inContained {
			w.report(c, fhir.CodeInvariant, "contained resources must not contain resources (dom-2)")
		} else {
			w.member(n, c, m)
		}
		w.leave()
	}
	for _, e := range s.required {
		if !w.has(base, e.Index) && !w.full {
			w.missing(n, e)
		}
	}
	switch {
	case in == inElement && s.typ.Kind == spec.Complex && hasOnlyID(n):
		w.report(n, fhir.CodeInvariant, "an id alone says nothing: an element must have elements or extensions (ele-1)")
	case s.role == extension && w.has(base, s.value) == w.has(base, s.extension) && !strange:
		w.report(n, fhir.CodeInvariant, "an extension must have either a value or extensions, not both and not none (ext-1)")
	}
	w.seen = w.seen[:base]
}

func hasOnlyID(n fhir.Node) bool { return n.First().KeyIs("id") && !n.First().Next().Ok() }

// place is where an object stands.
type place uint8

const (
	inElement place = iota
	inResource
	inContained
)

func (w *walk) has(base, index int) bool { return w.seen[base+index/64]&(1<<(index%64)) != 0 }
func (w *walk) mark(base, index int)     { w.seen[base+index/64] |= 1 << (index % 64) }

// once notes that an element is present and refuses a second type of a choice.
func (w *walk) once(n, c fhir.Node, s *shape, base int, m *member) {
	if m.element.Choice && w.has(base, m.element.Index) {
		for other := n.First(); other != c; other = other.Next() {
			o := s.members[string(key(other))]
			if o != nil && o.element.Index == m.element.Index && o.name != m.name {
				w.report(c, fhir.CodeStructure, "%s is a choice of one type: %s and %s must not both be present", m.element.Path, o.name, m.name)
				break
			}
		}
	}
	w.mark(base, m.element.Index)
}

// member checks what stands under the name of m in parent.
func (w *walk) member(parent, c fhir.Node, m *member) {
	kind := c.Kind()
	switch {
	case m.element.Max == 0:
		w.report(c, fhir.CodeStructure, "%s must not be present here (0..0)", m.element.Path)
	case kind == fhir.Null:
		w.report(c, fhir.CodeStructure, "null is not allowed here: leave the element out")
	case m.element.Repeats() && kind != fhir.Array:
		w.report(c, fhir.CodeStructure, "%s may repeat, so it must be an array even for one value; found %s", m.element.Path, describe(kind))
	case m.element.Repeats():
		w.items(parent, c, m)
	case kind == fhir.Array:
		w.report(c, fhir.CodeStructure, "%s does not repeat, so it must not be an array", m.element.Path)
	case m.isSibling && hasOnlyID(c) && !parent.Get(m.name).Ok():
		w.report(c, fhir.CodeInvariant, "an id alone says nothing: an element must have a value or extensions (ele-1)")
	default:
		w.value(c, m)
	}
}

// items checks the items of an array.
func (w *walk) items(parent, c fhir.Node, m *member) {
	if !c.First().Ok() {
		w.report(c, fhir.CodeStructure, "an array must not be empty: leave the element out")
		return
	}
	other := w.aligned(parent, c, m)
	count := 0
	for item := c.First(); item.Ok() && !w.full; item = item.Next() {
		w.at(count)
		switch {
		case item.Kind() != fhir.Null:
			w.value(item, m)
		case m.sibling == "":
			w.report(item, fhir.CodeStructure, "null is only allowed in arrays of primitive values")
		case !m.isSibling && (other.Kind() != fhir.Object || hasOnlyID(other)):
			w.report(item, fhir.CodeStructure, "null stands for a value with extensions: %q must have them at the same place", m.sibling)
		case !other.Ok() && m.isSibling:
			w.report(item, fhir.CodeStructure, "null aligns id and extensions with values: %q must have one at the same place", m.name)
		}
		other = other.Next()
		count++
	}
	w.at(-1)
	if m.element.Max > 0 && count > m.element.Max {
		w.report(c, fhir.CodeStructure, "%s must not have more than %d items (%s); found %d", m.element.Path, m.element.Max, cardinality(m.element), count)
	}
	if count < m.element.Min && !m.isSibling {
		w.report(c, fhir.CodeRequired, "%s must have at least %d items (%s); found %d", m.element.Path, m.element.Min, cardinality(m.element), count)
	}
}

// aligned returns the first item of the array beside c: of _name for name, and the other way round. It reports arrays of other lengths once.
func (w *walk) aligned(parent, c fhir.Node, m *member) fhir.Node {
	if m.sibling == "" {
		return fhir.Node{}
	}
	name := m.sibling
	if m.isSibling {
		name = m.name
	}
	other := parent.Get(name)
	if other.Kind() != fhir.Array {
		return fhir.Node{}
	}
	if !m.isSibling {
		if a, b := c.Len(), other.Len(); a != b {
			w.report(other, fhir.CodeStructure, "%q and %q must have the same number of items, filled up with null: found %d and %d", m.name, m.sibling, a, b)
		}
	}
	return other.First()
}

// value checks one value of an element.
func (w *walk) value(c fhir.Node, m *member) {
	if m.primitive != nil {
		w.primitive(c, m)
		return
	}
	if c.Kind() != fhir.Object {
		w.report(c, fhir.CodeStructure, "%s must be an object%s, found %s", m.element.Path, m.objectOf(), describe(c.Kind()))
		return
	}
	if m.resource {
		w.resource(c, m)
		return
	}
	s := m.table.shape()
	w.object(c, s, inElement)
	switch s.role {
	case reference:
		w.reference(c, m)
	case codeableConcept:
		if m.codes != nil {
			w.concept(c, m)
		}
	}
}

// objectOf says in a message what the object is.
func (m *member) objectOf() string {
	switch {
	case m.isSibling:
		return " with id or extension"
	case m.element.Children != nil:
		return ""
	}
	return " (" + m.code + ")"
}
