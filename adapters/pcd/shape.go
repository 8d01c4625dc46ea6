package pcd

import (
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Shape rewrites the tree of a message (package hl7v2, Message.AppendJSON) and appends it to dst. All members stay as they are but for the "observations"
// of each order, which becomes
//
//	"observations":[{"OBX":{…},"notes":[…],"facets":{"MDC_ATTR_SAMP_RATE":{"OBX":{…}}},"device":{"OBX":{…}}}],
//	"devices":[{"OBX":{…}}]
//
// Rows whose OBX-4 ends in zeros are devices. Rows with more than four levels are facets of the row that their first four levels name in the same order;
// a facet is a member named by OBX-3.2 (OBX-3.1 when that is empty). A facet without such a row, or with a name that is taken, stays an observation. The
// "device" of an observation is a copy of the nearest device row above it in the message: the last one before it, or else the first after.
func Shape(dst []byte, message fhir.Node) []byte {
	s := shaper{out: append(dst, '{')}
	for m := message.First(); m.Ok(); m = m.Next() {
		if !m.KeyIs("orders") {
			s.member(m)
		}
	}
	orders := message.Get("orders")
	if !orders.Ok() {
		return append(s.out, '}')
	}
	s.collect(orders)
	s.name("orders")
	s.out = append(s.out, '[')
	for i, order := range s.orders {
		if i > 0 {
			s.out = append(s.out, ',')
		}
		s.order(order)
	}
	return append(s.out, "]}"...)
}

type shaper struct {
	out     []byte
	orders  []*order
	devices []*row // of the whole message, in order
}

type order struct {
	node    fhir.Node
	metrics []*row
	devices []*row
}

// row is one observation as the message has it.
type row struct {
	node   fhir.Node
	levels []string // OBX-4
	facets []*row
	index  int // place in the message
}

func (s *shaper) collect(orders fhir.Node) {
	index := 0
	for node := range orders.Children() {
		o := &order{node: node}
		var facets []*row
		for n := range node.Get("observations").Children() {
			r := &row{node: n, levels: levels(n), index: index}
			index++
			switch {
			case len(r.levels) > 4:
				facets = append(facets, r)
			case r.isDevice():
				o.devices = append(o.devices, r)
				s.devices = append(s.devices, r)
			default:
				o.metrics = append(o.metrics, r)
			}
		}
		for _, f := range facets {
			if owner := o.owner(f); owner != nil {
				owner.facets = append(owner.facets, f)
			} else {
				o.metrics = append(o.metrics, f)
			}
		}
		s.orders = append(s.orders, o)
	}
}

// maxLevels bounds a containment path; PCD-01 has five.
const maxLevels = 8

// levels splits OBX-4 into its numbers; nil when it is not a containment path.
func levels(observation fhir.Node) []string {
	text := observation.Path("OBX", "4").Index(0).Index(0).Text()
	if text == "" || strings.Count(text, ".") >= maxLevels {
		return nil
	}
	parts := strings.Split(text, ".")
	for _, part := range parts {
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return nil
		}
	}
	return parts
}

func (r *row) isDevice() bool { return len(r.levels) > 1 && isZero(r.levels[len(r.levels)-1]) }

func isZero(level string) bool { return strings.Trim(level, "0") == "" }

// owner finds the measurement that a facet belongs to.
func (o *order) owner(facet *row) *row {
	for _, m := range o.metrics {
		if len(m.levels) == 4 && hasPrefix(facet.levels, m.levels) && !m.hasFacet(facet.facetName()) && facet.facetName() != "" {
			return m
		}
	}
	return nil
}

func hasPrefix(levels, prefix []string) bool {
	if len(prefix) > len(levels) {
		return false
	}
	for i := range prefix {
		if levels[i] != prefix[i] {
			return false
		}
	}
	return true
}

func (r *row) facetName() string {
	identifier := r.node.Path("OBX", "3").Index(0)
	if name := identifier.Index(1).Text(); name != "" {
		return name
	}
	return identifier.Index(0).Text()
}

func (r *row) hasFacet(name string) bool {
	for _, f := range r.facets {
		if f.facetName() == name {
			return true
		}
	}
	return false
}

// device finds the nearest device row above a measurement.
func (s *shaper) device(metric *row) *row {
	var best *row
	depth := 0
	for _, d := range s.devices {
		prefix := d.levels
		for len(prefix) > 0 && isZero(prefix[len(prefix)-1]) {
			prefix = prefix[:len(prefix)-1]
		}
		if len(prefix) == 0 || !hasPrefix(metric.levels, prefix) || len(prefix) < depth {
			continue
		}
		if len(prefix) > depth || d.index < metric.index {
			best, depth = d, len(prefix)
		}
	}
	return best
}

func (s *shaper) name(name string) {
	if last := s.out[len(s.out)-1]; last != '{' {
		s.out = append(s.out, ',')
	}
	s.out = append(fhir.AppendQuoted(s.out, name), ':')
}

func (s *shaper) member(m fhir.Node) {
	s.name(m.Key())
	s.out = append(s.out, m.Raw()...)
}

func (s *shaper) order(o *order) {
	s.out = append(s.out, '{')
	for m := o.node.First(); m.Ok(); m = m.Next() {
		if !m.KeyIs("observations") {
			s.member(m)
		}
	}
	s.rows("observations", o.metrics, s.observation)
	s.rows("devices", o.devices, func(d *row) { s.out = append(s.out, d.node.Raw()...) })
	s.out = append(s.out, '}')
}

func (s *shaper) rows(name string, rows []*row, write func(*row)) {
	if len(rows) == 0 {
		return
	}
	s.name(name)
	s.out = append(s.out, '[')
	for i, r := range rows {
		if i > 0 {
			s.out = append(s.out, ',')
		}
		write(r)
	}
	s.out = append(s.out, ']')
}

func (s *shaper) observation(r *row) {
	s.out = append(s.out, '{')
	for m := r.node.First(); m.Ok(); m = m.Next() {
		s.member(m)
	}
	if len(r.facets) > 0 {
		s.name("facets")
		s.out = append(s.out, '{')
		for _, f := range r.facets {
			s.name(f.facetName())
			s.out = append(s.out, f.node.Raw()...)
		}
		s.out = append(s.out, '}')
	}
	if d := s.device(r); d != nil {
		s.name("device")
		s.out = append(s.out, d.node.Raw()...)
	}
	s.out = append(s.out, '}')
}
