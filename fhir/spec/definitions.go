package spec

import (
	"slices"
	"strings"
)

// Version is the version of FHIR that [R4] holds.
const Version = "4.0.1"

// Definitions is one version of the specification. It never changes; slices it returns are shared and must not be changed.
type Definitions struct {
	types     map[string]*Type
	resources []string
	dataTypes []string

	parameters       []*SearchParameter
	parametersByType map[string][]*SearchParameter
	parametersByURL  map[string]*SearchParameter
	compartments     map[string]*Compartment
	systems          map[string]string // value set -> code system

	artifacts *archive
}

// ResourceTypes returns the names of the concrete resource types, sorted.
func (d *Definitions) ResourceTypes() []string { return d.resources }

// DataTypes returns the names of the data types, sorted: primitives, complex types, the abstract Element and BackboneElement,
// and the two profiles that the specification counts among them, MoneyQuantity and SimpleQuantity.
func (d *Definitions) DataTypes() []string { return d.dataTypes }

// IsResource reports whether name is a concrete resource type.
func (d *Definitions) IsResource(name string) bool {
	t := d.types[name]
	return t != nil && t.Kind == Resource && !t.Abstract
}

// Type returns the named type, abstract ones included; nil when there is none.
func (d *Definitions) Type(name string) *Type { return d.types[name] }

// IsSubtype reports whether name is base or specialises it. Unknown types are subtypes of nothing.
func (d *Definitions) IsSubtype(name, base string) bool { return d.types[name].Is(base) }

// SearchParameters returns the parameters of a concrete resource type, those of Resource and DomainResource included as far
// as it inherits them, sorted by code; nil for an unknown type.
func (d *Definitions) SearchParameters(resourceType string) []*SearchParameter {
	return d.parametersByType[resourceType]
}

// AllSearchParameters returns every search parameter, sorted by URL.
func (d *Definitions) AllSearchParameters() []*SearchParameter { return d.parameters }

// SearchParameter returns the parameter with the given URL; nil when there is none.
func (d *Definitions) SearchParameter(url string) *SearchParameter {
	return d.parametersByURL[withoutVersion(url)]
}

// CodeSystemOf returns the code system that all codes of a value set are from. It is the system that a code element bound to
// the value set leaves unsaid. ok is false for unknown value sets and for those that draw from several systems.
func (d *Definitions) CodeSystemOf(valueSetURL string) (system string, ok bool) {
	system, ok = d.systems[withoutVersion(valueSetURL)]
	return system, ok
}

// Compartment says which resources belong to one instance of a type: those that refer to it by one of the parameters
// (R4 compartmentdefinition.html).
type Compartment struct {
	Code string // the type: "Patient"
	URL  string
	// Parameters holds the codes of the search parameters by resource type. "{def}" stands for the instance itself.
	// Types that are never in the compartment are not in the map.
	Parameters map[string][]string
}

// Compartment returns the compartment of a type: Patient, Encounter, RelatedPerson, Practitioner or Device; nil for others.
func (d *Definitions) Compartment(code string) *Compartment { return d.compartments[code] }

// Compartments returns the codes of the compartments, sorted.
func (d *Definitions) Compartments() []string {
	codes := make([]string, 0, len(d.compartments))
	for code := range d.compartments {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// withoutVersion cuts the |version off a canonical URL.
func withoutVersion(canonical string) string {
	url, _, _ := strings.Cut(canonical, "|")
	return url
}
