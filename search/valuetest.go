package search

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir/ucum"
)

// The indexes whose keys follow from a measure: those of the Observation's own quantity and of its components' ones.
const (
	ownValues  = "value-quantity" + Separator
	partValues = "component-value-quantity" + Separator
)

// ValueTest decides a plan about the values of Observations by their measures, without their keys. It is for one goroutine.
type ValueTest struct {
	plan       Plan
	own, parts bool // the plan is about the Observation's own value, about its components' values

	x      *extractor
	ix     index
	keys   []string
	last   *testedShape
	shapes map[string]*testedShape
}

// testedShape holds what came out for the values of measures of one shape. Devices say the same few over and over.
type testedShape struct {
	bytes   []byte
	shape   *MeasureShape
	known   bool // the keys follow from the measure
	answers map[string]bool
}

// keptAnswers is how many different values of a shape are remembered, and keptShapes how many shapes.
const (
	keptAnswers = 1024
	keptShapes  = 64
)

// NewValueTest returns a test of the plan; ok is false when the plan is about anything else than values of which measures can tell.
func NewValueTest(plan Plan) (t *ValueTest, ok bool) {
	t = &ValueTest{plan: plan, shapes: map[string]*testedShape{}}
	if !t.covers(plan) || !t.own && !t.parts {
		return nil, false
	}
	units, err := ucum.Standard()
	if err != nil {
		return nil, false // no registry makes keys either
	}
	t.x = &extractor{registry: &Registry{units: units}}
	return t, true
}

// covers notes which values the plan is about, and reports whether that is all.
func (t *ValueTest) covers(plan Plan) bool {
	all := func(parts []Plan) bool {
		for _, part := range parts {
			if !t.covers(part) {
				return false
			}
		}
		return true
	}
	switch p := plan.(type) {
	case Keys:
		own, parts := p.inside(ownValues), p.inside(partValues)
		t.own, t.parts = t.own || own, t.parts || parts
		return own || parts
	case And:
		return all(p)
	case Or:
		return all(p)
	case Not:
		return t.covers(p.Of)
	}
	return false
}

// inside reports whether all keys of the range begin with a prefix.
func (k Keys) inside(prefix string) bool {
	return strings.HasPrefix(k.Lo, prefix) && k.Hi <= after(prefix)
}

// Match reports whether the Observation of a measure ([MeasureOf]) matches the plan; known is false when only its keys tell.
func (t *ValueTest) Match(m Measure) (match, known bool) {
	shape, values, ok := m.Split()
	if !ok {
		return false, false
	}
	s := t.shape(shape)
	if s.shape != nil && s.shape.Timed {
		_, ok = values.Time()
	}
	if !s.known || !ok {
		return false, false
	}
	if match, known = s.answers[string(values)]; known {
		return match, true
	}
	read := values
	if !t.derive(s.shape, &read) {
		return false, false
	}
	if len(s.answers) >= keptAnswers {
		clear(s.answers)
	}
	match = Match(t.plan, "", t.keys, nil)
	s.answers[string(values)] = match
	return match, true
}

// shape finds out whether the keys follow from measures of a shape: they do where each value that is asked about has a unit.
func (t *ValueTest) shape(text []byte) *testedShape {
	if t.last != nil && bytes.Equal(t.last.bytes, text) {
		return t.last
	}
	s := t.shapes[string(text)]
	if s == nil {
		s = &testedShape{bytes: bytes.Clone(text), answers: map[string]bool{}}
		if shape, err := ParseMeasureShape(text); err == nil {
			s.shape, s.known = shape, !t.own || shape.Own.Unit != ""
			for i := range shape.Parts {
				s.known = s.known && (!t.parts || shape.Parts[i].Unit != "")
			}
		}
		if len(t.shapes) >= keptShapes {
			clear(t.shapes)
		}
		t.shapes[string(text)] = s
	}
	t.last = s
	return s
}

// derive makes the keys of a measure's values; false when a value is too long to.
func (t *ValueTest) derive(shape *MeasureShape, values *MeasureValues) bool {
	x := t.x
	x.scratch, x.pieces, x.keys, x.spans = x.scratch[:0], x.pieces[:0], x.keys[:0], x.spans[:0]
	add := func(prefix string, m *Measured) bool {
		if m.Unit == "" {
			return true
		}
		value, ok := values.Next()
		if !ok || value.IsWide {
			return false
		}
		t.ix = index{prefix: prefix, kind: quantity}
		x.ix = &t.ix
		x.addPointIn([3]extent{x.text(unitsOfMeasure), x.text(m.Unit), x.text(m.Text)}, value.appendText(nil))
		for i := range x.pieces {
			x.writeKeys(&x.pieces[i])
		}
		x.pieces = x.pieces[:0]
		return true
	}
	if !add(ownValues, &shape.Own) {
		return false
	}
	for i := range shape.Parts {
		if !add(partValues, &shape.Parts[i]) {
			return false
		}
	}
	t.keys = x.result()
	return true
}

// appendText appends the digits of a value that is not Wide, as a JSON number.
func (v MeasuredValue) appendText(dst []byte) []byte {
	digits := strconv.AppendInt(make([]byte, 0, 24), v.Coefficient, 10)
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	if zeros := v.Scale + 1 - len(digits); zeros > 0 {
		digits = append(bytes.Repeat([]byte{'0'}, zeros), digits...)
	}
	point := len(digits) - v.Scale
	dst = append(dst, digits[:point]...)
	if v.Scale == 0 {
		return dst
	}
	return append(append(dst, '.'), digits[point:]...)
}
