package adapters

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firth-health/firth/adapters/expr"
)

// mapping is a compiled [MappingSpec].
type mapping struct {
	name        string
	selector    *expr.Selector
	names       []string
	vars        []*expr.Expr
	when        *scalar
	concept     *conceptRef
	code        *codeable
	category    []byte
	profiles    []string
	status      *scalar
	time        *timing
	key         []*scalar
	revision    *scalar
	patient     *identity
	device      *identity
	value       *valuePart
	components  []*componentPart
	consumes    []*scalar
	group       *scalar
	derivedFrom []string
	hasMember   []string
	elements    []memberedElement
	linked      bool // another mapping refers to this one

	elementNames []string
}

type componentPart struct {
	concept  *conceptRef
	code     *codeable
	value    *valuePart
	elements memberedElement
}

func (c *compiler) compileMappings() error {
	seen := map[string]*mapping{}
	for i := range c.m.Mappings {
		spec := &c.m.Mappings[i]
		pointer := fmt.Sprintf("/mappings/%d", i)
		if seen[spec.Name] != nil {
			return c.src.fail(c.node(pointer+"/name"), "there are two mappings %q", spec.Name)
		}
		m, err := c.mapping(spec, pointer)
		if err != nil {
			return err
		}
		for _, name := range append(append([]string(nil), spec.DerivedFrom...), spec.HasMember...) {
			if seen[name] == nil {
				return c.src.fail(c.node(pointer), "there is no mapping %q before this one", name)
			}
			seen[name].linked = true
		}
		seen[spec.Name] = m
		c.out.mappings = append(c.out.mappings, m)
	}
	return nil
}

func (c *compiler) mapping(spec *MappingSpec, pointer string) (*mapping, error) {
	m := &mapping{name: spec.Name, category: categoryJSON(spec.Category), profiles: spec.Profile, derivedFrom: spec.DerivedFrom, hasMember: spec.HasMember}
	var err error
	if m.selector, err = c.selector(spec.Select, pointer+"/select"); err != nil {
		return nil, err
	}
	if err := c.vars(m, &spec.Vars); err != nil {
		return nil, err
	}
	defer func() { c.names = nil }()
	if spec.When != nil {
		if m.when, err = c.boolean(spec.When.Scalar); err != nil {
			return nil, err
		}
	}
	if spec.Group != nil {
		if m.group, err = c.scalar(spec.Group.Scalar); err != nil {
			return nil, err
		}
	}
	for _, path := range spec.Consumes {
		compiled, err := c.scalar(path.Scalar)
		if err != nil {
			return nil, err
		}
		m.consumes = append(m.consumes, compiled)
	}
	if m.status, err = c.scalar(spec.Status); err != nil {
		return nil, err
	}
	if err := c.shared(m, spec, pointer); err != nil {
		return nil, err
	}
	return m, c.content(m, spec, pointer)
}

// vars declares all names before any is compiled, so that they may use each other.
func (c *compiler) vars(m *mapping, own *yaml.Node) error {
	var scalars []Scalar
	for _, n := range []*yaml.Node{own, &c.m.Vars} {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if slices.Contains(m.names, n.Content[i].Value) {
				continue
			}
			var s Scalar
			if err := s.UnmarshalYAML(n.Content[i+1]); err != nil || !s.Expression {
				return c.src.fail(n.Content[i+1], "vars are expressions and begin with =")
			}
			m.names, scalars = append(m.names, n.Content[i].Value), append(scalars, s)
		}
	}
	c.names = m.names
	for _, s := range scalars {
		compiled, err := c.scalar(s)
		if err != nil {
			return err
		}
		m.vars = append(m.vars, compiled.expr)
	}
	return nil
}

// shared compiles what a mapping has of its own or from the top of the manifest: identities, time, key.
func (c *compiler) shared(m *mapping, spec *MappingSpec, pointer string) error {
	var err error
	if m.patient, err = c.identity("Patient", c.m.Identity.Patient); err != nil {
		return err
	}
	if m.device, err = c.identity("Device", c.m.Identity.Device); err != nil {
		return err
	}
	timeSpec, timePointer := spec.Time, pointer+"/time"
	if timeSpec == nil {
		timeSpec, timePointer = c.m.Time, "/time"
	}
	if m.time, err = c.time(timeSpec, timePointer); err != nil {
		return err
	}
	key, keyPointer := spec.Key, pointer+"/key"
	if key == nil {
		key, keyPointer = c.m.Key, "/key"
	}
	if m.revision, err = c.scalar(c.m.Revision); err != nil {
		return err
	}
	hasPatient := false
	for _, s := range key {
		compiled, err := c.scalar(s)
		if err != nil {
			return err
		}
		hasPatient = hasPatient || s.Expression && s.Text == "patient"
		m.key = append(m.key, compiled)
	}
	if !hasPatient {
		return c.src.fail(c.node(keyPointer), "the key must have =patient, so that two patients' readings can never be one")
	}
	return nil
}

func (c *compiler) content(m *mapping, spec *MappingSpec, pointer string) error {
	var err error
	if m.concept, err = c.conceptRef(spec.Concept, pointer+"/concept"); err != nil {
		return err
	}
	if m.code, err = c.codeable(&spec.Code); err != nil {
		return err
	}
	if m.concept == nil && m.code == nil {
		return c.src.fail(c.node(pointer), "a mapping needs a concept or a code")
	}
	if m.value, err = c.value(&spec.ValueSpec, pointer); err != nil {
		return err
	}
	for _, n := range []*yaml.Node{&c.m.Elements, &spec.Elements} {
		if err := c.observationElements(m, n); err != nil {
			return err
		}
	}
	for i := range spec.Components {
		s, at := &spec.Components[i], fmt.Sprintf("%s/components/%d", pointer, i)
		part := &componentPart{}
		if part.concept, err = c.conceptRef(s.Concept, at+"/concept"); err != nil {
			return err
		}
		if part.code, err = c.codeable(&s.Code); err != nil {
			return err
		}
		if part.concept == nil && part.code == nil {
			return c.src.fail(c.node(at), "a component needs a concept or a code")
		}
		if part.value, err = c.value(&s.ValueSpec, at); err != nil {
			return err
		}
		if part.elements, err = c.elements(&s.Elements); err != nil {
			return err
		}
		m.components = append(m.components, part)
	}
	if m.value == nil && len(m.components) == 0 && len(m.hasMember) == 0 {
		return c.src.fail(c.node(pointer), "a mapping needs a value, components or members")
	}
	return nil
}

// engineElements are the members of an Observation that a manifest says in other ways.
func engineElements() []string {
	return []string{"resourceType", "id", "meta", "identifier", "status", "category", "code", "subject", "effectiveDateTime", "effectivePeriod", "device",
		"component", "dataAbsentReason", "derivedFrom", "hasMember"}
}

func (c *compiler) observationElements(m *mapping, n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if slices.Contains(m.elementNames, name.Value) || slices.Contains(engineElements(), name.Value) || strings.HasPrefix(name.Value, "value") ||
			name.Value == "referenceRange" && m.value != nil && m.value.limits != nil {
			return c.src.fail(name, "%s is said elsewhere in the mapping", name.Value)
		}
		m.elementNames = append(m.elementNames, name.Value)
	}
	compiled, err := c.elements(n)
	if err == nil && compiled != nil {
		m.elements = append(m.elements, compiled)
	}
	return err
}

func (c *compiler) elements(n *yaml.Node) (memberedElement, error) {
	if n.IsZero() {
		return nil, nil
	}
	o, err := c.object(n)
	if err != nil {
		return nil, err
	}
	return membersOf(o), nil
}
