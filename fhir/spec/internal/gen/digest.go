package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

const structureURL = "http://hl7.org/fhir/StructureDefinition/"

// structureDefinition is what is digested of a StructureDefinition.
type structureDefinition struct {
	URL, Name, Kind, Derivation, BaseDefinition string
	Abstract                                    bool
	Snapshot                                    struct{ Element []elementDefinition }
}

type elementDefinition struct {
	ID, Path, Short, Max, ContentReference string
	Min                                    uint32
	IsSummary, IsModifier                  bool
	Representation                         []string
	Binding                                struct{ Strength, ValueSet string }
	Type                                   []elementType
}

type elementType struct {
	Code                   string
	TargetProfile, Profile []string
	Extension              []struct{ URL, ValueURL, ValueString string }
}

func (t *elementType) extension(name string) string {
	for _, e := range t.Extension {
		if e.URL == structureURL+name {
			return e.ValueURL + e.ValueString
		}
	}
	return ""
}

// kinds gives spec.Kind for StructureDefinition.kind.
var kinds = map[string]uint32{"resource": 1, "complex-type": 2, "primitive-type": 3}

// digestType turns the definition of a type into a record. ok is false for other structures: profiles of resources, extensions,
// logical models. The profiles of Quantity in profiles-types.json count as types, as the specification lists them as such.
func digestType(r *object) (t wire.Type, ok bool, err error) {
	id := r.text("id")
	if !isType(r) && id != "SimpleQuantity" && id != "MoneyQuantity" {
		return t, false, nil
	}
	var sd structureDefinition
	if err := json.Unmarshal(r.bytes(), &sd); err != nil {
		return t, false, fmt.Errorf("StructureDefinition/%s: %w", id, err)
	}
	t = wire.Type{Name: sd.Name, URL: sd.URL, Kind: kinds[sd.Kind], Base: strings.TrimPrefix(sd.BaseDefinition, structureURL)}
	if t.Kind == 0 {
		return t, false, fmt.Errorf("StructureDefinition/%s: kind %q", id, sd.Kind)
	}
	if sd.Abstract {
		t.Flags |= wire.FlagAbstract
	}
	if sd.Derivation == "constraint" {
		t.Flags |= wire.FlagProfile
	}
	d := digester{t: &t, rest: sd.Snapshot.Element[1:]}
	t.Elements, err = d.children(sd.Snapshot.Element[0].Path)
	return t, true, err
}

// digester reads the flat list of elements, in which the elements of an inline type follow the element that has it.
type digester struct {
	t    *wire.Type
	rest []elementDefinition
}

func (d *digester) children(parent string) ([]wire.Element, error) {
	var list []wire.Element
	for len(d.rest) > 0 && strings.HasPrefix(d.rest[0].Path, parent+".") {
		r := d.rest[0]
		d.rest = d.rest[1:]
		e, err := d.element(&r, strings.TrimPrefix(r.Path, parent+"."))
		if err != nil {
			return nil, err
		}
		if e.Children, err = d.children(r.Path); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (d *digester) element(r *elementDefinition, name string) (wire.Element, error) {
	e := wire.Element{
		Path: r.Path, Short: r.Short, Min: r.Min, Max: wire.Unbounded,
		Strength: r.Binding.Strength, ValueSet: r.Binding.ValueSet,
		Content: strings.TrimPrefix(r.ContentReference, "#"),
	}
	if strings.Contains(name, ".") || strings.Contains(r.ID, ":") {
		return e, fmt.Errorf("%s: an element without its parent, or a slice, in the definition of a type", r.ID)
	}
	if r.Max != "*" {
		n, err := strconv.ParseUint(r.Max, 10, 31)
		if err != nil {
			return e, fmt.Errorf("%s: max: %w", r.ID, err)
		}
		e.Max = uint32(n)
	}
	name, choice := strings.CutSuffix(name, "[x]")
	e.Name = name
	e.Flags = flags(r, choice)
	if e.Content != "" {
		e.Types = []wire.TypeRef{{Code: "BackboneElement", JSONName: name}}
		return e, nil
	}
	for i := range r.Type {
		ref := d.typeRef(&r.Type[i], r, name)
		if choice {
			ref.JSONName = name + strings.ToUpper(ref.Code[:1]) + ref.Code[1:]
		}
		e.Types = append(e.Types, ref)
	}
	if len(e.Types) == 0 || len(e.Types) > 1 && !choice {
		return e, fmt.Errorf("%s: %d types", r.ID, len(e.Types))
	}
	return e, nil
}

func flags(r *elementDefinition, choice bool) uint32 {
	var f uint32
	for _, bit := range []struct {
		flag uint32
		set  bool
	}{
		{wire.FlagChoice, choice},
		{wire.FlagSummary, r.IsSummary},
		{wire.FlagModifier, r.IsModifier},
		{wire.FlagAttribute, len(r.Representation) == 1 && r.Representation[0] == "xmlAttr"},
	} {
		if bit.set {
			f |= bit.flag
		}
	}
	return f
}

const systemURL = "http://hl7.org/fhirpath/System."

func (d *digester) typeRef(t *elementType, r *elementDefinition, name string) wire.TypeRef {
	return wire.TypeRef{
		Code: d.typeCode(t, r, name), JSONName: name,
		Targets: trimAll(t.TargetProfile, structureURL), Profiles: t.Profile,
	}
}

// typeCode returns the FHIR type. R4 gives ids and URLs a System type and names the FHIR type in an extension. It says string
// for the id of resources, where the specification's pages (resource.html) and its later versions say id; id is right.
func (d *digester) typeCode(t *elementType, r *elementDefinition, name string) string {
	system, ok := strings.CutPrefix(t.Code, systemURL)
	switch {
	case !ok:
		return t.Code
	case d.t.Kind == kinds["primitive-type"] && name == "value":
		d.t.System, d.t.Pattern = system, t.extension("regex")
		return "System." + system
	case d.t.Kind == kinds["resource"] && r.Path == d.t.Name+".id":
		return "id"
	}
	if code := t.extension("structuredefinition-fhir-type"); code != "" {
		return code
	}
	return "string" // xhtml.id, which alone has no extension
}

func trimAll(list []string, prefix string) []string {
	var trimmed []string
	for _, s := range list {
		trimmed = append(trimmed, strings.TrimPrefix(s, prefix))
	}
	return trimmed
}
