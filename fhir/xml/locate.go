package xml

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// Position is where an element begins: its line, and its byte in the line, both counted from 1. It is zero for a document that has no such place.
type Position struct{ Line, Column int }

// Locate returns for each of the expressions, which are those of outcomes ("Patient.contact[0].name.family", "Observation.value.ofType(Quantity)"), where its
// element stands in a document that [Decode] took. For an element that is missing, and for an attribute, that is the innermost element around it which is there.
// It reads the document once more, and is meant for refusals.
func Locate(data []byte, defs *spec.Definitions, expressions []string) []Position {
	root := &wanted{step: step{index: -1}}
	places := make([]*wanted, len(expressions))
	for i, expression := range expressions {
		places[i] = root.want(expression)
	}
	d := decoder{defs: defs, depth: fhir.DefaultLimits.Depth, wanted: root}
	d.scan.reset(data)
	if d.document() != nil {
		return make([]Position, len(expressions))
	}
	positions := make([]Position, len(expressions))
	for i, place := range places {
		positions[i] = position(data, place.found())
	}
	return positions
}

// position counts lines and columns.
func position(data []byte, at int) Position {
	before := data[:at]
	return Position{Line: 1 + bytes.Count(before, []byte{'\n'}), Column: at - bytes.LastIndexByte(before, '\n')}
}

// wanted is an element whose position is asked for, or an element on the way to one.
type wanted struct {
	step
	parent   *wanted
	children []*wanted
	at       int // offset, where isFound
	isFound  bool
}

// want adds the elements of an expression below w, which stands for the root of the document, and returns the innermost.
func (w *wanted) want(expression string) *wanted {
	_, rest, ok := strings.Cut(expression, ".") // the first step is the type
	for ok && rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ".")
		if strings.HasPrefix(part, "ofType(") {
			continue
		}
		w = w.add(parseStep(part))
	}
	return w
}

func parseStep(part string) step {
	name, rest, ok := strings.Cut(part, "[")
	if index, err := strconv.Atoi(strings.TrimSuffix(rest, "]")); ok && err == nil {
		return step{name, index}
	}
	return step{name, -1}
}

func (w *wanted) add(s step) *wanted {
	for _, child := range w.children {
		if child.step == s {
			return child
		}
	}
	child := &wanted{step: s, parent: w}
	w.children = append(w.children, child)
	return child
}

// child notes that the element s of w begins at an offset and returns what is wanted of it; nil for nothing. A list as a whole is where its first item is.
func (w *wanted) child(s step, at int) *wanted {
	if w == nil {
		return nil
	}
	var found *wanted
	for _, child := range w.children {
		switch {
		case child.name != s.name:
		case child.index == s.index:
			child.at, child.isFound, found = at, true, child
		case child.index < 0 && s.index == 0:
			child.at, child.isFound = at, true
		}
	}
	return found
}

// found is the offset of the innermost element that is there.
func (w *wanted) found() int {
	for !w.isFound && w.parent != nil {
		w = w.parent
	}
	return w.at
}
