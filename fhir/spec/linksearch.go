package spec

import (
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

func (d *Definitions) linkSearchParameters(records []wire.SearchParameter) {
	d.parameters = make([]*SearchParameter, len(records))
	d.parametersByURL = make(map[string]*SearchParameter, len(records))
	byBase := map[string][]*SearchParameter{}
	for i := range records {
		p := newSearchParameter(&records[i])
		d.parameters[i] = p
		d.parametersByURL[p.URL] = p
		for _, base := range p.Base {
			byBase[base] = append(byBase[base], p)
		}
	}
	d.parametersByType = make(map[string][]*SearchParameter, len(d.resources))
	for _, name := range d.resources {
		var own []*SearchParameter
		for t := d.types[name]; t != nil; t = t.base {
			own = append(own, byBase[t.Name]...)
		}
		slices.SortFunc(own, func(a, b *SearchParameter) int {
			if c := strings.Compare(a.Code, b.Code); c != 0 {
				return c
			}
			return strings.Compare(a.URL, b.URL)
		})
		d.parametersByType[name] = slices.Clip(own)
	}
}

func newSearchParameter(r *wire.SearchParameter) *SearchParameter {
	p := &SearchParameter{
		URL: r.URL, Name: r.Name, Code: r.Code, Type: r.Type,
		Description: r.Description, Expression: r.Expression, XPathUsage: r.XPathUsage,
		Base: r.Base, Target: r.Target,
		Comparators: r.Comparators, Modifiers: r.Modifiers,
		MultipleOr:  r.Single&wire.SingleOr == 0,
		MultipleAnd: r.Single&wire.SingleAnd == 0,
	}
	for _, c := range r.Components {
		p.Components = append(p.Components, Component(c))
	}
	return p
}
