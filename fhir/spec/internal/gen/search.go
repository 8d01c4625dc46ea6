package main

import (
	"encoding/json"
	"fmt"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

// searchParameter is what is digested of a SearchParameter.
type searchParameter struct {
	URL, Name, Code, Type, Description, Expression, XPathUsage string
	Base, Target, Comparator, Modifier                         []string
	Component                                                  []struct{ Definition, Expression string }
	MultipleOr, MultipleAnd                                    *bool
}

func digestSearchParameter(r *object) (wire.SearchParameter, error) {
	var p searchParameter
	if err := json.Unmarshal(r.bytes(), &p); err != nil {
		return wire.SearchParameter{}, fmt.Errorf("SearchParameter/%s: %w", r.text("id"), err)
	}
	record := wire.SearchParameter{
		URL: p.URL, Name: p.Name, Code: p.Code, Type: p.Type,
		Description: p.Description, Expression: p.Expression, XPathUsage: p.XPathUsage,
		Base: p.Base, Target: p.Target, Comparators: p.Comparator, Modifiers: p.Modifier,
	}
	for _, c := range p.Component {
		record.Components = append(record.Components, wire.Component(c))
	}
	if p.MultipleOr != nil && !*p.MultipleOr {
		record.Single |= wire.SingleOr
	}
	if p.MultipleAnd != nil && !*p.MultipleAnd {
		record.Single |= wire.SingleAnd
	}
	return record, nil
}

func digestCompartment(r *object) (wire.Compartment, error) {
	var c struct {
		URL, Code string
		Resource  []struct {
			Code  string
			Param []string
		}
	}
	if err := json.Unmarshal(r.bytes(), &c); err != nil {
		return wire.Compartment{}, fmt.Errorf("CompartmentDefinition/%s: %w", r.text("id"), err)
	}
	record := wire.Compartment{Code: c.Code, URL: c.URL}
	for _, m := range c.Resource {
		if len(m.Param) > 0 {
			record.Members = append(record.Members, wire.Member{Type: m.Code, Params: m.Param})
		}
	}
	return record, nil
}
