package hl7v2

// AppendER7 appends the message in ER7 with its own delimiters and character encoding, segments ended by CR. Values are decoded and escaped again, so that
// equivalent escapes come out in one form; the tree of what it writes is the tree of the message.
func (m *Message) AppendER7(dst []byte) []byte {
	var text []byte
	for _, s := range m.Segments {
		text = append(s.appendER7(text), '\r')
	}
	return m.coding.charset.append(dst, string(text))
}

func (s Segment) appendER7(dst []byte) []byte {
	dst = append(dst, s.Name...)
	for n := 1; n <= s.Len(); n++ {
		if s.Name == headerName && n == 1 { // MSH-1 is the separator that follows the name
			continue
		}
		dst = append(dst, s.coding.Field)
		dst = s.Field(n).appendER7(dst)
	}
	return dst
}

func (f Field) appendER7(dst []byte) []byte {
	c := f.coding
	for i, r := range f.Reps() {
		if i > 1 {
			dst = append(dst, c.Repetition)
		}
		for j, comp := range r.Comps() {
			if j > 1 {
				dst = append(dst, c.Component)
			}
			for k, raw := range parts(comp.raw, c.Subcomponent) {
				if k > 1 {
					dst = append(dst, c.Subcomponent)
				}
				dst = c.appendRaw(dst, raw)
			}
		}
	}
	return dst
}

// appendRaw appends the canonical raw text of a leaf.
func (c coding) appendRaw(dst []byte, raw string) []byte {
	if raw == Null || c.Escape == 0 {
		return append(dst, raw...)
	}
	return c.appendEscape(dst, c.text(raw))
}
