package adapters

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Manifest is an adapter as its author wrote it. manifest.schema.json is the reference of its members; the comments here say what the engine does with them.
type Manifest struct {
	APIVersion  string            `yaml:"apiVersion"` // adapter/v1
	ID          string            `yaml:"id"`
	Version     string            `yaml:"version"` // semver; goes into meta.tag of every resource
	Title       string            `yaml:"title"`
	Vendor      string            `yaml:"vendor"`
	Description string            `yaml:"description"`
	Format      string            `yaml:"format"`  // json, hl7v2 or pcd
	Context     map[string]string `yaml:"context"` // names of ctx and what they mean
	Payload     yaml.Node         `yaml:"payload"` // JSON Schema 2020-12 of the payload; optional
	Limits      Limits            `yaml:"limits"`

	Identity struct {
		Patient *IdentitySpec `yaml:"patient"`
		Device  *IdentitySpec `yaml:"device"`
	} `yaml:"identity"`
	Time *TimeSpec `yaml:"time"`
	Key  []Scalar  `yaml:"key"`

	// Revision orders what is said under one key: a number that grows with each correction, such as the time of the last change. With it, late old news does not replace
	// newer; without it the last to arrive stands.
	Revision Scalar `yaml:"revision"`

	Tables   map[string]map[string]string `yaml:"tables"`
	Units    map[string]UnitSpec          `yaml:"units"`
	Concepts map[string]ConceptSpec       `yaml:"concepts"`

	Vars     yaml.Node     `yaml:"vars"`     // names for all mappings; a mapping's own go before
	Elements yaml.Node     `yaml:"elements"` // further elements of every Observation
	Items    []ItemSpec    `yaml:"items"`
	Rules    []RuleSpec    `yaml:"rules"`
	Mappings []MappingSpec `yaml:"mappings"`
}

// Limits bound one payload. Zero means the default.
type Limits struct {
	Bytes int `yaml:"bytes"` // 4 MiB
	Items int `yaml:"items"` // 20,000 places visited by one selector
}

// Scalar is a literal, or with a leading = an expression. It remembers where it stands.
type Scalar struct {
	Text       string
	Expression bool
	Line, Col  int
	block      bool // written with | or >: Col is without the indentation
}

// UnmarshalYAML takes any scalar; the schema has already refused everything else.
func (s *Scalar) UnmarshalYAML(n *yaml.Node) error {
	s.Text, s.Line, s.Col = n.Value, n.Line, n.Column
	if rest, ok := strings.CutPrefix(n.Value, "="); ok && n.Tag == "!!str" {
		s.Text, s.Expression = rest, true
		s.Col++
	}
	switch n.Style {
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		s.Col++
	case yaml.LiteralStyle, yaml.FoldedStyle:
		s.Line, s.Col, s.block = n.Line+1, 1+len(n.Value)-len(s.Text), true
	}
	return nil
}

func (s Scalar) isZero() bool { return s.Line == 0 }

// Path is a scalar that is an expression whether or not it begins with =.
type Path struct{ Scalar }

// UnmarshalYAML marks the scalar as an expression.
func (p *Path) UnmarshalYAML(n *yaml.Node) error {
	if err := p.Scalar.UnmarshalYAML(n); err != nil {
		return err
	}
	p.Expression = true
	return nil
}

// List is a sequence, or one element of it alone.
type List[T any] []T

// UnmarshalYAML takes both forms.
func (l *List[T]) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]T)(l))
	}
	var one T
	if err := n.Decode(&one); err != nil {
		return err
	}
	*l = List[T]{one}
	return nil
}

// IdentitySpec says which Patient or Device an item belongs to: the one that carries the identifier.
type IdentitySpec struct {
	System      Scalar    `yaml:"system"`
	Value       Scalar    `yaml:"value"`
	Default     Scalar    `yaml:"default"`     // value to use, with a warning, when there is none
	OnMissing   string    `yaml:"onMissing"`   // create (default) or quarantine, when no resource carries the identifier
	Identifiers yaml.Node `yaml:"identifiers"` // further identifiers of a created resource
	Elements    yaml.Node `yaml:"elements"`    // further elements of a created resource
}

// TimeSpec says when the reading was taken.
type TimeSpec struct {
	Value     Scalar `yaml:"value"`
	End       Scalar `yaml:"end"`       // makes it a period
	Zone      Scalar `yaml:"zone"`      // for times without offset; without it they are quarantined
	MaxFuture string `yaml:"maxFuture"` // a Go duration; a reading further ahead of the clock is quarantined
}

// UnitSpec is what a vendor's unit means: a UCUM code and how to print it.
type UnitSpec struct {
	Code string `yaml:"code"`
	Unit string `yaml:"unit"` // defaults to the code
}

// UnmarshalYAML takes the code alone, too.
func (u *UnitSpec) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		u.Code = n.Value
		return nil
	}
	type plain UnitSpec
	return n.Decode((*plain)(u))
}

// ConceptSpec is a kind of measurement, named once and used by mappings, components and tables.
type ConceptSpec struct {
	Code     yaml.Node    `yaml:"code"`
	Category List[string] `yaml:"category"` // codes of observation-category
	Profile  List[string] `yaml:"profile"`
	Unit     string       `yaml:"unit"`  // of values that come without one
	Units    List[string] `yaml:"units"` // UCUM codes a value may have; empty: any
}

// ItemSpec declares what must be accounted for.
type ItemSpec struct {
	Select string `yaml:"select"`
	What   Scalar `yaml:"what"` // how a report describes an unmapped item; must not hold patient data
}

// RuleSpec sets items aside before anything is mapped.
type RuleSpec struct {
	Name       string `yaml:"name"`
	Select     string `yaml:"select"`
	When       Path   `yaml:"when"`
	Ignore     string `yaml:"ignore"`     // reason
	Quarantine string `yaml:"quarantine"` // reason
	Line       int    `yaml:"-"`
}

// ConceptRef names a concept, or the table that gives its name.
type ConceptRef struct {
	Name     Scalar
	Table    string
	Key      Scalar
	Optional bool // map even when the table has no such row
}

// UnmarshalYAML takes a name or {table, key, optional}.
func (c *ConceptRef) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return c.Name.UnmarshalYAML(n)
	}
	var form struct {
		Table    string `yaml:"table"`
		Key      Scalar `yaml:"key"`
		Optional bool   `yaml:"optional"`
	}
	if err := n.Decode(&form); err != nil {
		return err
	}
	c.Table, c.Key, c.Optional = form.Table, form.Key, form.Optional
	return nil
}

// ValueSpec is what an Observation or a component says: at most one of the three.
type ValueSpec struct {
	Quantity    *QuantitySpec `yaml:"quantity"`
	SampledData *SampledSpec  `yaml:"sampledData"`
	Value       yaml.Node     `yaml:"value"`  // element template of one value[x] member
	Range       *RangeSpec    `yaml:"range"`  // referenceRange of a quantity
	Absent      Scalar        `yaml:"absent"` // dataAbsentReason code for when there is no value; without it such an item is quarantined
}

// QuantitySpec is an exact number with a unit. The unit is a literal UCUM code or a vendor's unit looked up in "units"; an unknown one is quarantined.
type QuantitySpec struct {
	Value      Scalar `yaml:"value"`
	Unit       Scalar `yaml:"unit"`
	UCUM       Scalar `yaml:"ucum"` // a code the sender itself declares to be UCUM, for when the table has no row
	Comparator Scalar `yaml:"comparator"`
}

// RangeSpec is one Observation.referenceRange in the unit of the quantity.
type RangeSpec struct {
	Low      Scalar    `yaml:"low"`
	High     Scalar    `yaml:"high"`
	Elements yaml.Node `yaml:"elements"` // type, text
}

// SampledSpec is a series at a fixed rate (R4 datatypes.html#SampledData).
type SampledSpec struct {
	Data       Scalar       `yaml:"data"`
	Origin     QuantitySpec `yaml:"origin"`
	Period     Scalar       `yaml:"period"` // milliseconds between samples
	Factor     Scalar       `yaml:"factor"`
	LowerLimit Scalar       `yaml:"lowerLimit"`
	UpperLimit Scalar       `yaml:"upperLimit"`
	Dimensions Scalar       `yaml:"dimensions"`
}

// ComponentSpec is one Observation.component.
type ComponentSpec struct {
	Concept   *ConceptRef `yaml:"concept"`
	Code      yaml.Node   `yaml:"code"`
	ValueSpec `yaml:",inline"`
	Elements  yaml.Node `yaml:"elements"`
}

// MappingSpec turns each selected place into one Observation.
type MappingSpec struct {
	Name        string       `yaml:"name"`
	Select      string       `yaml:"select"`
	Vars        yaml.Node    `yaml:"vars"` // names in order
	When        *Path        `yaml:"when"`
	Concept     *ConceptRef  `yaml:"concept"`
	Code        yaml.Node    `yaml:"code"`
	Category    List[string] `yaml:"category"`
	Profile     List[string] `yaml:"profile"`
	Status      Scalar       `yaml:"status"` // default final
	Time        *TimeSpec    `yaml:"time"`
	Key         []Scalar     `yaml:"key"`
	ValueSpec   `yaml:",inline"`
	Components  []ComponentSpec `yaml:"components"`
	Consumes    List[Path]      `yaml:"consumes"` // items that this mapping accounts for; default item
	Group       *Path           `yaml:"group"`    // what readings have in common that belong together; default parent
	DerivedFrom List[string]    `yaml:"derivedFrom"`
	HasMember   List[string]    `yaml:"hasMember"`
	Elements    yaml.Node       `yaml:"elements"`
}
