package adapters

// body writes the value and the components. Something must have a value, or a reason to have none.
func (b *builder) body(m *mapping, k *concept) error {
	said, reasoned, err := b.value(m.value, k)
	if err != nil {
		return err
	}
	said = said || reasoned
	mark := len(b.out)
	b.name("component")
	b.out = append(b.out, '[')
	first := len(b.out)
	for _, part := range m.components {
		present, err := b.component(part, len(b.out) > first)
		if err != nil {
			return err
		}
		said = said || present
	}
	if len(b.out) == first {
		b.out = b.out[:mark]
	} else {
		b.out = append(b.out, ']')
	}
	if !said && len(m.hasMember) == 0 {
		return &failure{stage: "map", reason: "the reading has no value"}
	}
	return nil
}

// component writes one component; nothing when it has neither a value nor a reason to have none.
func (b *builder) component(part *componentPart, behind bool) (bool, error) {
	mark := len(b.out)
	if behind {
		b.out = append(b.out, ',')
	}
	k, applies, err := part.concept.find(&b.scope)
	if err != nil {
		return false, err
	}
	if !applies {
		return false, &failure{stage: "map", reason: "the code of a component is not in its table"}
	}
	var code *codeable
	if k != nil {
		code = k.code
	}
	b.out = append(b.out, `{"code":`...)
	out, present, err := appendCodeable(b.out, &b.scope, part.code, code)
	if err != nil {
		return false, err
	}
	if !present {
		return false, &failure{stage: "map", reason: "a component has no code"}
	}
	b.out = out
	said, reasoned, err := b.value(part.value, k)
	if err != nil {
		return false, err
	}
	if part.value != nil && !said && !reasoned {
		b.out = b.out[:mark]
		return false, nil
	}
	if part.elements != nil {
		if b.out, _, err = part.elements.appendMembers(b.out, &b.scope); err != nil {
			return false, err
		}
	}
	b.out = append(b.out, '}')
	return said, nil
}

// value writes value[x], or dataAbsentReason when there is none and the manifest says why.
func (b *builder) value(v *valuePart, k *concept) (said, reasoned bool, err error) {
	if v == nil {
		return false, false, nil
	}
	mark := len(b.out)
	switch {
	case v.quantity != nil:
		b.name("valueQuantity")
		b.out, said, err = b.quantity(b.out, v.quantity, k)
	case v.sampled != nil:
		b.name("valueSampledData")
		said, err = b.sampledData(v.sampled, k)
	case v.element != nil:
		b.out, said, err = v.element.appendMembers(b.out, &b.scope)
	}
	if err == nil && said && v.limits != nil {
		err = b.referenceRange(v.limits, k)
	}
	if err != nil || said {
		return said, false, err
	}
	b.out = b.out[:mark]
	reason, err := v.absent.string(&b.scope)
	if err != nil || reason == "" {
		return false, false, err
	}
	b.name("dataAbsentReason")
	b.out = append(append(append(b.out, `{"coding":[`...), newCoding(absentSystem, reason, "").json...), `]}`...)
	return false, true, nil
}

func (b *builder) referenceRange(limits *rangePart, k *concept) error {
	mark := len(b.out)
	b.name("referenceRange")
	b.out = append(b.out, `[{`...)
	empty := len(b.out)
	for _, end := range [...]struct {
		name string
		q    *quantity
	}{{"low", limits.low}, {"high", limits.high}} {
		if end.q == nil {
			continue
		}
		before := len(b.out)
		if before > empty {
			b.out = append(b.out, ',')
		}
		b.out = append(append(append(b.out, '"'), end.name...), `":`...)
		out, present, err := b.quantity(b.out, end.q, k)
		if err != nil {
			return err
		}
		if b.out = out; !present {
			b.out = b.out[:before]
		}
	}
	if limits.elements != nil {
		var err error
		if b.out, _, err = limits.elements.appendMembers(b.out, &b.scope); err != nil {
			return err
		}
	}
	if len(b.out) == empty {
		b.out = b.out[:mark]
		return nil
	}
	b.out = append(b.out, `}]`...)
	return nil
}
