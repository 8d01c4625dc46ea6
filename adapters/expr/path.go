package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// step is one step of a path: a member name, or an index when name is empty.
type step struct {
	name  string
	index int
	all   bool // [*]: every item of an array or member of an object; only in selectors
}

// parsePath reads names, [0], ["name"] and [*] joined by dots: body.measuregrps[*].measures[*], OBX.3[0], item["heart rate"].
func parsePath(text string) ([]step, error) {
	var steps []step
	rest := text
	for rest != "" {
		switch {
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, fmt.Errorf("%q: [ is not closed", text)
			}
			s, err := bracket(rest[1:end])
			if err != nil {
				return nil, fmt.Errorf("%q: %w", text, err)
			}
			steps, rest = append(steps, s), rest[end+1:]
		case len(steps) > 0 && rest[0] != '.':
			return nil, fmt.Errorf("%q: expected . or [ before %q", text, rest)
		default:
			if len(steps) > 0 {
				rest = rest[1:]
			}
			n := 0
			for n < len(rest) && nameByte(rest[n]) {
				n++
			}
			if n == 0 {
				return nil, fmt.Errorf("%q: expected a name", text)
			}
			steps, rest = append(steps, step{name: rest[:n]}), rest[n:]
		}
	}
	return steps, nil
}

func nameByte(c byte) bool {
	return c == '_' || c == '$' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= 0x80
}

func bracket(inside string) (step, error) {
	if inside == "*" {
		return step{all: true}, nil
	}
	if n := len(inside); n >= 2 && (inside[0] == '"' || inside[0] == '\'') && inside[n-1] == inside[0] && !strings.ContainsAny(inside[1:n-1], `"'\`) && n > 2 {
		return step{name: inside[1 : n-1]}, nil
	}
	index, err := strconv.Atoi(inside)
	if err != nil {
		return step{}, fmt.Errorf("[%s] is neither an index, a quoted name nor [*]", inside)
	}
	return step{index: index}, nil
}

func walk(n fhir.Node, steps []step) fhir.Node {
	for i := range steps {
		if steps[i].name != "" {
			n = n.Get(steps[i].name)
		} else {
			n = itemAt(n, steps[i].index)
		}
	}
	return n
}

// Selector finds the places of a payload that a mapping is about.
type Selector struct {
	text  string
	steps []step
}

// ParseSelector reads a path with any number of [*]. The empty selector is the payload itself.
func ParseSelector(text string) (*Selector, error) {
	path := text
	if rest, rooted := strings.CutPrefix(text, "$"); rooted {
		path = strings.TrimPrefix(rest, ".")
	}
	steps, err := parsePath(path)
	if err != nil {
		return nil, err
	}
	if len(steps) > 32 {
		return nil, fmt.Errorf("%q has more than 32 steps", text)
	}
	return &Selector{text: text, steps: steps}, nil
}

// String is the selector as written.
func (s *Selector) String() string { return s.text }

// Place is what a [Selector] found.
type Place struct {
	Item    fhir.Node
	Parents []fhir.Node // innermost first: what the [*] before the last selected, ending with the payload. Valid until the visitor returns.
	Key     string      // member name, when the last [*] ran over an object
	Pointer []byte      // RFC 6901. Valid until the visitor returns.
}

// Visit calls visit for every place, in document order, until it answers false. enter is asked before each [*] element; false skips what is below it.
func (s *Selector) Visit(root fhir.Node, enter func(fhir.Node) bool, visit func(*Place) bool) {
	w := walker{steps: s.steps, enter: enter, visit: visit}
	w.parents = append(w.parents, root)
	w.run(root, 0)
}

type walker struct {
	steps   []step
	enter   func(fhir.Node) bool
	visit   func(*Place) bool
	parents []fhir.Node // outermost first
	key     string
	pointer []byte
	place   Place
	reverse []fhir.Node
}

func (w *walker) run(n fhir.Node, at int) bool {
	length := len(w.pointer)
	defer func() { w.pointer = w.pointer[:length] }()
	for ; at < len(w.steps); at++ {
		s := &w.steps[at]
		switch {
		case s.all:
			return w.each(n, at)
		case s.name != "":
			n = n.Get(s.name)
			w.pointer = AppendPointer(w.pointer, s.name)
		default:
			n = itemAt(n, s.index)
			w.pointer = append(append(w.pointer, '/'), strconv.Itoa(s.index)...)
		}
		if !n.Ok() {
			return true
		}
	}
	return w.found(n)
}

func (w *walker) each(n fhir.Node, at int) bool {
	length, key := len(w.pointer), w.key
	defer func() { w.key = key }()
	i := 0
	for c := n.First(); c.Ok(); c, i = c.Next(), i+1 {
		if w.enter != nil && !w.enter(c) {
			continue
		}
		w.pointer = w.pointer[:length]
		if n.Kind() == fhir.Object {
			w.key = c.Key()
			w.pointer = AppendPointer(w.pointer, w.key)
		} else {
			w.pointer = strconv.AppendInt(append(w.pointer, '/'), int64(i), 10)
		}
		w.parents = append(w.parents, c)
		more := w.run(c, at+1)
		w.parents = w.parents[:len(w.parents)-1]
		if !more {
			return false
		}
	}
	return true
}

// found hands the place over. The last element of parents is the item itself when the path ends with [*].
func (w *walker) found(n fhir.Node) bool {
	outer := w.parents
	if len(w.steps) > 0 && outer[len(outer)-1] == n {
		outer = outer[:len(outer)-1]
	}
	w.reverse = w.reverse[:0]
	for i := len(outer) - 1; i >= 0; i-- {
		w.reverse = append(w.reverse, outer[i])
	}
	w.place = Place{Item: n, Parents: w.reverse, Key: w.key, Pointer: w.pointer}
	return w.visit(&w.place)
}

// AppendPointer appends one reference token of a JSON pointer (RFC 6901).
func AppendPointer(dst []byte, name string) []byte {
	dst = append(dst, '/')
	for i := range len(name) {
		switch name[i] {
		case '~':
			dst = append(dst, "~0"...)
		case '/':
			dst = append(dst, "~1"...)
		default:
			dst = append(dst, name[i])
		}
	}
	return dst
}
