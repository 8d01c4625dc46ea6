package fhir

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits bound what [Parse] accepts. The zero value means [DefaultLimits].
type Limits struct {
	Bytes int // largest document, in bytes
	Depth int // deepest nesting of objects and arrays
}

// DefaultLimits are generous for a Bundle and small enough that a hostile document cannot hurt.
var DefaultLimits = Limits{Bytes: 64 << 20, Depth: 128}

// SyntaxError says where a document stops being strict JSON.
type SyntaxError struct {
	Offset     int    // byte offset, from 0
	Line, Col  int    // from 1; Col counts bytes
	Expression string // FHIRPath-like place, e.g. "Patient.name[0].given[1]"; empty at the root
	Msg        string
}

// Error names the position first, as editors do.
func (e *SyntaxError) Error() string {
	at := ""
	if e.Expression != "" {
		at = " at " + e.Expression
	}
	return fmt.Sprintf("line %d, column %d%s: %s", e.Line, e.Col, at, e.Msg)
}

// Parse reads one JSON document strictly: RFC 8259 grammar, valid UTF-8 with no lone surrogates, no duplicate names, nothing after the
// value, within [DefaultLimits]. The tree keeps data, which must not change afterwards. Errors are *[SyntaxError].
func Parse(data []byte) (Node, error) { return ParseWithin(data, DefaultLimits) }

// ParseWithin is [Parse] with other limits.
func ParseWithin(data []byte, limits Limits) (Node, error) {
	if limits.Bytes <= 0 {
		limits.Bytes = DefaultLimits.Bytes
	}
	if limits.Depth <= 0 {
		limits.Depth = DefaultLimits.Depth
	}
	if len(data) > limits.Bytes || len(data) > math.MaxInt32 {
		return Node{}, &SyntaxError{Line: 1, Col: 1, Msg: fmt.Sprintf("document of %d bytes is larger than the limit of %d", len(data), limits.Bytes)}
	}
	p := parser{data: data, depth: limits.Depth, nodes: make([]node, 0, likelyNodes(data))}
	if err := p.document(); err != nil {
		return Node{}, err
	}
	return Node{t: &tree{data: data, nodes: p.nodes}}, nil
}

// likelyNodes is how many values a document probably has. In a large one, which may be a single string such as the content of a Binary, what a value can follow is counted.
func likelyNodes(data []byte) int {
	const large = 64 << 10
	likely := 16 + len(data)/24
	if len(data) < large {
		return likely
	}
	return min(likely, 1+bytes.Count(data, []byte{','})+bytes.Count(data, []byte{'{'})+bytes.Count(data, []byte{'['}))
}

type parser struct {
	data  []byte
	pos   int
	depth int // levels left
	nodes []node
	stack []int32 // open containers, for the expression of an error
}

func (p *parser) document() error {
	p.space()
	if err := p.value(0, 0, 0); err != nil {
		return err
	}
	p.space()
	if p.pos != len(p.data) {
		return p.fail("unexpected bytes after the document")
	}
	return nil
}

func (p *parser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// value reads one value and appends its node and all nodes below it.
func (p *parser) value(keyStart, keyEnd uint32, flags uint8) error {
	at := len(p.nodes)
	p.nodes = append(p.nodes, node{start: uint32(p.pos), keyStart: keyStart, keyEnd: keyEnd, flags: flags})
	if p.pos >= len(p.data) {
		return p.fail("unexpected end of document")
	}
	var kind Kind
	var err error
	switch c := p.data[p.pos]; {
	case c == '{':
		kind, err = Object, p.container(at, p.members, '}')
	case c == '[':
		kind, err = Array, p.container(at, p.items, ']')
	case c == '"':
		kind = String
		var escaped bool
		if escaped, err = p.str(); escaped {
			p.nodes[at].flags |= valueEscaped
		}
	case c == '-' || '0' <= c && c <= '9':
		kind, err = Number, p.number()
	case c == 't':
		kind, err = Bool, p.literal("true")
	case c == 'f':
		kind, err = Bool, p.literal("false")
	case c == 'n':
		kind, err = Null, p.literal("null")
	default:
		err = p.fail("expected a value, found " + printable(p.data[p.pos:]))
	}
	if err != nil {
		return err
	}
	p.nodes[at].kind = kind
	p.nodes[at].end = uint32(p.pos)
	p.nodes[at].after = int32(len(p.nodes))
	return nil
}

func (p *parser) container(at int, body func(at int) error, closing byte) error {
	if p.depth == 0 {
		return p.fail("nested too deeply")
	}
	p.depth--
	p.stack = append(p.stack, int32(at))
	if closing == '}' {
		p.nodes[at].kind = Object
	} else {
		p.nodes[at].kind = Array
	}
	p.pos++
	p.space()
	if p.pos < len(p.data) && p.data[p.pos] == closing {
		p.pos++
	} else if err := body(at); err != nil {
		return err
	}
	p.stack = p.stack[:len(p.stack)-1]
	p.depth++
	return nil
}

func (p *parser) members(at int) error {
	var names nameSet
	last := -1
	for {
		if p.pos >= len(p.data) || p.data[p.pos] != '"' {
			return p.fail("expected a member name, found " + printable(p.data[p.pos:]))
		}
		keyStart := p.pos + 1
		escaped, err := p.str()
		if err != nil {
			return err
		}
		keyEnd := p.pos - 1
		if !names.add(p.data[keyStart:keyEnd], escaped) {
			p.pos = keyStart - 1
			return p.fail("duplicate member name " + strconv.Quote(string(p.data[keyStart:keyEnd])))
		}
		p.space()
		if p.pos >= len(p.data) || p.data[p.pos] != ':' {
			return p.fail("expected ':' after a member name, found " + printable(p.data[p.pos:]))
		}
		p.pos++
		p.space()
		var flags uint8
		if escaped {
			flags = keyEscaped
		}
		last = p.link(last)
		if err := p.value(uint32(keyStart), uint32(keyEnd), flags); err != nil {
			return err
		}
		if done, err := p.separator('}', "an object"); done || err != nil {
			return err
		}
	}
}

func (p *parser) items(at int) error {
	last := -1
	for {
		last = p.link(last)
		if err := p.value(0, 0, 0); err != nil {
			return err
		}
		if done, err := p.separator(']', "an array"); done || err != nil {
			return err
		}
	}
}

// link makes the node about to be appended the next sibling of last.
func (p *parser) link(last int) int {
	if last >= 0 {
		p.nodes[last].next = int32(len(p.nodes))
	}
	return len(p.nodes)
}

func (p *parser) separator(closing byte, what string) (done bool, err error) {
	p.space()
	if p.pos < len(p.data) {
		switch p.data[p.pos] {
		case closing:
			p.pos++
			return true, nil
		case ',':
			p.pos++
			p.space()
			return false, nil
		}
	}
	return false, p.fail(fmt.Sprintf("expected ',' or '%c' in %s, found %s", closing, what, printable(p.data[p.pos:])))
}

func (p *parser) literal(word string) error {
	if !bytes.HasPrefix(p.data[p.pos:], []byte(word)) {
		return p.fail("expected a value, found " + printable(p.data[p.pos:]))
	}
	p.pos += len(word)
	return nil
}

func (p *parser) number() error {
	if p.data[p.pos] == '-' {
		p.pos++
	}
	switch {
	case p.pos < len(p.data) && p.data[p.pos] == '0':
		p.pos++
		if p.pos < len(p.data) && isDigit(p.data[p.pos]) {
			return p.fail("a number may not have a leading zero")
		}
	case !p.digits():
		return p.fail("expected a digit in a number")
	}
	if p.pos < len(p.data) && p.data[p.pos] == '.' {
		p.pos++
		if !p.digits() {
			return p.fail("expected a digit after the decimal point")
		}
	}
	if p.pos < len(p.data) && (p.data[p.pos] == 'e' || p.data[p.pos] == 'E') {
		p.pos++
		if p.pos < len(p.data) && (p.data[p.pos] == '+' || p.data[p.pos] == '-') {
			p.pos++
		}
		if !p.digits() {
			return p.fail("expected a digit in the exponent")
		}
	}
	return nil
}

func (p *parser) digits() bool {
	from := p.pos
	for p.pos < len(p.data) && isDigit(p.data[p.pos]) {
		p.pos++
	}
	return p.pos > from
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// str reads a string with its quotes and says whether it holds an escape.
func (p *parser) str() (escaped bool, err error) {
	data := p.data
	i := p.pos + 1
	for i < len(data) {
		c := data[i]
		switch {
		case c == '"':
			p.pos = i + 1
			return escaped, nil
		case c == '\\':
			escaped = true
			p.pos = i
			n, err := p.escape()
			if err != nil {
				return false, err
			}
			i += n
		case c < 0x20:
			p.pos = i
			return false, p.fail(fmt.Sprintf("control character U+%04X in a string must be escaped", c))
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n == 1 {
				p.pos = i
				return false, p.fail("invalid UTF-8 in a string")
			}
			i += n
		}
	}
	p.pos = len(data)
	return false, p.fail("string is not closed")
}

// escape checks the escape sequence at p.pos and returns its length; a surrogate must come in a pair.
func (p *parser) escape() (int, error) {
	rest := p.data[p.pos:]
	if len(rest) < 2 {
		return 0, p.fail("string is not closed")
	}
	switch rest[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
		r, ok := hex4(rest[2:])
		if !ok {
			return 0, p.fail(`expected four hexadecimal digits after \u`)
		}
		if r < 0xD800 || r > 0xDFFF {
			return 6, nil
		}
		if r < 0xDC00 && len(rest) >= 12 && rest[6] == '\\' && rest[7] == 'u' {
			if low, ok := hex4(rest[8:]); ok && 0xDC00 <= low && low <= 0xDFFF {
				return 12, nil
			}
		}
		return 0, p.fail(`lone surrogate in a \u escape`)
	}
	return 0, p.fail("unknown escape sequence in a string")
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		r <<= 4
		switch {
		case '0' <= c && c <= '9':
			r |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			r |= rune(c-'a') + 10
		case 'A' <= c && c <= 'F':
			r |= rune(c-'A') + 10
		default:
			return 0, false
		}
	}
	return r, true
}

func (p *parser) fail(msg string) error {
	pos := min(p.pos, len(p.data))
	before := p.data[:pos]
	return &SyntaxError{
		Offset:     pos,
		Line:       1 + bytes.Count(before, []byte{'\n'}),
		Col:        pos - bytes.LastIndexByte(before, '\n'),
		Expression: p.expression(),
		Msg:        msg,
	}
}

// expression names the innermost open value, from the open containers and the last child of each.
func (p *parser) expression() string {
	if len(p.stack) == 0 {
		return ""
	}
	t := &tree{data: p.data, nodes: p.nodes}
	var b strings.Builder
	b.WriteString("$this")
	for c := (Node{t, p.stack[0]}).First(); c.Ok(); c = c.Next() {
		if c.Key() == "resourceType" && c.Kind() == String && t.nodes[c.i].end > 0 {
			b.Reset()
			b.WriteString(c.Text())
		}
	}
	for _, at := range p.stack {
		container := Node{t, at}
		last, index := Node{}, -1
		for c := container.First(); c.Ok(); c = c.Next() {
			last = c
			index++
		}
		switch {
		case !last.Ok():
		case container.Kind() == Object:
			b.WriteString("." + last.Key())
		default:
			fmt.Fprintf(&b, "[%d]", index)
		}
	}
	return b.String()
}

func printable(rest []byte) string {
	if len(rest) == 0 {
		return "the end of the document"
	}
	r, _ := utf8.DecodeRune(rest)
	return strconv.QuoteRune(r)
}

// nameSet finds duplicate names of one object: linear while small, because most objects have few members.
type nameSet struct {
	small [12][]byte
	n     int
	large map[string]struct{}
}

func (s *nameSet) add(name []byte, escaped bool) bool {
	if escaped {
		name = unescape(nil, name)
	}
	if s.large != nil {
		if _, found := s.large[string(name)]; found {
			return false
		}
		s.large[string(name)] = struct{}{}
		return true
	}
	for _, seen := range s.small[:s.n] {
		if bytes.Equal(seen, name) {
			return false
		}
	}
	if s.n < len(s.small) {
		s.small[s.n] = name
		s.n++
		return true
	}
	s.large = make(map[string]struct{}, 2*len(s.small))
	for _, seen := range s.small {
		s.large[string(seen)] = struct{}{}
	}
	s.large[string(name)] = struct{}{}
	return true
}
