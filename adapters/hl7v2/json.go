package hl7v2

import (
	"strconv"
	"strings"
)

// AppendJSON appends the message as the JSON object that doc.go describes.
func (m *Message) AppendJSON(dst []byte) []byte {
	return append(m.appendGroup(append(dst, '{'), m.root), '}')
}

// appendGroup appends the members of a group's object.
func (m *Message) appendGroup(dst []byte, g *group) []byte {
	for _, i := range g.single {
		dst = appendName(dst, m.Segments[i].Name)
		dst = m.Segments[i].appendJSON(dst)
	}
	for _, list := range g.lists {
		dst = m.appendSegments(dst, m.Segments[list[0]].Name, list)
	}
	dst = m.appendSegments(dst, "notes", g.notes)
	dst = m.appendGroups(dst, "patients", g.patients)
	dst = m.appendGroups(dst, "specimens", g.specimens)
	dst = m.appendGroups(dst, "orders", g.orders)
	return m.appendGroups(dst, "observations", g.observations)
}

func (m *Message) appendSegments(dst []byte, name string, list []int) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(appendName(dst, name), '[')
	for k, i := range list {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = m.Segments[i].appendJSON(dst)
	}
	return append(dst, ']')
}

func (m *Message) appendGroups(dst []byte, name string, groups []*group) []byte {
	if len(groups) == 0 {
		return dst
	}
	dst = append(appendName(dst, name), '[')
	for k, g := range groups {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = append(m.appendGroup(append(dst, '{'), g), '}')
	}
	return append(dst, ']')
}

// appendName begins the next member of an object.
func appendName(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, `":`...)
}

// appendJSON appends the segment as an object of its fields, without the empty ones.
func (s Segment) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for n := 1; n <= s.Len(); n++ {
		f := s.Field(n)
		if f.IsEmpty() {
			continue
		}
		number := strconv.Itoa(n)
		dst = f.appendJSON(appendName(dst, number), Component.appendFirst)
		if separator := f.coding.Subcomponent; separator != 0 && strings.IndexByte(f.raw, separator) >= 0 {
			dst = f.appendJSON(appendName(dst, number+"&"), Component.appendAll)
		}
	}
	return append(dst, '}')
}

// appendJSON appends the repetitions, each a list of its components in the form that the function gives them.
func (f Field) appendJSON(dst []byte, component func(Component, []byte) []byte) []byte {
	dst = append(dst, '[')
	for i, r := range f.Reps() {
		if i > 1 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		if r.raw == "" {
			dst = component(Component{}, dst)
		}
		for j, c := range r.Comps() {
			if j > 1 {
				dst = append(dst, ',')
			}
			dst = component(c, dst)
		}
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

// appendFirst is the component as a receiver reads it that knows of no subcomponents.
func (c Component) appendFirst(dst []byte) []byte {
	return c.coding.appendLeaf(dst, part(c.raw, c.coding.Subcomponent, 1))
}

func (c Component) appendAll(dst []byte) []byte {
	dst = append(dst, '[')
	if c.raw == "" {
		dst = c.coding.appendLeaf(dst, "")
	}
	for k, raw := range parts(c.raw, c.coding.Subcomponent) {
		if k > 1 {
			dst = append(dst, ',')
		}
		dst = c.coding.appendLeaf(dst, raw)
	}
	return append(dst, ']')
}

func (c coding) appendLeaf(dst []byte, raw string) []byte {
	if raw == Null {
		return append(dst, "null"...)
	}
	return appendString(dst, c.text(raw))
}

// appendString appends a JSON string; the text is valid UTF-8.
func appendString(dst []byte, text string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch b := text[i]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[b>>4], digits[b&0xF])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}
