package xml

import (
	"bytes"

	"github.com/firth-health/firth/fhir"
)

// level is an open element of a narrative.
type level struct {
	name     name
	bindings int // in scope outside of the element
}

// narrative reads on from an opening tag, whose namespaces are in scope since bindings were base long, to the end of its element. It
// checks that the element is well-formed XHTML and returns where it ends. What it uses of outer namespaces is in s.outside then.
func (s *scanner) narrative(base int) (stop int, err error) {
	s.open, s.outside = append(s.open[:0], level{s.tag.name, base}), s.outside[:0]
	if uri, _, _ := s.namespace(s.tag.prefix()); string(uri) != xhtmlNamespace {
		return 0, failAt(s.tag.at, "a narrative must be in the namespace %s", xhtmlNamespace)
	}
	if err := s.resolve(base); err != nil {
		return 0, err
	}
	for event := opening; ; {
		if event == closing || s.tag.empty {
			if len(s.open) == 1 {
				return s.pos, nil
			}
			s.bindings = s.bindings[:s.open[len(s.open)-1].bindings]
			s.open = s.open[:len(s.open)-1]
		}
		if event, err = s.next(true); err != nil {
			return 0, err
		}
		last := s.open[len(s.open)-1]
		switch {
		case event == end:
			return 0, failAt(s.pos, "element %s is not closed", quote(last.name.raw))
		case event == closing && !bytes.Equal(s.tag.raw, last.name.raw):
			return 0, failAt(s.tag.at, "element %s is closed as %s", quote(last.name.raw), quote(s.tag.raw))
		case event == closing:
			s.tag.empty = false
		case len(s.open) == fhir.DefaultLimits.Depth:
			return 0, failAt(s.tag.at, "nested too deeply")
		default:
			s.open = append(s.open, level{s.tag.name, len(s.bindings)})
			if err := s.declare(); err != nil {
				return 0, err
			}
			if err := s.resolve(base); err != nil {
				return 0, err
			}
		}
	}
}

// resolve checks the prefixes and the values of the opening tag, notes what it uses of the first base bindings, and shows the tag to visit.
func (s *scanner) resolve(base int) error {
	if err := s.use(s.tag.name, s.tag.at, base); err != nil {
		return err
	}
	attributes := s.tag.attributes
	for i := range attributes {
		a := &attributes[i]
		if at := bytes.IndexByte(a.value, '<'); at >= 0 {
			return failAt(a.valueAt+at, "'<' is not allowed in the value of an attribute")
		}
		if err := checkReferences(a.value, a.valueAt); err != nil {
			return err
		}
		if a.colon == 0 || isDeclaration(a.name) {
			continue
		}
		if err := s.use(a.name, a.at, base); err != nil {
			return err
		}
		uri, _, _ := s.namespace(a.prefix())
		for j := range attributes[:i] {
			b := &attributes[j]
			if b.colon == 0 || isDeclaration(b.name) || !bytes.Equal(a.local(), b.local()) {
				continue
			}
			if other, _, _ := s.namespace(b.prefix()); bytes.Equal(uri, other) {
				return failAt(a.at, "attribute %s occurs twice", quote(a.raw))
			}
		}
	}
	if s.visit != nil {
		return s.visit(Tag{s})
	}
	return nil
}

// use resolves the prefix of a name and notes it when its binding is among the first base.
func (s *scanner) use(n name, at, base int) error {
	uri, index, ok := s.namespace(n.prefix())
	if !ok {
		return failAt(at, "prefix of %s is not declared", quote(n.raw))
	}
	if index >= base || string(n.prefix()) == "xml" {
		return nil
	}
	for i := range s.outside {
		if bytes.Equal(s.outside[i].prefix, n.prefix()) {
			return nil
		}
	}
	s.outside = append(s.outside, binding{n.prefix(), uri})
	return nil
}

// appendNarrative appends the element whose opening tag begins at start and has the given name; declarations of the outer
// namespaces that it uses are added to the tag.
func (s *scanner) appendNarrative(dst []byte, element name, start, stop int) ([]byte, error) {
	behind := start + 1 + len(element.raw)
	dst = append(dst, s.data[start:behind]...)
	for _, b := range s.outside {
		dst = append(dst, " xmlns"...)
		if len(b.prefix) > 0 {
			dst = append(append(dst, ':'), b.prefix...)
		}
		dst = append(dst, '=', '"')
		ok := false
		if dst, ok = appendAttributeValue(dst, b.uri); !ok {
			return dst, failAt(start, "namespace of prefix %s cannot be written", quote(b.prefix))
		}
		dst = append(dst, '"')
	}
	return append(dst, s.data[behind:stop]...), nil
}

// checkNarrative checks that text is one element of well-formed XHTML that declares its own namespaces, and nothing else but white space. It returns the
// text without the white space around it. The element is named like the FHIR element that holds it.
func (s *scanner) checkNarrative(text []byte, local string) ([]byte, error) {
	s.reset(text)
	if err := checkCharacters(text); err != nil {
		return nil, err
	}
	s.space()
	start := s.pos
	if start < len(text) && text[start] == '<' {
		if event, err := s.next(false); err != nil {
			return nil, err
		} else if event == opening && s.tag.at == start && string(s.tag.local()) == local {
			return s.checkElement(start)
		}
	}
	return nil, failAt(start, "a narrative must be one %s element", local)
}

// checkElement is the part of checkNarrative behind the opening tag.
func (s *scanner) checkElement(start int) ([]byte, error) {
	if err := s.declare(); err != nil {
		return nil, err
	}
	stop, err := s.narrative(0)
	if err != nil {
		return nil, err
	}
	if len(s.outside) > 0 {
		return nil, failAt(start, "a narrative must declare its namespaces itself")
	}
	s.pos = stop
	s.space()
	if s.pos != len(s.data) {
		return nil, failAt(s.pos, "nothing may follow the narrative's element")
	}
	return s.data[start:stop], nil
}
