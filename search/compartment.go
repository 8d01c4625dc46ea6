package search

import (
	"slices"

	"github.com/firth-health/firth/fhir"
)

// InCompartment is the plan for being in a compartment (R4 compartmentdefinition.html): a reference to the instance under one of the parameters that the
// definition names, or being the instance itself. Errors are *fhir.OperationOutcome.
func (r *Registry) InCompartment(of fhir.Key, resourceType string) (Plan, error) {
	compartment := r.defs.Compartment(of.Type)
	if compartment == nil {
		return nil, fhir.Invalidf(fhir.CodeNotSupported, "", "%s has no compartment", of.Type)
	}
	types, err := r.indexesOf(resourceType)
	if err != nil {
		return nil, err
	}
	codes, isMember := compartment.Parameters[resourceType]
	var belongs Or
	if resourceType == of.Type {
		belongs = append(belongs, IDs{of.ID})
	}
	if !isMember && belongs == nil {
		return nil, fhir.Invalidf(fhir.CodeNotSupported, "", "%s is never in the compartment of %s", resourceType, fhir.Indefinite(of.Type))
	}
	var indexes []string // two parameters may share one
	for _, code := range codes {
		param := types.byCode[code]
		if param == nil || param.kind != reference {
			continue // {def}, which is the instance itself
		}
		for _, ix := range param.indexes {
			if !slices.Contains(indexes, ix.name) {
				indexes = append(indexes, ix.name)
				belongs = append(belongs, exactly(ReferencePrefix(ix.name, of.Type)+of.ID))
			}
		}
	}
	return anyOf(belongs), nil
}

// InAnyCompartment is the plan for being in the compartment of any instance of a type, or being such an instance. The instance need not be there. Errors are
// *fhir.OperationOutcome.
func (r *Registry) InAnyCompartment(of, resourceType string) (Plan, error) {
	if resourceType == of {
		return All{}, nil
	}
	one, err := r.InCompartment(fhir.Key{Type: of}, resourceType)
	if err != nil {
		return nil, err
	}
	alternatives, several := one.(Or)
	if !several {
		alternatives = Or{one}
	}
	any := make(Or, len(alternatives))
	for i, plan := range alternatives {
		any[i] = withPrefix(plan.(Keys).Lo)
	}
	return anyOf(any), nil
}

// CompartmentTypes lists the resource types that can be in a compartment, the type of the instance included, sorted; nil when the type has none.
func (r *Registry) CompartmentTypes(of string) []string {
	compartment := r.defs.Compartment(of)
	if compartment == nil {
		return nil
	}
	types := []string{of}
	for typ := range compartment.Parameters {
		if typ != of {
			types = append(types, typ)
		}
	}
	slices.Sort(types)
	return types
}
