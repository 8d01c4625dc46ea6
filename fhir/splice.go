package fhir

import (
	"slices"
)

// Splice replaces the byte range [Start, End) of a document by Text; an insertion has Start == End.
type Splice struct {
	Start, End int
	Text       []byte
}

// Replace is the splice that puts text in the place of a value.
func Replace(n Node, text []byte) Splice {
	start, end := n.Range()
	return Splice{start, end, text}
}

// Apply returns a copy of the resource's bytes with the splices done, whose offsets are those of the document the resource was parsed
// from. Splices must not overlap; insertions at one place keep their order.
func (r *Resource) Apply(splices []Splice) []byte {
	base, _ := r.root.Range()
	return ApplySplices(r.Bytes(), base, splices)
}

// ApplySplices is [Resource.Apply] on plain bytes that begin at offset base of their document.
func ApplySplices(data []byte, base int, splices []Splice) []byte {
	slices.SortStableFunc(splices, func(a, b Splice) int { return a.Start - b.Start })
	size := len(data)
	for _, s := range splices {
		size += len(s.Text) - (s.End - s.Start)
	}
	out := make([]byte, 0, size)
	at := 0
	for _, s := range splices {
		out = append(out, data[at:s.Start-base]...)
		out = append(out, s.Text...)
		at = s.End - base
	}
	return append(out, data[at:]...)
}

// mark is a splice that may be followed by a slot.
type mark struct {
	start, end int
	text       string
	slot       slot
}

func replace(n Node, text string) mark {
	start, end := n.Range()
	return mark{start, end, text, noSlot}
}

// cut lays data and marks out as pieces, which share the bytes of data.
func cut(data []byte, base int, marks []mark) Stamped {
	slices.SortStableFunc(marks, func(a, b mark) int { return a.start - b.start })
	s := Stamped{pieces: make([]piece, 0, len(marks)+1)}
	at := 0
	for _, m := range marks {
		s.add(piece{data[at : m.start-base], m.text, m.slot})
		at = m.end - base
	}
	s.add(piece{data: data[at:]})
	return s
}
