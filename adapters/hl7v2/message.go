package hl7v2

import (
	"iter"
	"strings"
)

// Message is one decoded message. It is read-only and safe for concurrent use.
type Message struct {
	Segments []Segment // in the order sent, beginning with MSH
	coding   coding
	root     *group
}

// Delimiters returns the separators that the message declares.
func (m *Message) Delimiters() Delimiters { return m.coding.Delimiters }

// Type returns MSH-9: message code (ORU), trigger event (R01), structure (ORU_R01, often absent).
func (m *Message) Type() (code, trigger, structure string) {
	kind := m.Segments[0].Field(9).Rep(1)
	return kind.Comp(1).Text(), kind.Comp(2).Text(), kind.Comp(3).Text()
}

// ControlID returns MSH-10, which names the message for its sender and comes back in MSA-2.
func (m *Message) ControlID() string { return m.Segments[0].Field(10).Text() }

// Segment is one line of a message. The zero Segment has no fields.
type Segment struct {
	Name   string
	fields []string // raw text of field 1 and on; for MSH, field 1 is the separator itself
	coding coding
}

// Len returns the number of the last field sent, empty ones included.
func (s Segment) Len() int { return len(s.fields) }

// Field returns field n, counting from 1; a field that was not sent is empty.
func (s Segment) Field(n int) Field {
	if n < 1 || n > len(s.fields) {
		return Field{coding: s.coding}
	}
	if s.Name == headerName && n <= 2 { // the delimiters themselves separate nothing
		return Field{raw: s.fields[n-1]}
	}
	return Field{raw: s.fields[n-1], coding: s.coding}
}

// Field is the value of one field: any number of repetitions.
type Field struct {
	raw    string
	coding coding
}

// IsEmpty tells that nothing was sent, or only escape sequences that stand for no text, such as highlighting.
func (f Field) IsEmpty() bool {
	return f.raw == "" || f.raw[0] == f.coding.Escape && f.coding.text(f.raw) == ""
}

// IsNull tells that the HL7 null was sent: delete the value.
func (f Field) IsNull() bool { return f.raw == Null }

// Text returns the first subcomponent of the first component of the first repetition, decoded.
func (f Field) Text() string { return f.Rep(1).Text() }

// Rep returns repetition i, counting from 1; one that was not sent is empty.
func (f Field) Rep(i int) Repetition {
	return Repetition{raw: part(f.raw, f.coding.Repetition, i), coding: f.coding}
}

// Reps iterates over the repetitions sent, counting from 1; an empty field has none.
func (f Field) Reps() iter.Seq2[int, Repetition] {
	return func(yield func(int, Repetition) bool) {
		for i, raw := range parts(f.raw, f.coding.Repetition) {
			if !yield(i, Repetition{raw: raw, coding: f.coding}) {
				return
			}
		}
	}
}

// Repetition is one value of a field: a list of components.
type Repetition struct {
	raw    string
	coding coding
}

// Text returns the first subcomponent of the first component, decoded.
func (r Repetition) Text() string { return r.Comp(1).Text() }

// Comp returns component j, counting from 1; one that was not sent is empty.
func (r Repetition) Comp(j int) Component {
	return Component{raw: part(r.raw, r.coding.Component, j), coding: r.coding}
}

// Comps iterates over the components sent, counting from 1; in an arrangement of n samples this is linear where Comp would be quadratic.
func (r Repetition) Comps() iter.Seq2[int, Component] {
	return func(yield func(int, Component) bool) {
		for j, raw := range parts(r.raw, r.coding.Component) {
			if !yield(j, Component{raw: raw, coding: r.coding}) {
				return
			}
		}
	}
}

// Component is one component: usually a text, sometimes a list of subcomponents.
type Component struct {
	raw    string
	coding coding
}

// Text returns the first subcomponent, decoded: what a receiver reads that knows of no subcomponents.
func (c Component) Text() string { return c.Sub(1) }

// Sub returns subcomponent k, counting from 1, decoded: "" when it was not sent, Null for the HL7 null.
func (c Component) Sub(k int) string {
	if c.raw == "" {
		return ""
	}
	return c.coding.text(part(c.raw, c.coding.Subcomponent, k))
}

// Subs iterates over the subcomponents sent, decoded, counting from 1.
func (c Component) Subs() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for k, raw := range parts(c.raw, c.coding.Subcomponent) {
			if !yield(k, c.coding.text(raw)) {
				return
			}
		}
	}
}

// part returns the nth piece of the text between separators, counting from 1, or "". Separator 0 separates nothing.
func part(text string, separator byte, n int) string {
	if n < 1 {
		return ""
	}
	for ; separator != 0; n-- {
		i := strings.IndexByte(text, separator)
		switch {
		case n == 1 && i < 0:
			return text
		case n == 1:
			return text[:i]
		case i < 0:
			return ""
		}
		text = text[i+1:]
	}
	if n == 1 {
		return text
	}
	return ""
}

// parts iterates over the pieces of a text between separators, counting from 1; an empty text has none.
func parts(text string, separator byte) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		if text == "" {
			return
		}
		for n := 1; ; n++ {
			i := -1
			if separator != 0 {
				i = strings.IndexByte(text, separator)
			}
			if i < 0 {
				yield(n, text)
				return
			}
			if !yield(n, text[:i]) {
				return
			}
			text = text[i+1:]
		}
	}
}
