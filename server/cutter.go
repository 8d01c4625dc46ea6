package server

import (
	"bytes"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// selection is how much of an element stays.
type selection uint8

const (
	nothing selection = iota
	part              // what is a summary of it
	whole
)

// when is the selection, or nothing.
func (s selection) when(ok bool) selection {
	if ok {
		return s
	}
	return nothing
}

// cutter copies the wanted members of a resource. Values that stay whole are copied byte by byte as they stand.
type cutter struct{ dst []byte }

// resource copies the root and marks it as incomplete.
func (c *cutter) resource(root fhir.Node, typ *spec.Type, rule func(*spec.Element) selection) {
	hasMeta := root.Get("meta").Kind() == fhir.Object
	c.dst = append(c.dst, '{')
	first := true
	for m := range root.Children() {
		at := c.begin(&first)
		switch {
		case m.KeyIs("resourceType"):
			c.copy(m)
			if !hasMeta {
				c.dst = append(c.dst, `,"meta":{"tag":[`+subsetTag+`]}`...)
			}
		case m.KeyIs("meta") && hasMeta:
			c.dst = append(c.dst, `"meta":`...)
			c.meta(m)
		case !c.member(m, typ, rule):
			c.undo(at, &first)
		}
	}
	c.dst = append(c.dst, '}')
}

// begin writes the comma before the next member or item and returns where it stood before.
func (c *cutter) begin(first *bool) int {
	at := len(c.dst)
	if !*first {
		c.dst = append(c.dst, ',')
	}
	*first = false
	return at
}

func (c *cutter) undo(at int, first *bool) {
	c.dst = c.dst[:at]
	*first = c.dst[at-1] == '{' || c.dst[at-1] == '['
}

// copy writes a member with its name, or an item.
func (c *cutter) copy(n fhir.Node) {
	start, end := n.Range()
	if keyStart, keyEnd := n.KeyRange(); keyEnd > 0 {
		start = keyStart
	}
	c.dst = append(c.dst, n.Document()[start:end]...)
}

// member writes what the rule leaves of a member; false for nothing. Elements the definitions do not know stay out of every subset.
func (c *cutter) member(m fhir.Node, typ *spec.Type, rule func(*spec.Element) selection) bool {
	name := m.Key()
	if len(name) > 1 && name[0] == '_' {
		name = name[1:]
	}
	element := typ.Child(name)
	if element == nil {
		return false
	}
	inner := element.Type()
	switch rule(element) {
	case whole:
		c.copy(m)
		return true
	case part:
		if inner == nil || inner.Kind != spec.Complex || m.Key() != name {
			c.copy(m) // primitives, their companions, and resources inside of a Bundle or Parameters
			return true
		}
		keyStart, keyEnd := m.KeyRange()
		c.dst = append(append(c.dst, m.Document()[keyStart:keyEnd]...), ':')
		return c.value(m, inner)
	}
	return false
}

// value writes what is left of an object or of the items of an array; false for nothing.
func (c *cutter) value(n fhir.Node, typ *spec.Type) bool {
	open, closed := byte('{'), byte('}')
	switch n.Kind() {
	case fhir.Array:
		open, closed = '[', ']'
	case fhir.Object:
	default:
		c.dst = append(c.dst, n.Raw()...)
		return true
	}
	c.dst = append(c.dst, open)
	first := true
	for child := range n.Children() {
		at := c.begin(&first)
		var stays bool
		if n.Kind() == fhir.Array {
			stays = c.value(child, typ)
		} else {
			stays = c.member(child, typ, insideSummary)
		}
		if !stays {
			c.undo(at, &first)
		}
	}
	c.dst = append(c.dst, closed)
	return !first
}

// meta copies meta and adds the tag to it.
func (c *cutter) meta(meta fhir.Node) {
	raw := meta.Raw()
	tags := meta.Get("tag")
	for tag := range tags.Children() {
		if tag.Get("code").TextIs("SUBSETTED") {
			c.dst = append(c.dst, raw...)
			return
		}
	}
	added, at := subsetTag, len(raw)-1
	base, _ := meta.Range()
	switch {
	case tags.Kind() == fhir.Array:
		_, end := tags.Range()
		at = end - base - 1
		if tags.Len() > 0 {
			added = "," + added
		}
	case tags.Ok():
		c.dst = append(c.dst, raw...) // not an array: nothing that was checked, so it is left alone
		return
	default:
		added = `"tag":[` + added + `]`
		if meta.Len() > 0 {
			added = "," + added
		}
	}
	c.dst = append(c.dst, bytes.TrimRight(raw[:at], " \t\r\n")...)
	c.dst = append(append(c.dst, added...), raw[at:]...)
}
