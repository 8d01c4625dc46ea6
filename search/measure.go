package search

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/firth-health/firth/fhir"
)

// Measure is what statistics need to know of an Observation, so that they need not read it: which codes it measures in which units, the values as they were
// written, and when. A store may keep it beside a compound key ([HotIndexes]). Its bytes are
//
//	length of shape, shape, time, value ...
//
// where the shape is all that the measurements of one kind have in common ([MeasureShape]), so that whoever reads many understands each shape once. The time is there
// when the shape says so. A value belongs to each [Measured] that has a unit, in order.
type Measure []byte

// MeasureShape is all of an Observation's measure but its time and values.
type MeasureShape struct {
	Erroneous bool     // status is entered-in-error
	Panel     bool     // has components or members
	Members   bool     // has members, which only the resource names
	Timed     bool     // has an effective time that begins somewhere
	Quantity  bool     // has a valueQuantity of its own, valid or not
	Own       Measured // the Observation's own value
	Parts     []Measured
}

// Measured is a code and the unit of its value.
type Measured struct {
	Codings []MeasuredCoding // as in the resource
	Unit    string           // UCUM code; empty when there is no value in UCUM, or one that says less or something else (comparator, modifierExtension)
	Text    string           // of the unit
}

// MeasuredCoding is a coding of what was measured.
type MeasuredCoding struct{ System, Code string }

const (
	measureErroneous = 1 << iota
	measurePanel
	measureMembers
	measureTimed
	measureQuantity

	// maxMeasure is how many bytes of a measure are worth keeping.
	maxMeasure = 1 << 10

	unitsOfMeasure = "http://unitsofmeasure.org"
)

var errMeasure = errors.New("malformed measure")

// MeasureOf returns the measure to keep with a resource; nil when there is none, or when only the resource itself tells what is to be known: a panel's members, more
// than a kilobyte, or elements that are not what R4 says, of which index keys and a measure may say different things.
func MeasureOf(res *fhir.Resource) Measure {
	root := res.Root()
	if len(HotIndexes(res.Type())) == 0 || root.Get("hasMember").Ok() || !measurable(root) {
		return nil
	}
	if m := AppendMeasure(make(Measure, 0, 128), root); len(m) <= maxMeasure {
		return m
	}
	return nil
}

// measurable reports whether the elements that decide about a measure are of their kinds.
func measurable(root fhir.Node) bool {
	if status := root.Get("status"); status.Ok() && status.Kind() != fhir.String || !measurableCode(root) || !measurableValue(root) {
		return false
	}
	parts := root.Get("component")
	if parts.Ok() && parts.Kind() != fhir.Array {
		return false
	}
	for part := range parts.Children() {
		if part.Kind() != fhir.Object || !measurableCode(part) || !measurableValue(part) {
			return false
		}
	}
	return true
}

// measurableValue reports whether a value that has a unit also has its keys, and no others ([ValueTest]).
func measurableValue(n fhir.Node) bool {
	quantity := n.Get("valueQuantity")
	value := quantity.Get("value")
	return !value.Ok() || quantity.Kind() == fhir.Object && value.Kind() == fhir.Number && !n.Get("valueSampledData").Ok()
}

func measurableCode(n fhir.Node) bool {
	concept := n.Get("code")
	codings := concept.Get("coding")
	return (!concept.Ok() || concept.Kind() == fhir.Object) && (!codings.Ok() || codings.Kind() == fhir.Array)
}

// AppendMeasure appends the measure of any Observation.
func AppendMeasure(dst Measure, root fhir.Node) Measure {
	modified := root.Get("modifierExtension").Ok()
	var buf [256]byte
	var valueBuf [4]fhir.Node
	shape, values := append(buf[:0], 0), valueBuf[:0]
	holder := func(n fhir.Node) {
		var value fhir.Node
		shape, value = appendMeasured(shape, n, modified)
		if value.Ok() {
			values = append(values, value)
		}
	}
	holder(root)
	for part := range root.Get("component").Children() {
		holder(part)
	}
	at := EffectiveTime(root)
	for _, flag := range []struct {
		is  bool
		bit byte
	}{
		{root.Get("status").TextIs("entered-in-error"), measureErroneous},
		{root.Get("component").Ok() || root.Get("hasMember").Ok(), measurePanel},
		{root.Get("hasMember").Ok(), measureMembers},
		{!at.IsZero(), measureTimed},
		{root.Get("valueQuantity").Ok(), measureQuantity},
	} {
		if flag.is {
			shape[0] |= flag.bit
		}
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(shape))), shape...)
	if !at.IsZero() {
		dst = binary.AppendVarint(dst, at.UnixMicro())
	}
	for _, value := range values {
		dst = appendMeasuredValue(dst, value)
	}
	return dst
}

// appendMeasured appends the shape of an Observation's own value or of a component, and returns its number when it is valid.
func appendMeasured(dst []byte, n fhir.Node, modified bool) ([]byte, fhir.Node) {
	codings := n.Get("code").Get("coding")
	dst = binary.AppendUvarint(dst, uint64(codings.Len()))
	for coding := range codings.Children() {
		dst = appendMeasureText(dst, coding.Get("system"))
		dst = appendMeasureText(dst, coding.Get("code"))
	}
	quantity := n.Get("valueQuantity")
	value, unit := quantity.Get("value"), quantity.Get("code")
	if modified || !quantity.Get("system").TextIs(unitsOfMeasure) || quantity.Get("comparator").Ok() || n.Get("modifierExtension").Ok() || !isNumber(value) {
		return append(dst, 0), fhir.Node{}
	}
	before := len(dst)
	if dst = appendMeasureText(dst, unit); len(dst) == before+1 {
		return dst, fhir.Node{} // an empty unit is what stands for none
	}
	return appendMeasureText(dst, quantity.Get("unit")), value
}

// appendMeasureText appends the length of a text and the text.
func appendMeasureText(dst []byte, n fhir.Node) []byte {
	before := len(dst)
	dst = n.AppendText(append(dst, 0))
	size := len(dst) - before - 1
	if size < 0x80 {
		dst[before] = byte(size)
		return dst
	}
	text := string(dst[before+1:])
	return append(binary.AppendUvarint(dst[:before], uint64(size)), text...)
}

func isNumber(n fhir.Node) bool {
	var buf [24]byte
	text := n.AppendText(buf[:0])
	if _, _, ok := plainDecimal(text); ok {
		return true
	}
	_, err := fhir.ParseDecimal(string(text))
	return err == nil
}

// EffectiveTime is when an Observation was made: the beginning of its effective time, or zero.
func EffectiveTime(observation fhir.Node) time.Time {
	for _, node := range [...]fhir.Node{observation.Get("effectiveDateTime"), observation.Get("effectiveInstant"), observation.Path("effectivePeriod", "start")} {
		if !node.Ok() {
			continue
		}
		if t, err := fhir.ParseDateTime(node.Text()); err == nil {
			return t.Low
		}
	}
	return time.Time{}
}

// appendMeasuredValue appends a number: how many of its digits are behind the point, and all its digits; where those are too many for 64 bits, wideValue and its text.
func appendMeasuredValue(dst []byte, value fhir.Node) []byte {
	var buf [24]byte
	text := value.AppendText(buf[:0])
	if coefficient, scale, ok := plainDecimal(text); ok {
		return binary.AppendVarint(append(dst, byte(scale)), coefficient)
	}
	return append(binary.AppendUvarint(append(dst, wideValue), uint64(len(text))), text...)
}

// wideValue is the scale that says that a number follows as text.
const wideValue = 0xff

// plainDecimal reads a number as coefficient / 10^scale; ok is false for those with an exponent or more than 18 digits, and for what is no number.
func plainDecimal(text []byte) (coefficient int64, scale int, ok bool) {
	rest := text
	if len(rest) > 0 && rest[0] == '-' {
		rest = rest[1:]
	}
	point := -1
	for i, c := range rest {
		switch {
		case '0' <= c && c <= '9':
			coefficient = coefficient*10 + int64(c-'0')
		case c == '.' && point < 0 && i > 0:
			point = i
		default:
			return 0, 0, false
		}
	}
	count := len(rest)
	if point >= 0 {
		count--
		scale = count - point
	}
	if len(rest) < len(text) {
		coefficient = -coefficient
	}
	return coefficient, scale, 0 < count && count <= 18 && (point < 0 || scale > 0)
}

// Split separates the shape from the time and values.
func (m Measure) Split() (shape []byte, values MeasureValues, ok bool) {
	size, n := binary.Uvarint(m)
	if n <= 0 || size > uint64(len(m)-n) {
		return nil, nil, false
	}
	return m[n : n+int(size)], MeasureValues(m[n+int(size):]), true
}

// ParseMeasureShape reads a shape.
func ParseMeasureShape(shape []byte) (*MeasureShape, error) {
	if len(shape) == 0 {
		return nil, errMeasure
	}
	flags := shape[0]
	p := measureParser{rest: shape[1:]}
	s := &MeasureShape{
		Erroneous: flags&measureErroneous != 0, Panel: flags&measurePanel != 0, Members: flags&measureMembers != 0,
		Timed: flags&measureTimed != 0, Quantity: flags&measureQuantity != 0, Own: p.measured(),
	}
	for len(p.rest) > 0 && !p.failed {
		s.Parts = append(s.Parts, p.measured())
	}
	if p.failed {
		return nil, errMeasure
	}
	return s, nil
}

type measureParser struct {
	rest   []byte
	failed bool
}

func (p *measureParser) number() uint64 {
	value, n := binary.Uvarint(p.rest)
	if n <= 0 || value > uint64(len(p.rest)) {
		p.rest, p.failed = nil, true
		return 0
	}
	p.rest = p.rest[n:]
	return value
}

func (p *measureParser) text() string {
	size := p.number()
	if size > uint64(len(p.rest)) {
		p.rest, p.failed = nil, true
		return ""
	}
	text := string(p.rest[:size])
	p.rest = p.rest[size:]
	return text
}

func (p *measureParser) measured() (m Measured) {
	for range p.number() {
		m.Codings = append(m.Codings, MeasuredCoding{System: p.text(), Code: p.text()})
		if p.failed {
			return Measured{}
		}
	}
	if m.Unit = p.text(); m.Unit != "" {
		m.Text = p.text()
	}
	return m
}

// MeasureValues are the time and the values of a measure, to be read in order.
type MeasureValues []byte

// MeasuredValue is coefficient / 10^scale, or where that is beyond 64 bits the Wide number.
type MeasuredValue struct {
	Coefficient int64
	Scale       int
	IsWide      bool
	Wide        fhir.Decimal
}

// Time reads the time, in microseconds since 1970, of a measure whose shape is Timed.
func (v *MeasureValues) Time() (micros int64, ok bool) {
	micros, n := binary.Varint(*v)
	if n <= 0 {
		return 0, false
	}
	*v = (*v)[n:]
	return micros, true
}

// Next reads the next value.
func (v *MeasureValues) Next() (value MeasuredValue, ok bool) {
	data := *v
	if len(data) < 2 {
		return value, false
	}
	if data[0] == wideValue {
		return v.wide(data[1:])
	}
	coefficient, n := binary.Varint(data[1:])
	if n <= 0 {
		return value, false
	}
	*v = data[1+n:]
	return MeasuredValue{Coefficient: coefficient, Scale: int(data[0])}, true
}

func (v *MeasureValues) wide(data []byte) (value MeasuredValue, ok bool) {
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return value, false
	}
	wide, err := fhir.ParseDecimal(string(data[n : n+int(size)]))
	*v = data[n+int(size):]
	return MeasuredValue{IsWide: true, Wide: wide}, err == nil
}
