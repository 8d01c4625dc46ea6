package adapters

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/firth-health/firth/adapters/expr"
)

// Adapter is a manifest ready to run. It is immutable and safe for concurrent use.
type Adapter struct {
	manifest *Manifest
	decode   func([]byte) ([]document, error)
	payload  *jsonschema.Schema
	items    []accounted
	rules    []*rule
	mappings []*mapping
	concepts map[string]*concept
	units    map[string]*unit
	tag      []byte // the meta.tag member
	system   string // of Observation.identifier
	maxItems int
	maxBytes int
	slots    int // number of identities, each with a place in a run's cache
}

// TagSystem is the system of the meta.tag that every resource an adapter writes carries; the code is the adapter's id, the version its version.
const TagSystem = "urn:firth:adapter"

// RevisionSystem is the system of the meta.tag that holds a reading's revision, where the manifest has one.
const RevisionSystem = "urn:firth:adapter:revision"

// Load compiles a manifest. File names it in errors, which are *[LoadError]: the first fault, with line and column. Loading is bounded in time and space.
func Load(file string, data []byte) (*Adapter, error) {
	src, err := parseSource(file, data)
	if err != nil {
		return nil, err
	}
	schema, err := manifestSchema()
	if err != nil {
		return nil, fmt.Errorf("manifest schema: %w", err)
	}
	if err := src.checkShape(schema); err != nil {
		return nil, err
	}
	m, err := src.decode()
	if err != nil {
		return nil, err
	}
	language, err := expr.NewLanguage(m.Tables, slices.Collect(maps.Keys(m.Context)))
	if err != nil {
		return nil, fmt.Errorf("expression language: %w", err)
	}
	c := &compiler{src: src, m: m, language: language, out: &Adapter{manifest: m}}
	if err := c.compile(); err != nil {
		return nil, err
	}
	return c.out, nil
}

// ID is the manifest's id, the last part of its ingestion URL.
func (a *Adapter) ID() string { return a.manifest.ID }

// Manifest is what the adapter was loaded from. It must not be changed.
func (a *Adapter) Manifest() *Manifest { return a.manifest }

type compiler struct {
	src      *source
	m        *Manifest
	language *expr.Language
	names    []string // vars of the mapping being compiled
	out      *Adapter
}

func (c *compiler) node(pointer string) *yaml.Node { return c.src.at[pointer] }

func (c *compiler) compile() error {
	a := c.out
	a.system = TagSystem + ":" + c.m.ID
	a.tag = fmt.Appendf(nil, `"tag":[{"system":%q,"version":%q,"code":%q}]`, TagSystem, c.m.Version, c.m.ID)
	a.maxBytes, a.maxItems = c.m.Limits.Bytes, c.m.Limits.Items
	if a.maxBytes == 0 {
		a.maxBytes = 4 << 20
	}
	if a.maxItems == 0 {
		a.maxItems = 20_000
	}
	a.decode = decoder(c.m.Format, a.maxBytes)
	var err error
	if a.payload, err = c.src.payloadSchema(&c.m.Payload); err != nil {
		return err
	}
	for _, step := range []func() error{c.compileUnits, c.compileConcepts, c.compileItems, c.compileRules, c.compileMappings} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// scalar compiles a literal or an expression; the zero Scalar gives nil.
func (c *compiler) scalar(s Scalar) (*scalar, error) {
	if s.isZero() {
		return nil, nil
	}
	if !s.Expression {
		return &scalar{literal: expr.OfText(s.Text), text: s.Text, line: s.Line}, nil
	}
	e, err := c.language.Compile(s.Text, c.names)
	if err != nil {
		return nil, c.position(s, err)
	}
	return &scalar{expr: e, source: s.Text, line: s.Line}, nil
}

// position moves an expression's error to where the expression stands in the manifest.
func (c *compiler) position(s Scalar, err error) error {
	out := &LoadError{File: c.src.file, Line: s.Line, Col: s.Col, Msg: err.Error()}
	var at *expr.Error
	if errors.As(err, &at) {
		if out.Line += at.Line - 1; at.Line == 1 {
			out.Col += at.Col - 1
		} else {
			out.Col = at.Col
		}
	}
	if s.block {
		out.Col += c.src.indentation(out.Line)
	}
	return out
}

// condition compiles an expression that must be able to be true or false; the leading = is optional.
func (c *compiler) condition(n *yaml.Node) (*scalar, error) {
	var p Path
	if err := p.UnmarshalYAML(n); err != nil {
		return nil, c.src.fail(n, "%v", err)
	}
	return c.boolean(p.Scalar)
}

func (c *compiler) boolean(s Scalar) (*scalar, error) {
	compiled, err := c.scalar(s)
	if err != nil || compiled == nil {
		return nil, err
	}
	if !compiled.expr.MayBeBool() {
		return nil, c.position(s, errors.New("a condition must be true or false"))
	}
	return compiled, nil
}

func (c *compiler) selector(text, pointer string) (*expr.Selector, error) {
	s, err := expr.ParseSelector(text)
	if err != nil {
		return nil, c.src.fail(c.node(pointer), "%v", err)
	}
	return s, nil
}

// scalars compiles several at once into the places given.
func (c *compiler) scalars(pairs ...any) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		compiled, err := c.scalar(pairs[i].(Scalar))
		if err != nil {
			return err
		}
		*pairs[i+1].(**scalar) = compiled
	}
	return nil
}

func (c *compiler) compileItems() error {
	for i, spec := range c.m.Items {
		selector, err := c.selector(spec.Select, fmt.Sprintf("/items/%d/select", i))
		if err != nil {
			return err
		}
		what, err := c.scalar(spec.What)
		if err != nil {
			return err
		}
		c.out.items = append(c.out.items, accounted{selector, what})
	}
	return nil
}

func (c *compiler) compileRules() error {
	for i, spec := range c.m.Rules {
		selector, err := c.selector(spec.Select, fmt.Sprintf("/rules/%d/select", i))
		if err != nil {
			return err
		}
		when, err := c.boolean(spec.When.Scalar)
		if err != nil {
			return err
		}
		r := &rule{name: spec.Name, selector: selector, when: when, reason: spec.Ignore}
		if spec.Quarantine != "" {
			r.reason, r.quarantine = spec.Quarantine, true
		}
		c.out.rules = append(c.out.rules, r)
	}
	return nil
}

func (c *compiler) time(spec *TimeSpec, pointer string) (*timing, error) {
	if spec == nil {
		return nil, nil
	}
	t := &timing{}
	if err := c.scalars(spec.Value, &t.value, spec.End, &t.end, spec.Zone, &t.zone); err != nil {
		return nil, err
	}
	if t.zone != nil && t.zone.expr == nil {
		if _, err := expr.LoadZone(t.zone.text); err != nil {
			return nil, c.src.fail(c.node(pointer+"/zone"), "%v", err)
		}
	}
	if spec.MaxFuture != "" {
		d, err := time.ParseDuration(spec.MaxFuture)
		if err != nil {
			return nil, c.src.fail(c.node(pointer+"/maxFuture"), "%v", err)
		}
		t.maxFuture = d
	}
	return t, nil
}

func (c *compiler) identity(role string, spec *IdentitySpec) (*identity, error) {
	if spec == nil {
		return nil, nil
	}
	id := &identity{role: role, slot: c.out.slots, quarantine: spec.OnMissing == "quarantine"}
	c.out.slots++
	if err := c.scalars(spec.System, &id.system, spec.Value, &id.value, spec.Default, &id.fallback); err != nil {
		return nil, err
	}
	if !spec.Identifiers.IsZero() {
		list, err := c.list(&spec.Identifiers)
		if err != nil {
			return nil, err
		}
		switch list := list.(type) {
		case listElement:
			id.identifiers = list
		default:
			return nil, c.src.fail(&spec.Identifiers, "identifiers need expressions")
		}
	}
	if !spec.Elements.IsZero() {
		o, err := c.object(&spec.Elements)
		if err != nil {
			return nil, err
		}
		id.elements = membersOf(o)
	}
	id.perMessage = !usesItem(id.system) && !usesItem(id.value) && !usesItem(id.fallback)
	return id, nil
}

func usesItem(s *scalar) bool {
	if s == nil || s.expr == nil {
		return false
	}
	for _, name := range []string{"item", "parent", "parents", "key", "vars", "it", "device", "patient"} {
		if s.expr.Uses(name) {
			return true
		}
	}
	return false
}

// memberedElement can write its members into an object that is already open.
type memberedElement interface {
	appendMembers(dst []byte, s *expr.Scope) ([]byte, bool, error)
}

// membersOf gives a literal object the method that objectElement has.
func membersOf(e element) memberedElement {
	if o, ok := e.(*objectElement); ok {
		return o
	}
	return literalMembers(e.(literalElement))
}

type literalMembers []byte

func (e literalMembers) appendMembers(dst []byte, _ *expr.Scope) ([]byte, bool, error) {
	if last := dst[len(dst)-1]; last != '{' && last != ',' {
		dst = append(dst, ',')
	}
	return append(dst, e[1:len(e)-1]...), true, nil
}
