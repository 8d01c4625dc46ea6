package server

import (
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/server/statistics"
	"github.com/firth-health/firth/store"
)

// measurements are what $stats found, by code and unit.
type measurements struct {
	request *statsRequest
	groups  []*measured
	members []string        // ids of Observations that panels refer to and that are still to be read
	seen    map[string]bool // ids that were measured, or are among members
	panels  []coding        // asked codes whose measurements are under other codes
	sources [][]byte
}

// measured are the measurements of one code in one unit.
type measured struct {
	code     coding
	unit     string // UCUM code; empty when nothing has a value
	unitText string
	series   statistics.Series
	total    int // with those without a valid value
	first    time.Time
}

// add measures an Observation that the search found.
func (m *measurements) add(v *store.Version, root fhir.Node) {
	m.seen[v.Key.ID] = true
	m.source(v)
	at := effectiveTime(root)
	code, asked := m.asked(root.Get("code"))
	isPanel := root.Get("component").Ok() || root.Get("hasMember").Ok()
	if asked && (root.Get("valueQuantity").Ok() || !isPanel) {
		m.value(code, root, root, at)
	}
	for component := range root.Get("component").Children() {
		if own, ok := m.asked(component.Get("code")); ok {
			m.value(own, root, component, at)
		} else if own, ok := firstCoding(component.Get("code")); ok && asked {
			m.value(own, root, component, at)
		}
	}
	if !asked {
		return
	}
	if isPanel && !slices.Contains(m.panels, code) {
		m.panels = append(m.panels, code)
	}
	for member := range root.Get("hasMember").Children() {
		key := fhir.ParseReference(member.Get("reference").Text()).Key
		if key.Type == "Observation" && !m.seen[key.ID] {
			m.seen[key.ID] = true
			m.members = append(m.members, key.ID)
		}
	}
}

// addMember measures an Observation that a panel refers to, under its own code.
func (m *measurements) addMember(v *store.Version, root fhir.Node) {
	m.source(v)
	code, ok := m.asked(root.Get("code"))
	if !ok {
		code, ok = firstCoding(root.Get("code"))
	}
	if ok {
		m.value(code, root, root, effectiveTime(root))
	}
}

func (m *measurements) source(v *store.Version) {
	if len(m.sources) < m.request.include {
		m.sources = append(m.sources, v.JSON)
	}
}

// asked finds the coding of a concept that the request names.
func (m *measurements) asked(concept fhir.Node) (coding, bool) {
	for node := range concept.Get("coding").Children() {
		c := codingOf(node)
		if slices.ContainsFunc(m.request.codings, func(want coding) bool { return want.matches(c) }) {
			return c, true
		}
	}
	return coding{}, false
}

func codingOf(node fhir.Node) coding {
	return coding{node.Get("system").Text(), node.Get("code").Text()}
}

func firstCoding(concept fhir.Node) (coding, bool) {
	c := codingOf(concept.Get("coding").First())
	return c, c.code != ""
}

// value measures the valueQuantity of an Observation or of one of its components.
func (m *measurements) value(code coding, root, holder fhir.Node, at time.Time) {
	quantity := holder.Get("valueQuantity")
	value, err := fhir.ParseDecimal(quantity.Get("value").Text())
	unit := quantity.Get("code").Text()
	valid := err == nil && unit != "" && quantity.Get("system").TextIs(unitsSystem) && !quantity.Get("comparator").Ok() &&
		!root.Get("modifierExtension").Ok() && !holder.Get("modifierExtension").Ok()
	if !valid {
		m.group(code, "").total++
		return
	}
	g := m.group(code, unit)
	if g.total++; g.unitText == "" {
		g.unitText = quantity.Get("unit").Text()
	}
	if g.series.Len() == 0 || at.Before(g.first) {
		g.first = at
	}
	g.series.Add(value, at)
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

// effectiveTime is when an Observation was made: the beginning of its effective time, or zero.
func effectiveTime(root fhir.Node) time.Time {
	for _, node := range []fhir.Node{root.Get("effectiveDateTime"), root.Get("effectiveInstant"), root.Path("effectivePeriod", "start")} {
		if t, err := fhir.ParseDateTime(node.Text()); err == nil {
			return t.Low
		}
	}
	return time.Time{}
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
		for j, result := range g.series.Compute(code, g.total, g.first) {
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
