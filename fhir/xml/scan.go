package xml

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// event is what [scanner.next] stopped at.
type event uint8

const (
	end     event = iota // of the input
	opening              // scanner.tag is an opening tag, perhaps of an empty element
	closing              // scanner.tag is a closing tag
)

// maxAttributes bounds the attributes of one tag, because duplicates are found by comparing each with each.
const maxAttributes = 64

// name is a qualified name as it is written.
type name struct {
	raw   []byte
	colon int // length of the prefix; 0 when there is none
}

func (n name) prefix() []byte { return n.raw[:n.colon] }

func (n name) local() []byte {
	if n.colon == 0 {
		return n.raw
	}
	return n.raw[n.colon+1:]
}

type attribute struct {
	name
	value   []byte // as written, without the quotes
	at      int    // offset of the name
	valueAt int    // offset of the value
}

type tag struct {
	name
	at         int         // offset of '<'
	attributes []attribute // valid until the next tag is read
	empty      bool        // <name/>
	declares   bool        // some attribute declares a namespace
}

// problem is why a document is refused, at an offset.
type problem struct {
	at  int
	msg string
}

func (p *problem) Error() string { return p.msg }

func failAt(at int, format string, args ...any) error {
	return &problem{at: at, msg: fmt.Sprintf(format, args...)}
}

// scanner reads tags. It checks what XML 1.0 says of a document without a DTD, except that tags match, which is for its callers.
type scanner struct {
	data     []byte
	pos      int
	tag      tag
	bindings []binding       // namespaces in scope
	outside  []binding       // bindings that a narrative uses and does not declare
	open     []level         // open elements of a narrative
	visit    func(Tag) error // called for the opening tags of a narrative; nil for none
}

// reset prepares for another document and keeps the memory.
func (s *scanner) reset(data []byte) {
	s.data, s.pos, s.bindings, s.open = data, 0, s.bindings[:0], s.open[:0]
}

// checkCharacters refuses what no XML document may hold anywhere (XML 1.0, 2.2).
func checkCharacters(data []byte) error {
	if !utf8.Valid(data) {
		at := 0
		for {
			r, n := utf8.DecodeRune(data[at:])
			if r == utf8.RuneError && n <= 1 {
				return failAt(at, "the document is not valid UTF-8")
			}
			at += n
		}
	}
	if at := invalidCharacter(data); at >= 0 {
		r, _ := utf8.DecodeRune(data[at:])
		return failAt(at, "character %U is not allowed in XML", r)
	}
	return nil
}

// next reads up to the next tag and passes over comments. Other text than white space is refused unless mixed is set.
func (s *scanner) next(mixed bool) (event, error) {
	for {
		length := bytes.IndexByte(s.data[s.pos:], '<')
		if length < 0 {
			length = len(s.data) - s.pos
		}
		if err := s.text(s.data[s.pos:s.pos+length], mixed); err != nil {
			return end, err
		}
		s.pos += length
		rest := s.data[s.pos:]
		switch {
		case len(rest) == 0:
			return end, nil
		case len(rest) > 1 && rest[1] == '/':
			return closing, s.closing()
		case bytes.HasPrefix(rest, []byte("<!--")):
			if err := s.comment(); err != nil {
				return end, err
			}
		case mixed && bytes.HasPrefix(rest, []byte("<![CDATA[")):
			length := bytes.Index(rest, []byte("]]>"))
			if length < 0 {
				return end, failAt(s.pos, "CDATA section is not closed")
			}
			s.pos += length + 3
		case len(rest) > 1 && rest[1] == '!':
			return end, failAt(s.pos, "only elements and comments are allowed here, no document type declaration and no CDATA section")
		case len(rest) > 1 && rest[1] == '?':
			return end, failAt(s.pos, "processing instructions are not allowed")
		default:
			return opening, s.opening()
		}
	}
}

func (s *scanner) text(text []byte, mixed bool) error {
	if !mixed {
		for i, c := range text {
			if !isSpace(c) {
				return failAt(s.pos+i, "text is not allowed here; values are in attributes")
			}
		}
		return nil
	}
	if i := bytes.Index(text, []byte("]]>")); i >= 0 {
		return failAt(s.pos+i, "']]>' is not allowed in text")
	}
	return checkReferences(text, s.pos)
}

func (s *scanner) comment() error {
	body := s.data[s.pos+4:]
	length := bytes.Index(body, []byte("--"))
	if length < 0 || length+2 == len(body) {
		return failAt(s.pos, "comment is not closed")
	}
	if body[length+2] != '>' {
		return failAt(s.pos+4+length, "'--' is not allowed in a comment")
	}
	s.pos += 4 + length + 3
	return nil
}

func (s *scanner) closing() error {
	s.tag.at = s.pos
	s.pos += 2
	var err error
	if s.tag.name, err = s.name(); err != nil {
		return err
	}
	s.space()
	if s.pos == len(s.data) || s.data[s.pos] != '>' {
		return failAt(s.pos, "expected '>' at the end of a closing tag, found %s", s.here())
	}
	s.pos++
	return nil
}

func (s *scanner) opening() error {
	t := &s.tag
	t.at, t.attributes, t.empty, t.declares = s.pos, t.attributes[:0], false, false
	s.pos++
	var err error
	if t.name, err = s.name(); err != nil {
		return err
	}
	for {
		spaced := s.space()
		switch {
		case s.pos == len(s.data):
			return failAt(s.pos, "tag is not closed")
		case s.data[s.pos] == '>':
			s.pos++
			return nil
		case s.data[s.pos] == '/':
			if s.pos+1 == len(s.data) || s.data[s.pos+1] != '>' {
				return failAt(s.pos, "expected '/>' at the end of a tag")
			}
			s.pos += 2
			t.empty = true
			return nil
		case !spaced:
			return failAt(s.pos, "expected white space, '>' or '/>' in a tag, found %s", s.here())
		}
		if err := s.attribute(); err != nil {
			return err
		}
	}
}

// attribute reads name="value" and adds it to the tag.
func (s *scanner) attribute() error {
	a := attribute{at: s.pos}
	var err error
	if a.name, err = s.name(); err != nil {
		return err
	}
	s.space()
	if s.pos == len(s.data) || s.data[s.pos] != '=' {
		return failAt(s.pos, "expected '=' after the name of an attribute, found %s", s.here())
	}
	s.pos++
	s.space()
	if s.pos == len(s.data) || s.data[s.pos] != '"' && s.data[s.pos] != '\'' {
		return failAt(s.pos, "expected the value of an attribute in quotes, found %s", s.here())
	}
	length := bytes.IndexByte(s.data[s.pos+1:], s.data[s.pos])
	if length < 0 {
		return failAt(s.pos, "value of an attribute is not closed")
	}
	a.valueAt = s.pos + 1
	a.value = s.data[a.valueAt : a.valueAt+length]
	s.pos += length + 2
	t := &s.tag
	for i := range t.attributes {
		if bytes.Equal(t.attributes[i].raw, a.raw) {
			return failAt(a.at, "attribute %s occurs twice", quote(a.raw))
		}
	}
	if len(t.attributes) == maxAttributes {
		return failAt(a.at, "a tag may not have more than %d attributes", maxAttributes)
	}
	t.attributes = append(t.attributes, a)
	t.declares = t.declares || isDeclaration(a.name)
	return nil
}

// name reads a qualified name: one or two names without a colon (Namespaces in XML 1.0, 4).
func (s *scanner) name() (name, error) {
	from, colon := s.pos, 0
	start := true
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c == ':' && !start && colon == 0 {
			colon, start = s.pos-from, true
			s.pos++
			continue
		}
		n := 1
		if c < utf8.RuneSelf {
			if kind := classes[c]; kind&nameStart == 0 && (start || kind&nameRest == 0) {
				break
			}
		} else if n = nameRune(s.data[s.pos:], start); n == 0 {
			break
		}
		start = false
		s.pos += n
	}
	if start {
		return name{}, failAt(s.pos, "expected a name, found %s", s.here())
	}
	return name{raw: s.data[from:s.pos], colon: colon}, nil
}

// space passes over white space and says whether there was any.
func (s *scanner) space() bool {
	from := s.pos
	for s.pos < len(s.data) && isSpace(s.data[s.pos]) {
		s.pos++
	}
	return s.pos > from
}

// here names what stands at the current position.
func (s *scanner) here() string {
	if s.pos >= len(s.data) {
		return "the end of the document"
	}
	r, _ := utf8.DecodeRune(s.data[s.pos:])
	return fmt.Sprintf("%q", r)
}

// quote names what the document named, cut to a length fit for a message.
func quote(name []byte) string {
	const longest = 64
	if len(name) > longest {
		return fmt.Sprintf("%q...", bytes.ToValidUTF8(name[:longest], nil))
	}
	return fmt.Sprintf("%q", name)
}
