package path

import (
	"slices"

	"github.com/firth-health/firth/fhir/spec"
)

// static is what can be said of an expression's result without evaluating it.
type static struct {
	known     bool // types holds all types that an item may have
	types     []itemType
	none      bool // {}: there are no items
	many      bool // there may be more than one item
	unordered bool
}

// itemType is a FHIR type or a system type.
type itemType struct {
	fhir *spec.Type
	kind Kind
}

func ofKind(kind Kind) static { return static{known: kind != None, types: []itemType{{kind: kind}}} }

func ofFHIR(t *spec.Type, many bool) static {
	return static{known: t != nil && !(t.Kind == spec.Resource && t.Abstract), types: []itemType{{fhir: t, kind: Element}}, many: many}
}

// one is s for a single item of it.
func (s static) one() static {
	s.many, s.unordered = false, false
	return s
}

// converts reports whether some item may be of one of the kinds, after implicit conversion.
func (s static) converts(kinds ...Kind) bool {
	if !s.known {
		return true
	}
	return slices.ContainsFunc(s.types, func(t itemType) bool {
		kind := t.kind
		if kind == Element {
			if kind = systemKind(t.fhir); kind == None && t.fhir.Is("Quantity") {
				kind = QuantityKind
			}
		}
		return slices.Contains(kinds, kind)
	})
}

// checker finds what cannot work, from the definitions ([Strict]).
type checker struct {
	*compiler
	root static
}

func checkTypes(c *compiler, tree expr) error {
	k := &checker{compiler: c}
	if t := c.defs.Type(c.options.strictType); t != nil {
		k.root = ofFHIR(t, false)
	}
	_, err := k.check(tree, k.root)
	return err
}

// check returns what is known of e, evaluated on the focus.
func (k *checker) check(e expr, focus static) (static, error) {
	switch e := e.(type) {
	case *literal:
		if e.value.kind == None {
			return static{none: true}, nil
		}
		return ofKind(e.value.kind), nil
	case *member:
		return k.member(e, focus)
	case *call:
		return k.checkCall(e, focus)
	case *index:
		if _, err := k.check(e.item, focus); err != nil {
			return static{}, err
		}
		s, err := k.ordered(e.at, "[]", e.target, focus)
		return s.one(), err
	case *unary:
		return k.check(e.operand, focus)
	case *binary:
		return k.checkBinary(e, focus)
	case *typeTest:
		if _, err := k.check(e.operand, focus); err != nil || e.operator == "is" {
			return ofKind(Boolean), err
		}
		return k.named(e.typ), nil
	case *variable:
		if e.name == "context" {
			return k.root, nil
		}
	case *special:
		switch e.name {
		case "this":
			return focus, nil
		case "index":
			return ofKind(Integer), nil
		}
	}
	return static{many: true}, nil
}

// named is the type that a specifier names.
func (k *checker) named(name typeName) static {
	if t := k.defs.Type(name.name); t != nil && name.namespace != "System" {
		return ofFHIR(t, false)
	}
	return ofKind(systemKindNamed(name.name))
}

func (k *checker) member(e *member, focus static) (static, error) {
	input := focus
	if e.target != nil {
		var err error
		if input, err = k.check(e.target, focus); err != nil {
			return static{}, err
		}
	} else if k.isTypeName(e.name) {
		t := k.defs.Type(e.name)
		mismatch := input.known && !slices.ContainsFunc(input.types, func(i itemType) bool { return i.fhir.Is(e.name) || i.fhir != nil && t.Is(i.fhir.Name) })
		switch {
		case mismatch && k.options.lenientAs: // an alternative for another type of a parameter with several bases
			return static{none: true}, nil
		case mismatch:
			return static{}, k.fail(e.at, "the expression is evaluated on %s, not on %s", describeTypes(input), e.name)
		case input.known:
			return input, nil
		}
		return ofFHIR(t, false), nil
	}
	if !input.known {
		return static{many: true, none: input.none}, nil
	}
	result := static{known: true, many: input.many, unordered: input.unordered}
	found := false
	for _, t := range input.types {
		if t.kind != Element || t.fhir == nil || e.name == "value" && t.fhir.Kind == spec.Primitive {
			found, result.known = true, false
			continue
		}
		child := t.fhir.Child(e.name)
		if child == nil || child.Name != e.name && !k.options.typedNames {
			continue
		}
		found = true
		result.add(child)
	}
	if !found {
		return static{}, k.fail(e.at, "%s has no element %s", describeTypes(input), e.name)
	}
	return result, nil
}

// add joins what is known of an element.
func (s *static) add(e *spec.Element) {
	s.many = s.many || e.Repeats()
	for _, ref := range e.Types {
		if ref.Type == nil || ref.Type.Kind == spec.Resource {
			s.known = false
		}
		s.types = append(s.types, itemType{fhir: ref.Type, kind: Element})
	}
}

func describeTypes(s static) string {
	text := ""
	for i, t := range s.types {
		if i > 0 {
			text += " or "
		}
		if t.fhir != nil {
			text += t.fhir.Name
		} else {
			text += t.kind.String()
		}
	}
	return text
}

func (k *checker) checkBinary(e *binary, focus static) (static, error) {
	left, err := k.check(e.left, focus)
	if err != nil {
		return static{}, err
	}
	right, err := k.check(e.right, focus)
	if err != nil {
		return static{}, err
	}
	switch e.operator {
	case "|":
		return static{
			known: left.known && right.known, types: slices.Concat(left.types, right.types), none: left.none && right.none,
			many: left.many || right.many || !left.none && !right.none, unordered: left.unordered || right.unordered,
		}, nil
	case "&":
		return ofKind(String), nil
	case "+", "-", "*", "/", "div", "mod":
		return static{}, nil
	}
	return ofKind(Boolean), nil
}

// ordered checks an expression whose items must have an order.
func (k *checker) ordered(where at, name string, target expr, focus static) (static, error) {
	s := focus
	if target != nil {
		var err error
		if s, err = k.check(target, focus); err != nil {
			return s, err
		}
	}
	if s.unordered {
		return s, k.fail(where, "%s needs items in order, those of children() and descendants() have none", name)
	}
	return s, nil
}
