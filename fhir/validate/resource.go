package validate

import (
	"bytes"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// scope is a resource that references within it may point to, and the resources it contains.
type scope struct {
	typ   *spec.Type
	first int            // in walk.ids
	byID  map[string]int // place in walk.ids; nil while they are few
}

// containedID names a contained resource.
type containedID struct {
	id  []byte
	typ *spec.Type // nil when unknown
}

// manyContained is how many ids are compared one by one; more are put into a map.
const manyContained = 16

// resource checks a whole resource: the root, or one under the member m.
func (w *walk) resource(n fhir.Node, m *member) {
	if n.Kind() != fhir.Object {
		w.report(n, fhir.CodeStructure, "a resource must be an object, found %s", describe(n.Kind()))
		return
	}
	name := n.Get("resourceType")
	if name.Kind() != fhir.String {
		w.report(n, fhir.CodeStructure, "a resource must have a resourceType that names its type")
		return
	}
	t := w.typeOf(name)
	switch {
	case t == nil:
		w.enter("resourceType")
		w.report(name, fhir.CodeStructure, "resourceType must name a resource type of FHIR %s%s", spec.Version, suggest(name.Text(), w.v.defs.ResourceTypes()))
		w.leave()
	case m != nil && !t.typ.Is(m.code):
		w.report(name, fhir.CodeStructure, "%s must be a resource of the type %s", m.element.Path, m.code)
	case m != nil && m.contained:
		w.object(n, t.shape(), inContained)
	default:
		if m == nil {
			w.steps[0].name = t.typ.Name
		}
		w.open(n, t.typ)
		w.object(n, t.shape(), inResource)
		w.close()
	}
}

// typeOf returns the table of the resource type that a resourceType names; nil for an unknown one.
func (w *walk) typeOf(resourceType fhir.Node) *table {
	if resourceType.Kind() != fhir.String {
		return nil
	}
	return w.v.resources[string(w.string(resourceType))]
}

// open makes n the resource that #id points into.
func (w *walk) open(n fhir.Node, t *spec.Type) {
	s := scope{typ: t, first: len(w.ids)}
	if list := n.Get("contained"); list.Kind() == fhir.Array {
		w.enter("contained")
		index := 0
		for item := list.First(); item.Ok(); item = item.Next() {
			w.at(index)
			w.contain(&s, item)
			index++
		}
		w.leave()
	}
	w.scopes = append(w.scopes, s)
}

func (w *walk) close() {
	last := len(w.scopes) - 1
	w.ids = w.ids[:w.scopes[last].first]
	w.scopes = w.scopes[:last]
}

// contain notes the id of a contained resource.
func (w *walk) contain(s *scope, item fhir.Node) {
	id := item.Get("id")
	if id.Kind() != fhir.String {
		return
	}
	text := w.string(id)
	if len(text)+len(`""`) != len(id.Raw()) {
		text = bytes.Clone(text) // decoded: valid until the next
	}
	if _, found := w.find(s, text); found {
		w.enter("id")
		w.report(id, fhir.CodeStructure, "ids of contained resources must be unique within their container")
		w.leave()
		return
	}
	entry := containedID{id: text}
	if t := w.typeOf(item.Get("resourceType")); t != nil {
		entry.typ = t.typ
	}
	if len(w.ids)-s.first == manyContained {
		s.byID = make(map[string]int, 4*manyContained)
		for i, known := range w.ids[s.first:] {
			s.byID[string(known.id)] = s.first + i
		}
	}
	if s.byID != nil {
		s.byID[string(text)] = len(w.ids)
	}
	w.ids = append(w.ids, entry)
}

// find returns the contained resource with the given id.
func (w *walk) find(s *scope, id []byte) (containedID, bool) {
	if s.byID != nil {
		i, found := s.byID[string(id)]
		if !found {
			return containedID{}, false
		}
		return w.ids[i], true
	}
	for _, entry := range w.ids[s.first:] {
		if bytes.Equal(entry.id, id) {
			return entry, true
		}
	}
	return containedID{}, false
}

// string returns the decoded text of a JSON string. It is valid until the next call.
func (w *walk) string(n fhir.Node) []byte {
	raw := n.Raw()
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	w.text = n.AppendText(w.text[:0])
	return w.text
}
