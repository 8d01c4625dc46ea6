package adapters

import (
	"go.yaml.in/yaml/v3"

	"github.com/firth-health/firth/adapters/expr"
	"github.com/firth-health/firth/fhir"
)

// element is a compiled piece of a resource. Append writes its JSON and reports whether there was anything to write: FHIR has no empty objects, arrays or
// strings, so what depends on a missing value is left out with everything that holds only it.
type element interface {
	append(dst []byte, s *expr.Scope) (out []byte, present bool, err error)
}

// literalElement is JSON that never changes.
type literalElement []byte

func (e literalElement) append(dst []byte, _ *expr.Scope) ([]byte, bool, error) {
	return append(dst, e...), len(e) > 0, nil
}

// scalarElement is an expression.
type scalarElement struct{ s *scalar }

func (e scalarElement) append(dst []byte, s *expr.Scope) ([]byte, bool, error) {
	v, err := e.s.eval(s)
	if err != nil {
		return dst, false, err
	}
	out, present, ok := appendValue(dst, v)
	if !ok {
		return dst, false, e.s.fail("map", "the value is an object, not something an element can hold")
	}
	return out, present, nil
}

// appendValue writes a scalar as JSON, a list as an array; ok is false for objects.
func appendValue(dst []byte, v expr.Value) (out []byte, present, ok bool) {
	if v.IsAbsent() {
		return dst, false, true
	}
	switch v.Kind() {
	case fhir.String:
		text, _ := v.Text()
		return fhir.AppendQuoted(dst, text), true, true
	case fhir.Number:
		out, err := v.AppendDecimal(dst)
		return out, err == nil, err == nil
	case fhir.Bool:
		out, ok := v.AppendText(dst)
		return out, ok, ok
	case fhir.Array:
		mark := len(dst)
		dst = append(dst, '[')
		for item := range v.Each() {
			before := len(dst)
			if before > mark+1 {
				dst = append(dst, ',')
			}
			if dst, present, ok = appendValue(dst, item); !ok {
				return dst[:mark], false, false
			}
			if !present {
				dst = dst[:before]
			}
		}
		if len(dst) == mark+1 {
			return dst[:mark], false, true
		}
		return append(dst, ']'), true, true
	}
	return dst, false, false
}

// objectElement is an object; with condition, only where that holds.
type objectElement struct {
	names     [][]byte // `"name":`
	members   []element
	condition *scalar
}

func (e *objectElement) append(dst []byte, s *expr.Scope) ([]byte, bool, error) {
	if e.condition != nil {
		holds, err := e.condition.holds(s)
		if err != nil || !holds {
			return dst, false, err
		}
	}
	mark := len(dst)
	out, present, err := e.appendMembers(append(dst, '{'), s)
	if err != nil || !present {
		return dst[:mark], false, err
	}
	return append(out, '}'), true, nil
}

// appendMembers writes the members with commas between them, and before the first when dst already ends with a member.
func (e *objectElement) appendMembers(dst []byte, s *expr.Scope) ([]byte, bool, error) {
	any := false
	for i, member := range e.members {
		mark := len(dst)
		if last := dst[len(dst)-1]; last != '{' && last != ',' {
			dst = append(dst, ',')
		}
		dst = append(dst, e.names[i]...)
		out, present, err := member.append(dst, s)
		if err != nil {
			return dst[:mark], false, err
		}
		if !present {
			dst = dst[:mark]
			continue
		}
		dst, any = out, true
	}
	return dst, any, nil
}

// listElement is an array.
type listElement []listItem

// listItem is one item of a list, or with each one item for every value of a list.
type listItem struct {
	each *scalar
	of   element
}

func (e listElement) append(dst []byte, s *expr.Scope) ([]byte, bool, error) {
	mark := len(dst)
	out, present, err := e.appendItems(append(dst, '['), s)
	if err != nil || !present {
		return dst[:mark], false, err
	}
	return append(out, ']'), true, nil
}

// appendItems writes the items with commas between them, and before the first when dst does not end with '['.
func (e listElement) appendItems(dst []byte, s *expr.Scope) ([]byte, bool, error) {
	any := false
	one := func(of element) error {
		mark := len(dst)
		if dst[mark-1] != '[' {
			dst = append(dst, ',')
		}
		out, present, err := of.append(dst, s)
		if err != nil || !present {
			dst = dst[:mark]
			return err
		}
		dst, any = out, true
		return nil
	}
	for _, item := range e {
		if item.each == nil {
			if err := one(item.of); err != nil {
				return dst, false, err
			}
			continue
		}
		list, err := item.each.eval(s)
		if err != nil {
			return dst, false, err
		}
		outer := s.It
		for v := range list.Each() {
			s.It = v
			if err = one(item.of); err != nil {
				break
			}
		}
		s.It = outer
		if err != nil {
			return dst, false, err
		}
	}
	return dst, any, nil
}

// The names of an element template that are no elements; FHIR's element names never begin with $.
const (
	eachName = "$each" // in an item of a list: repeat it for every value of a list, which is then "it"
	ifName   = "$if"   // in an object: leave it out unless the condition holds
)

// element compiles a template: YAML in the shape of FHIR JSON, with expressions where text begins with =.
func (c *compiler) element(n *yaml.Node) (element, error) {
	switch n.Kind {
	case yaml.MappingNode:
		return c.object(n)
	case yaml.SequenceNode:
		return c.list(n)
	}
	var s Scalar
	if err := s.UnmarshalYAML(n); err != nil {
		return nil, c.src.fail(n, "%v", err)
	}
	if s.Expression {
		compiled, err := c.scalar(s)
		return scalarElement{compiled}, err
	}
	switch n.Tag {
	case "!!int", "!!float", "!!bool":
		return literalElement(n.Value), nil
	case "!!str":
		if s.Text == "" {
			return nil, c.src.fail(n, "FHIR has no empty strings")
		}
		return literalElement(fhir.AppendQuoted(nil, s.Text)), nil
	}
	return nil, c.src.fail(n, "an element must be text, a number, a boolean, a list or an object")
}

func (c *compiler) object(n *yaml.Node) (element, error) {
	o := &objectElement{}
	literal := literalElement(`{`)
	fixed := true
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Value == eachName {
			continue
		}
		if name.Value == ifName {
			condition, err := c.condition(value)
			if err != nil {
				return nil, err
			}
			o.condition, fixed = condition, false
			continue
		}
		member, err := c.element(value)
		if err != nil {
			return nil, err
		}
		quoted := append(fhir.AppendQuoted(nil, name.Value), ':')
		o.names, o.members = append(o.names, quoted), append(o.members, member)
		if text, ok := member.(literalElement); ok && fixed {
			if len(literal) > 1 {
				literal = append(literal, ',')
			}
			literal = append(append(literal, quoted...), text...)
		} else {
			fixed = false
		}
	}
	if len(o.members) == 0 {
		return nil, c.src.fail(n, "FHIR has no empty objects")
	}
	if fixed {
		return append(literal, '}'), nil
	}
	return o, nil
}

func (c *compiler) list(n *yaml.Node) (element, error) {
	if len(n.Content) == 0 {
		return nil, c.src.fail(n, "FHIR has no empty lists")
	}
	var list listElement
	literal := literalElement(`[`)
	fixed := true
	for _, child := range n.Content {
		item := listItem{}
		if each := memberOf(child, eachName); each != nil {
			var s Scalar
			if err := s.UnmarshalYAML(each); err != nil || !s.Expression {
				return nil, c.src.fail(each, "%s needs an expression", eachName)
			}
			var err error
			if item.each, err = c.scalar(s); err != nil {
				return nil, err
			}
			fixed = false
		}
		of, err := c.element(child)
		if err != nil {
			return nil, err
		}
		item.of = of
		list = append(list, item)
		if text, ok := of.(literalElement); ok && fixed {
			if len(literal) > 1 {
				literal = append(literal, ',')
			}
			literal = append(literal, text...)
		} else {
			fixed = false
		}
	}
	if fixed {
		return append(literal, ']'), nil
	}
	return list, nil
}

func memberOf(n *yaml.Node, name string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}
