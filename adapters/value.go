package adapters

import (
	"github.com/firth-health/firth/fhir"
)

// valuePart is a value[x] with its reason for being absent.
type valuePart struct {
	quantity *quantity
	sampled  *sampledData
	element  memberedElement
	limits   *rangePart
	absent   *scalar
}

type rangePart struct {
	low, high *quantity
	elements  memberedElement
}

type quantity struct {
	value, unit, ucum, comparator *scalar
	fixed                         *unit
}

type sampledData struct {
	data                                     *scalar
	origin                                   *quantity
	period, factor, lower, upper, dimensions *scalar
}

func (c *compiler) value(spec *ValueSpec, pointer string) (*valuePart, error) {
	v := &valuePart{}
	var err error
	if v.absent, err = c.scalar(spec.Absent); err != nil {
		return nil, err
	}
	count := 0
	if spec.Quantity != nil {
		count++
		if v.quantity, err = c.quantity(spec.Quantity, pointer+"/quantity"); err != nil {
			return nil, err
		}
	}
	if spec.SampledData != nil {
		count++
		if v.sampled, err = c.sampledData(spec.SampledData, pointer+"/sampledData"); err != nil {
			return nil, err
		}
	}
	if !spec.Value.IsZero() {
		count++
		if v.element, err = c.elements(&spec.Value); err != nil {
			return nil, err
		}
	}
	if spec.Range != nil {
		if v.limits, err = c.limits(spec, pointer); err != nil {
			return nil, err
		}
	}
	switch {
	case count > 1:
		return nil, c.src.fail(c.node(pointer), "only one of quantity, sampledData and value can be the value")
	case count == 0 && v.absent == nil:
		return nil, nil
	}
	return v, nil
}

// limits compiles a reference range; its ends have the unit of the quantity.
func (c *compiler) limits(spec *ValueSpec, pointer string) (*rangePart, error) {
	if spec.Quantity == nil {
		return nil, c.src.fail(c.node(pointer+"/range"), "a range needs a quantity, whose unit it has")
	}
	out := &rangePart{}
	var err error
	for _, end := range []struct {
		name  string
		value Scalar
		to    **quantity
	}{{"low", spec.Range.Low, &out.low}, {"high", spec.Range.High, &out.high}} {
		if end.value.isZero() {
			continue
		}
		q := *spec.Quantity
		q.Value, q.Comparator = end.value, Scalar{}
		if *end.to, err = c.quantity(&q, pointer+"/range/"+end.name); err != nil {
			return nil, err
		}
	}
	out.elements, err = c.elements(&spec.Range.Elements)
	return out, err
}

func (c *compiler) quantity(spec *QuantitySpec, pointer string) (*quantity, error) {
	q := &quantity{}
	if err := c.scalars(spec.Value, &q.value, spec.Unit, &q.unit, spec.UCUM, &q.ucum, spec.Comparator, &q.comparator); err != nil {
		return nil, err
	}
	if q.value.expr == nil {
		if _, err := fhir.ParseDecimal(q.value.text); err != nil {
			return nil, c.src.fail(c.node(pointer+"/value"), "%v", err)
		}
	}
	if q.unit != nil && q.unit.expr == nil {
		fixed, err := c.knownUnit(q.unit.text, c.node(pointer+"/unit"))
		if err != nil {
			return nil, err
		}
		q.fixed = fixed
	}
	return q, nil
}

func (c *compiler) sampledData(spec *SampledSpec, pointer string) (*sampledData, error) {
	d := &sampledData{}
	err := c.scalars(spec.Data, &d.data, spec.Period, &d.period, spec.Factor, &d.factor, spec.LowerLimit, &d.lower, spec.UpperLimit, &d.upper, spec.Dimensions, &d.dimensions)
	if err != nil {
		return nil, err
	}
	d.origin, err = c.quantity(&spec.Origin, pointer+"/origin")
	return d, err
}
