package xml

import (
	"bytes"
	"iter"
)

// Narratives reads the XHTML of narratives as it stands in JSON, one after the other, and keeps its memory from one to the next.
// The zero value is ready; it is not for concurrent use.
type Narratives struct{ s scanner }

// Tag is an opening tag of a narrative. It is valid until the next is read.
type Tag struct{ s *scanner }

// Check reads one narrative, which must be one well-formed div in the namespace of XHTML that declares its namespaces itself, with
// nothing around it but white space. It calls visit for every opening tag in document order and stops at the first error, which names no
// text of the narrative but element and attribute names.
func (n *Narratives) Check(text []byte, visit func(Tag) error) error {
	n.s.visit = visit
	_, err := n.s.checkNarrative(text, "div")
	n.s.visit = nil
	return err
}

// Reset forgets the last narrative, whose bytes are kept alive otherwise.
func (n *Narratives) Reset() {
	s := &n.s
	clear(s.tag.attributes[:cap(s.tag.attributes)])
	clear(s.bindings[:cap(s.bindings)])
	clear(s.outside[:cap(s.outside)])
	clear(s.open[:cap(s.open)])
	*n = Narratives{scanner{
		tag: tag{attributes: s.tag.attributes[:0]}, bindings: s.bindings[:0], outside: s.outside[:0], open: s.open[:0],
	}}
}

// Name is the name of the element without its prefix.
func (t Tag) Name() []byte { return t.s.tag.local() }

// IsXHTML reports whether the element is in the namespace of XHTML.
func (t Tag) IsXHTML() bool {
	uri, _, _ := t.s.namespace(t.s.tag.prefix())
	return string(uri) == xhtmlNamespace
}

// Attributes ranges over the names as written and the values with their references resolved, but for the declarations of namespaces.
// A value is valid until the next step.
func (t Tag) Attributes() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := range t.s.tag.attributes {
			a := &t.s.tag.attributes[i]
			if isDeclaration(a.name) {
				continue
			}
			value := a.value
			if bytes.ContainsAny(value, "&\t\r\n") {
				if text, err := appendAttributeText(nil, value, a.valueAt); err == nil { // it was checked before
					value = text
				}
			}
			if !yield(a.raw, value) {
				return
			}
		}
	}
}
