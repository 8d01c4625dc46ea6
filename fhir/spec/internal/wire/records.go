package wire

// Core is everything that is read when the definitions are opened.
type Core struct {
	Types            []Type
	SearchParameters []SearchParameter
	Compartments     []Compartment
	Systems          []System
	Blocks           []Block
	Artifacts        []Artifact
}

func (c *Core) visit(v visitor) {
	list(v, &c.Types, (*Type).visit)
	list(v, &c.SearchParameters, (*SearchParameter).visit)
	list(v, &c.Compartments, (*Compartment).visit)
	list(v, &c.Systems, (*System).visit)
	list(v, &c.Blocks, (*Block).visit)
	list(v, &c.Artifacts, (*Artifact).visit)
}

// Type is one structure: a resource, a data type, or an abstract one.
type Type struct {
	Name, URL, Base string
	Kind            uint32 // spec.Kind
	Flags           uint32 // FlagAbstract, FlagProfile
	System, Pattern string // of primitives: the System type of the value, and the regular expression it must match
	Elements        []Element
}

func (t *Type) visit(v visitor) {
	v.str(&t.Name)
	v.str(&t.URL)
	v.str(&t.Base)
	v.num(&t.Kind)
	v.num(&t.Flags)
	v.str(&t.System)
	v.str(&t.Pattern)
	list(v, &t.Elements, (*Element).visit)
}

// Bits of Type.Flags and Element.Flags.
const (
	FlagAbstract uint32 = 1 << iota // no instances
	FlagProfile                     // a constraint on its base
	FlagChoice                      // the JSON name carries the type
	FlagSummary
	FlagModifier
	FlagAttribute // an attribute in XML
)

// Unbounded is Element.Max of an element that may repeat without limit.
const Unbounded = 1<<32 - 1

// Element is one element with the elements of its inline type.
type Element struct {
	Name, Path, Short string
	Min, Max          uint32
	Flags             uint32 // FlagChoice, FlagSummary, FlagModifier, FlagAttribute
	Strength          string // of the binding; empty when there is none
	ValueSet          string
	Content           string // path of the element whose inline type this one shares
	Types             []TypeRef
	Children          []Element
}

func (e *Element) visit(v visitor) {
	v.str(&e.Name)
	v.str(&e.Path)
	v.str(&e.Short)
	v.num(&e.Min)
	v.num(&e.Max)
	v.num(&e.Flags)
	v.str(&e.Strength)
	v.str(&e.ValueSet)
	v.str(&e.Content)
	list(v, &e.Types, (*TypeRef).visit)
	list(v, &e.Children, (*Element).visit)
}

// TypeRef is one type an element may have.
type TypeRef struct {
	Code, JSONName    string
	Targets, Profiles []string
}

func (t *TypeRef) visit(v visitor) {
	v.str(&t.Code)
	v.str(&t.JSONName)
	list(v, &t.Targets, visitString)
	list(v, &t.Profiles, visitString)
}

// SearchParameter is one search parameter.
type SearchParameter struct {
	URL, Name, Code, Type  string
	Description            string
	Expression, XPathUsage string
	Base, Target           []string
	Comparators, Modifiers []string
	Components             []Component
	Single                 uint32 // SingleOr, SingleAnd
}

// Bits of SearchParameter.Single: what the definition rules out.
const (
	SingleOr uint32 = 1 << iota
	SingleAnd
)

func (p *SearchParameter) visit(v visitor) {
	v.str(&p.URL)
	v.str(&p.Name)
	v.str(&p.Code)
	v.str(&p.Type)
	v.str(&p.Description)
	v.str(&p.Expression)
	v.str(&p.XPathUsage)
	list(v, &p.Base, visitString)
	list(v, &p.Target, visitString)
	list(v, &p.Comparators, visitString)
	list(v, &p.Modifiers, visitString)
	list(v, &p.Components, (*Component).visit)
	v.num(&p.Single)
}

// Component is one part of a composite search parameter.
type Component struct{ Definition, Expression string }

func (c *Component) visit(v visitor) {
	v.str(&c.Definition)
	v.str(&c.Expression)
}

// Compartment says which search parameters put a resource into a compartment.
type Compartment struct {
	Code, URL string
	Members   []Member
}

func (c *Compartment) visit(v visitor) {
	v.str(&c.Code)
	v.str(&c.URL)
	list(v, &c.Members, (*Member).visit)
}

// Member is one resource type of a compartment with the search parameters that link it.
type Member struct {
	Type   string
	Params []string
}

func (m *Member) visit(v visitor) {
	v.str(&m.Type)
	list(v, &m.Params, visitString)
}

// System names the one code system a value set draws from.
type System struct{ ValueSet, System string }

func (s *System) visit(v visitor) {
	v.str(&s.ValueSet)
	v.str(&s.System)
}

// Block is one compressed run of JSON resources; the blocks lie one behind the other in this order.
type Block struct{ Length, Size uint32 } // bytes compressed, bytes decompressed

func (b *Block) visit(v visitor) {
	v.num(&b.Length)
	v.num(&b.Size)
}

// Artifact is the place of one JSON resource.
type Artifact struct {
	ResourceType, URL     string
	Block, Offset, Length uint32
}

func (a *Artifact) visit(v visitor) {
	v.str(&a.ResourceType)
	v.str(&a.URL)
	v.num(&a.Block)
	v.num(&a.Offset)
	v.num(&a.Length)
}
