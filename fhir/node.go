package fhir

import (
	"iter"
	"unicode/utf8"
)

// Kind is the JSON kind of a [Node].
type Kind uint8

// The kinds of JSON values.
const (
	Invalid Kind = iota
	Object
	Array
	String
	Number
	Bool
	Null
)

const (
	keyEscaped   uint8 = 1 << iota // the member name holds an escape
	valueEscaped                   // the string holds an escape
)

// node is one value: byte ranges into the document and the indices that make the tree. Nodes lie in document order, so the first
// child of a non-empty container is the next node, and the subtree of i is [i, after).
type node struct {
	start, end       uint32
	keyStart, keyEnd uint32 // inside the quotes; 0, 0 for array items and the root
	next             int32  // next sibling; 0 for the last
	after            int32  // first node behind this subtree
	kind             Kind
	flags            uint8
}

type tree struct {
	data  []byte
	nodes []node
}

// Node is a place in a parsed document. The zero Node is absent: it answers every question with nothing, so that
// paths can be followed without checks. Nodes are values and may be compared with ==.
type Node struct {
	t *tree
	i int32
}

func (n Node) at() *node { return &n.t.nodes[n.i] }

// Ok reports whether the node is present.
func (n Node) Ok() bool { return n.t != nil }

// Kind returns the JSON kind, [Invalid] for an absent node.
func (n Node) Kind() Kind {
	if n.t == nil {
		return Invalid
	}
	return n.at().kind
}

// Raw returns the bytes of the value as they stand in the document. They must not be changed.
func (n Node) Raw() []byte {
	if n.t == nil {
		return nil
	}
	at := n.at()
	return n.t.data[at.start:at.end]
}

// Range returns the byte range of the value in the document.
func (n Node) Range() (start, end int) {
	if n.t == nil {
		return 0, 0
	}
	return int(n.at().start), int(n.at().end)
}

// Document returns the bytes of the whole document the node belongs to.
func (n Node) Document() []byte {
	if n.t == nil {
		return nil
	}
	return n.t.data
}

// KeyRange returns the byte range of the member's name with its quotes; 0, 0 for items and the root.
func (n Node) KeyRange() (start, end int) {
	if n.t == nil || n.at().keyEnd == 0 {
		return 0, 0
	}
	return int(n.at().keyStart) - 1, int(n.at().keyEnd) + 1
}

// Key returns the decoded member name; empty for items and the root.
func (n Node) Key() string {
	if n.t == nil {
		return ""
	}
	at := n.at()
	raw := n.t.data[at.keyStart:at.keyEnd]
	if at.flags&keyEscaped != 0 {
		return string(unescape(nil, raw))
	}
	return string(raw)
}

// KeyIs reports whether the member's name is name, without allocating.
func (n Node) KeyIs(name string) bool {
	if n.t == nil {
		return false
	}
	at := n.at()
	raw := n.t.data[at.keyStart:at.keyEnd]
	if at.flags&keyEscaped != 0 {
		return string(unescape(nil, raw)) == name
	}
	return string(raw) == name
}

// First returns the first member or item, absent for empty containers and scalars.
func (n Node) First() Node {
	if n.t == nil {
		return Node{}
	}
	at := n.at()
	if at.kind != Object && at.kind != Array || int(n.i)+1 >= len(n.t.nodes) || at.after == n.i+1 {
		return Node{}
	}
	return Node{n.t, n.i + 1}
}

// Next returns the next sibling, absent after the last.
func (n Node) Next() Node {
	if n.t == nil || n.at().next == 0 {
		return Node{}
	}
	return Node{n.t, n.at().next}
}

// Children ranges over members or items in document order.
func (n Node) Children() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for c := n.First(); c.Ok(); c = c.Next() {
			if !yield(c) {
				return
			}
		}
	}
}

// Descendants ranges over every node below this one, in document order.
func (n Node) Descendants() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.t == nil {
			return
		}
		for i := n.i + 1; i < n.at().after; i++ {
			if !yield(Node{n.t, i}) {
				return
			}
		}
	}
}

// Len counts members or items.
func (n Node) Len() int {
	count := 0
	for c := n.First(); c.Ok(); c = c.Next() {
		count++
	}
	return count
}

// Get returns the member with that name, absent when there is none or the node is not an object.
func (n Node) Get(name string) Node {
	if n.t == nil {
		return Node{}
	}
	nodes, data := n.t.nodes, n.t.data
	if at := &nodes[n.i]; at.kind != Object || at.after == n.i+1 || int(n.i)+1 >= len(nodes) {
		return Node{}
	}
	for i := n.i + 1; i != 0; i = nodes[i].next {
		at := &nodes[i]
		if at.flags&keyEscaped != 0 {
			if (Node{n.t, i}).KeyIs(name) {
				return Node{n.t, i}
			}
		} else if int(at.keyEnd-at.keyStart) == len(name) && string(data[at.keyStart:at.keyEnd]) == name {
			return Node{n.t, i}
		}
	}
	return Node{}
}

// Path follows member names.
func (n Node) Path(names ...string) Node {
	for _, name := range names {
		n = n.Get(name)
	}
	return n
}

// Index returns the i-th item or member, absent when out of range.
func (n Node) Index(i int) Node {
	for c := n.First(); c.Ok(); c = c.Next() {
		if i == 0 {
			return c
		}
		i--
	}
	return Node{}
}

// Text returns the decoded string, or the text of a number or boolean as it stands; empty for other kinds.
func (n Node) Text() string {
	switch n.Kind() {
	case String:
		raw := n.Raw()
		raw = raw[1 : len(raw)-1]
		if n.at().flags&valueEscaped != 0 {
			return string(unescape(make([]byte, 0, len(raw)), raw))
		}
		return string(raw)
	case Number, Bool:
		return string(n.Raw())
	}
	return ""
}

// AppendText appends what [Node.Text] returns.
func (n Node) AppendText(dst []byte) []byte {
	switch n.Kind() {
	case String:
		raw := n.Raw()
		raw = raw[1 : len(raw)-1]
		if n.at().flags&valueEscaped != 0 {
			return unescape(dst, raw)
		}
		return append(dst, raw...)
	case Number, Bool:
		return append(dst, n.Raw()...)
	}
	return dst
}

// TextIs reports whether [Node.Text] is text, without allocating in the common case.
func (n Node) TextIs(text string) bool {
	switch n.Kind() {
	case String:
		if n.at().flags&valueEscaped != 0 {
			return n.Text() == text
		}
		raw := n.Raw()
		return string(raw[1:len(raw)-1]) == text
	case Number, Bool:
		return string(n.Raw()) == text
	}
	return false
}

// unescape appends the decoded form of raw, which [Parse] has checked.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		switch raw[i+1] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(raw[i+2:])
			i += 4
			if 0xD800 <= r && r < 0xDC00 {
				low, _ := hex4(raw[i+4:])
				r = 0x10000 + (r-0xD800)<<10 + (low - 0xDC00)
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, raw[i+1])
		}
		i += 2
	}
	return dst
}

// AppendQuoted appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}
