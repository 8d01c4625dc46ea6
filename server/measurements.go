package server

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server/statistics"
	"github.com/firth-health/firth/store"
)

// measurements are what $stats found, by code and unit.
type measurements struct {
	request *statsRequest
	groups  []*measured
	shapes  map[string]*countedShape // those that were understood
	last    *countedShape
	members []string        // ids of Observations that panels refer to and that are still to be read
	seen    map[string]bool // ids that were among members
	panels  []coding        // asked codes whose measurements are under other codes
	found   int
	sources [][]byte
	scratch search.Measure
}

// measured are the measurements of one code in one unit.
type measured struct {
	code     coding
	unit     string // UCUM code; empty when nothing has a value
	unitText string
	series   statistics.Series
	total    int   // with those without a valid value
	first    int64 // microseconds since 1970
}

// countedShape says what to do with the measures of one shape.
type countedShape struct {
	key    string
	timed  bool
	asked  bool        // it has a code that is asked
	panel  bool        // its own code is asked and it refers to members
	counts []*measured // what it counts for, valid or not
	values []*measured // what each value is measured for; nil for nothing
}

var errMeasure = errors.New("the store holds a malformed measure")

// maxShapes is how many shapes are remembered.
const maxShapes = 4096

// add measures an Observation that the search found.
func (m *measurements) add(v *store.Version) error {
	root, err := rootOf(v)
	if err != nil {
		return err
	}
	m.source(v)
	m.scratch = search.AppendMeasure(m.scratch[:0], root)
	if err := m.addMeasure(m.scratch); err != nil || !m.last.panel {
		return err
	}
	for member := range root.Get("hasMember").Children() {
		key := fhir.ParseReference(member.Get("reference").Text()).Key
		if key.Type == "Observation" && !m.seen[key.ID] {
			m.seen[key.ID] = true
			m.members = append(m.members, key.ID)
		}
	}
	return nil
}

// addMember measures an Observation that a panel refers to, under its own code.
func (m *measurements) addMember(v *store.Version) error {
	root, err := rootOf(v)
	if err != nil {
		return err
	}
	m.source(v)
	shapeText, values, ok := search.AppendMeasure(nil, root).Split()
	shape, err := search.ParseMeasureShape(shapeText)
	if err != nil || !ok {
		return errors.Join(errMeasure, err)
	}
	c := &countedShape{timed: shape.Timed}
	code, ok := m.asked(&shape.Own)
	if !ok {
		code, ok = firstCoding(&shape.Own)
	}
	if ok {
		m.count(c, code, &shape.Own)
	}
	return m.take(c, values)
}

func rootOf(v *store.Version) (fhir.Node, error) {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return fhir.Node{}, err
	}
	return res.Root(), nil
}

func (m *measurements) source(v *store.Version) {
	if len(m.sources) < m.request.include {
		m.sources = append(m.sources, v.JSON)
	}
}

// addMeasure measures an Observation by its measure alone.
func (m *measurements) addMeasure(measure search.Measure) error {
	shape, values, ok := measure.Split()
	if !ok {
		return errMeasure
	}
	if m.last == nil || m.last.key != string(shape) {
		if m.last = m.shapes[string(shape)]; m.last == nil {
			if err := m.learn(string(shape)); err != nil {
				return err
			}
		}
	}
	return m.take(m.last, values)
}

// take counts one measure and adds its values.
func (m *measurements) take(c *countedShape, values search.MeasureValues) error {
	if c.asked {
		m.found++
	}
	if len(c.counts) == 0 {
		return nil
	}
	at := time.Time{}.UnixMicro()
	if c.timed {
		var ok bool
		if at, ok = values.Time(); !ok {
			return errMeasure
		}
	}
	for _, g := range c.counts {
		g.total++
	}
	for _, g := range c.values {
		value, ok := values.Next()
		if !ok {
			return errMeasure
		}
		if g != nil {
			g.add(value, at)
		}
	}
	return nil
}

func (g *measured) add(value search.MeasuredValue, at int64) {
	if g.series.Len() == 0 || at < g.first {
		g.first = at
	}
	if value.IsWide {
		g.series.Add(value.Wide, time.UnixMicro(at))
		return
	}
	g.series.AddSmall(value.Coefficient, value.Scale, at)
}

// learn understands a shape. It stays right, because groups stay what and in what order they are once their measures came.
func (m *measurements) learn(key string) error {
	shape, err := search.ParseMeasureShape([]byte(key))
	if err != nil {
		return err
	}
	c := &countedShape{key: key, timed: shape.Timed}
	if !shape.Erroneous {
		m.understand(c, shape)
	}
	if len(m.shapes) == maxShapes {
		clear(m.shapes)
	}
	m.shapes[key], m.last = c, c
	return nil
}

// understand decides what a measure counts for: the code that is asked, and of a panel whose code is asked all its components.
func (m *measurements) understand(c *countedShape, shape *search.MeasureShape) {
	code, asked := m.asked(&shape.Own)
	c.asked = asked
	if asked && (shape.Quantity || !shape.Panel) {
		m.count(c, code, &shape.Own)
	} else {
		c.skip(&shape.Own)
	}
	for i := range shape.Parts {
		part := &shape.Parts[i]
		own, ok := m.asked(part)
		c.asked = c.asked || ok
		if !ok && asked {
			own, ok = firstCoding(part)
		}
		if ok {
			m.count(c, own, part)
		} else {
			c.skip(part)
		}
	}
	if c.panel = asked && shape.Panel; c.panel && !slices.Contains(m.panels, code) {
		m.panels = append(m.panels, code)
	}
}

// count notes that a value, or the absence of a valid one, counts for a code.
func (m *measurements) count(c *countedShape, code coding, part *search.Measured) {
	g := m.group(code, part.Unit)
	c.counts = append(c.counts, g)
	if part.Unit == "" {
		return
	}
	c.values = append(c.values, g)
	if g.unitText == "" {
		g.unitText = part.Text
	}
}

// skip notes that a value counts for nothing.
func (c *countedShape) skip(part *search.Measured) {
	if part.Unit != "" {
		c.values = append(c.values, nil)
	}
}

// asked finds the coding of a code that the request names.
func (m *measurements) asked(part *search.Measured) (coding, bool) {
	for _, is := range part.Codings {
		c := coding{is.System, is.Code}
		if slices.ContainsFunc(m.request.codings, func(want coding) bool { return want.matches(c) }) {
			return c, true
		}
	}
	return coding{}, false
}

func codingOf(node fhir.Node) coding {
	return coding{node.Get("system").Text(), node.Get("code").Text()}
}

func firstCoding(part *search.Measured) (coding, bool) {
	if len(part.Codings) == 0 {
		return coding{}, false
	}
	c := coding{part.Codings[0].System, part.Codings[0].Code}
	return c, c.code != ""
}

// group finds or makes the measurements of a code in a unit. Those without a valid value count for the first unit there is.
func (m *measurements) group(code coding, unit string) *measured {
	for _, g := range m.groups {
		if g.code == code && (unit == "" || g.unit == unit) {
			return g
		}
		if g.code == code && g.unit == "" {
			g.unit = unit
			return g
		}
	}
	g := &measured{code: code, unit: unit}
	m.groups = append(m.groups, g)
	return g
}

// appendParameters writes the answer. A code for which nothing was found has an Observation too: its count is 0.
func (m *measurements) appendParameters(dst []byte) []byte {
	for _, c := range m.request.codings {
		if !slices.ContainsFunc(m.groups, func(g *measured) bool { return c.matches(g.code) }) && !(len(m.groups) > 0 && slices.ContainsFunc(m.panels, c.matches)) {
			m.groups = append(m.groups, &measured{code: c})
		}
	}
	dst = append(dst, `{"resourceType":"Parameters","parameter":[`...)
	for i, g := range m.groups {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":"statistics","resource":`...)
		dst = append(m.appendObservation(dst, g), '}')
	}
	for _, source := range m.sources {
		dst = append(append(append(dst, `,{"name":"source","resource":`...), source...), '}')
	}
	return append(dst, "]}"...)
}

// appendObservation writes the statistics of one code. Observation.code is the code that was measured, effectivePeriod the time that was asked for.
func (m *measurements) appendObservation(dst []byte, g *measured) []byte {
	dst = append(dst, `{"resourceType":"Observation","status":"final","code":{"coding":[`...)
	dst = appendCoding(dst, g.code)
	dst = append(dst, `]},"subject":{"reference":`...)
	dst = append(fhir.AppendQuoted(dst, m.request.subject), '}')
	if m.request.start != "" || m.request.end != "" {
		dst = append(dst, `,"effectivePeriod":{`...)
		if m.request.start != "" {
			dst = fhir.AppendQuoted(append(dst, `"start":`...), m.request.start)
		}
		if m.request.end != "" {
			if m.request.start != "" {
				dst = append(dst, ',')
			}
			dst = fhir.AppendQuoted(append(dst, `"end":`...), m.request.end)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, `,"component":[`...)
	for i, code := range m.request.statistics {
		for j, result := range g.series.Compute(code, g.total, time.UnixMicro(g.first)) {
			if i+j > 0 {
				dst = append(dst, ',')
			}
			dst = g.appendComponent(dst, code, result)
		}
	}
	return append(dst, "]}"...)
}

func appendCoding(dst []byte, c coding) []byte {
	dst = append(dst, '{')
	if c.system != "" {
		dst = append(fhir.AppendQuoted(append(dst, `"system":`...), c.system), ',')
	}
	return append(fhir.AppendQuoted(append(dst, `"code":`...), c.code), '}')
}

// appendComponent writes one statistic. What is not defined for the values there are is absent for that reason.
func (g *measured) appendComponent(dst []byte, code string, result statistics.Result) []byte {
	dst = append(dst, `{"code":{"coding":[`...)
	dst = append(appendCoding(dst, coding{statisticsSystem, code}), ']')
	if result.Name != "" {
		dst = fhir.AppendQuoted(append(dst, `,"text":`...), result.Name)
	}
	if result.Value == "" {
		return append(dst, `},"dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"not-a-number"}]}}`...)
	}
	dst = append(append(dst, `},"valueQuantity":{"value":`...), result.Value...)
	unit, text := g.unitOf(result.Unit)
	if text != "" {
		dst = fhir.AppendQuoted(append(dst, `,"unit":`...), text)
	}
	dst = append(dst, `,"system":"`+unitsSystem+`","code":`...)
	return append(fhir.AppendQuoted(dst, unit), "}}"...)
}

// unitOf is the UCUM unit of a statistic, and its text where that is what the measurements have.
func (g *measured) unitOf(unit statistics.Unit) (code, text string) {
	base := g.unit
	if strings.ContainsAny(base, "/.") {
		base = "(" + base + ")"
	}
	switch unit {
	case statistics.Number:
		return "1", ""
	case statistics.Squared:
		if base == g.unit {
			base = "(" + base + ")"
		}
		return base + "2", ""
	case statistics.PerHour:
		return base + "/h", ""
	}
	return g.unit, g.unitText
}
