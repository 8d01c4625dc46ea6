package patch

import (
	"slices"

	"github.com/firth-health/firth/fhir"
)

// value is a place in a document that may be changed: the node that was parsed, until something in it changes, then its parts. Bytes between
// parts are kept with them, so that rendering an unchanged value gives the bytes it had.
type value struct {
	node   fhir.Node // what was parsed; absent for what was made here
	kind   fhir.Kind
	opened bool
	parts  []part // members or items, once opened
}

// part is a member or an item.
type part struct {
	lead, trail []byte // white space before and behind
	label       []byte // of a member: the name in quotes, with colon and white space
	name        string // decoded
	value       *value
}

func valueOf(n fhir.Node) *value { return &value{node: n, kind: n.Kind()} }

func newContainer(kind fhir.Kind) *value { return &value{kind: kind, opened: true} }

func newNull() *value { return &value{kind: fhir.Null} }

func newPart(name string, v *value) part {
	return part{label: append(fhir.AppendQuoted(nil, name), ':'), name: name, value: v}
}

// open returns the parts of a container; none of a scalar.
func (v *value) open() []part {
	if v.opened || v.kind != fhir.Object && v.kind != fhir.Array {
		return v.parts
	}
	v.opened = true
	count := v.node.Len()
	v.parts = make([]part, 0, count+1)
	values := make([]value, count)
	document := v.node.Document()
	at, _ := v.node.Range()
	at++
	for c := range v.node.Children() {
		child := &values[len(v.parts)]
		*child = value{node: c, kind: c.Kind()}
		start, end := c.Range()
		p := part{lead: document[at:start], value: child}
		if v.kind == fhir.Object {
			key, _ := c.KeyRange()
			p.lead, p.label, p.name = document[at:key], document[key:start], c.Key()
		}
		at = end
		for document[at] != ',' && document[at] != '}' && document[at] != ']' {
			at++
		}
		p.trail = document[end:at]
		at++
		v.parts = append(v.parts, p)
	}
	return v.parts
}

// find returns the place of a member, -1 when there is none.
func (v *value) find(name string) int {
	if v.kind != fhir.Object {
		return -1
	}
	return slices.IndexFunc(v.open(), func(p part) bool { return p.name == name })
}

// member returns the value of a member, nil when there is none.
func (v *value) member(name string) *value {
	if i := v.find(name); i >= 0 {
		return v.parts[i].value
	}
	return nil
}

// item returns the i-th part's value, nil when there is none or it is null.
func (v *value) item(i int) *value {
	if v == nil || i < 0 || i >= len(v.open()) || v.parts[i].value.kind == fhir.Null {
		return nil
	}
	return v.parts[i].value
}

// insert puts a part before the i-th, with white space as its neighbour has.
func (v *value) insert(i int, p part) {
	switch parts := v.open(); {
	case i < len(parts):
		p.lead = parts[i].lead
	case i > 0:
		p.lead, p.trail = parts[i-1].lead, parts[i-1].trail
		parts[i-1].trail = nil
	}
	v.parts = slices.Insert(v.parts, i, p)
}

// remove takes the i-th part out and returns its value.
func (v *value) remove(i int) *value {
	parts := v.open()
	removed := parts[i]
	if i > 0 && i == len(parts)-1 {
		parts[i-1].trail = removed.trail
	}
	v.parts = slices.Delete(parts, i, i+1)
	return removed.value
}

// set gives a member a value where it stands, or adds it: behind the member named after, or as the last. A nil x removes it.
func (v *value) set(name, after string, x *value) {
	i := v.find(name)
	switch {
	case i >= 0 && x == nil:
		v.remove(i)
	case i >= 0:
		v.parts[i].value = x
	case x != nil:
		at := len(v.open())
		if j := v.find(after); j >= 0 {
			at = j + 1
		}
		v.insert(at, newPart(name, x))
	}
}

// rename gives a member another name where it stands.
func (v *value) rename(from, to string) {
	if i := v.find(from); i >= 0 {
		p := newPart(to, v.parts[i].value)
		p.lead, p.trail = v.parts[i].lead, v.parts[i].trail
		v.parts[i] = p
	}
}

// isEmpty reports whether a container has nothing in it.
func (v *value) isEmpty() bool {
	if v.opened {
		return len(v.parts) == 0
	}
	return (v.kind == fhir.Object || v.kind == fhir.Array) && !v.node.First().Ok()
}

// render appends the JSON. It fails when it meets more than depth levels of opened containers.
func (v *value) render(dst []byte, depth int) ([]byte, error) {
	switch {
	case depth < 0:
		return dst, errDepth
	case v.node.Ok() && (!v.opened || len(v.parts) == 0 && !v.node.First().Ok()):
		return append(dst, v.node.Raw()...), nil
	case v.kind == fhir.Null:
		return append(dst, "null"...), nil
	}
	opening, closing := byte('{'), byte('}')
	if v.kind == fhir.Array {
		opening, closing = '[', ']'
	}
	dst = append(dst, opening)
	for i := range v.parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		p := &v.parts[i]
		dst = append(append(dst, p.lead...), p.label...)
		var err error
		if dst, err = p.value.render(dst, depth-1); err != nil {
			return dst, err
		}
		dst = append(dst, p.trail...)
	}
	return append(dst, closing), nil
}

// document renders a whole document and parses the result, so that what is handed out is JSON within the limits.
func document(root *value, size int) (fhir.Node, error) {
	data, err := root.render(make([]byte, 0, size), fhir.DefaultLimits.Depth)
	if err != nil {
		return fhir.Node{}, err
	}
	node, err := fhir.Parse(data)
	if err != nil { // of what parsed values are put together from, only size and depth can be wrong
		return fhir.Node{}, problemf(fhir.CodeProcessing, "the result would be larger or nested more deeply than a document may be")
	}
	return node, nil
}

// clone copies a value; what was not opened is shared. It spends what the copy holds.
func (v *value) clone(work *budget, depth int) (*value, error) {
	if depth < 0 {
		return nil, errDepth
	}
	if !v.opened {
		if err := work.spend(len(v.node.Raw())); err != nil {
			return nil, err
		}
		return &value{node: v.node, kind: v.kind}, nil
	}
	c := &value{node: v.node, kind: v.kind, opened: true, parts: slices.Clone(v.parts)}
	for i := range c.parts {
		p := &c.parts[i]
		if err := work.spend(len(p.lead) + len(p.label) + len(p.trail) + 64); err != nil {
			return nil, err
		}
		var err error
		if p.value, err = p.value.clone(work, depth-1); err != nil {
			return nil, err
		}
	}
	return c, nil
}
