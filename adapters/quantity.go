package adapters

import "github.com/firth-health/firth/adapters/expr"

// quantity appends a Quantity, digits as they are; nothing when there is no value. An unknown unit is a failure: a value with a guessed unit could kill.
func (b *builder) quantity(dst []byte, q *quantity, k *concept) ([]byte, bool, error) {
	v, err := q.value.eval(&b.scope)
	if err != nil || v.IsAbsent() {
		return dst, false, err
	}
	dst = append(dst, `{"value":`...)
	if dst, err = v.AppendDecimal(dst); err != nil {
		return dst, false, q.value.fail("map", "%v", err)
	}
	comparator, err := q.comparator.string(&b.scope)
	if err != nil {
		return dst, false, err
	}
	switch comparator {
	case "":
	case "<", "<=", ">=", ">":
		dst = append(append(append(dst, `,"comparator":"`...), comparator...), '"')
	default:
		return dst, false, q.comparator.fail("map", "%q is not a comparator", comparator)
	}
	u, err := q.unitOf(b.a, &b.scope, k)
	if err != nil {
		return dst, false, err
	}
	dst = append(append(append(dst, ','), u.json...), '}')
	return dst, true, nil
}

// unitOf finds the unit of a value: fixed in the manifest, looked up by what the payload says, or the concept's own.
func (q *quantity) unitOf(a *Adapter, s *expr.Scope, k *concept) (*unit, error) {
	u := q.fixed
	if u == nil && q.unit != nil {
		text, err := q.unit.string(s)
		if err != nil {
			return nil, staged(err, "unit")
		}
		if u = a.units[text]; u == nil {
			if u, err = q.declared(s); err != nil {
				return nil, err
			}
		}
		if u == nil && text == "" {
			return nil, q.unit.fail("unit", "the value has no unit")
		}
		if u == nil {
			return nil, q.unit.fail("unit", "the unit %q is not in the adapter's table of units", shorten(text))
		}
	}
	if u == nil && k != nil {
		u = k.unit
	}
	if u == nil {
		return nil, q.value.fail("unit", "the value has no unit")
	}
	if !k.allows(u) {
		return nil, q.value.fail("unit", "%s is not a unit of %s", u.code, k.name)
	}
	return u, nil
}

// declared is the code that the sender says is UCUM.
func (q *quantity) declared(s *expr.Scope) (*unit, error) {
	code, err := q.ucum.string(s)
	if err != nil {
		return nil, staged(err, "unit")
	}
	if code == "" {
		return nil, nil
	}
	if !isUCUMShaped(code) {
		return nil, q.ucum.fail("unit", "%q is not a UCUM code", shorten(code))
	}
	return newUnit(code, ""), nil
}

func shorten(text string) string {
	if len(text) > 40 {
		return text[:40] + "..."
	}
	return text
}

// sampledData writes SampledData: numbers separated by single blanks, E where a sample is missing.
func (b *builder) sampledData(d *sampledData, k *concept) (bool, error) {
	data, err := d.data.eval(&b.scope)
	if err != nil || data.IsAbsent() {
		return false, err
	}
	b.out = append(b.out, `{"origin":`...)
	out, present, err := b.quantity(b.out, d.origin, k)
	if err != nil {
		return false, err
	}
	if !present {
		return false, d.origin.value.fail("map", "the origin is missing")
	}
	b.out = out
	dimensions := *d
	if dimensions.dimensions == nil {
		dimensions.dimensions = &scalar{literal: expr.OfText("1"), text: "1"}
	}
	for _, member := range [...]struct {
		name     string
		s        *scalar
		required bool
	}{{"period", d.period, true}, {"factor", d.factor, false}, {"lowerLimit", d.lower, false}, {"upperLimit", d.upper, false}, {"dimensions", dimensions.dimensions, true}} {
		if err := b.number(member.name, member.s, member.required); err != nil {
			return false, err
		}
	}
	b.out = append(b.out, `,"data":"`...)
	mark := len(b.out)
	for sample := range data.Each() {
		if len(b.out) > mark {
			b.out = append(b.out, ' ')
		}
		if sample.IsAbsent() {
			b.out = append(b.out, 'E')
			continue
		}
		if b.out, err = sample.AppendDecimal(b.out); err != nil {
			return false, d.data.fail("map", "a sample is not a decimal number")
		}
	}
	if len(b.out) == mark {
		return false, nil
	}
	b.out = append(b.out, `"}`...)
	return true, nil
}

func (b *builder) number(name string, s *scalar, required bool) error {
	v, err := s.eval(&b.scope)
	if err != nil {
		return err
	}
	if v.IsAbsent() {
		if required {
			return s.fail("map", "the %s is missing", name)
		}
		return nil
	}
	b.name(name)
	if b.out, err = v.AppendDecimal(b.out); err != nil {
		return s.fail("map", "the %s is not a decimal number", name)
	}
	return nil
}
