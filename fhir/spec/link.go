package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

// link turns the records of the core section into definitions.
func link(core *wire.Core) (*Definitions, error) {
	d := &Definitions{
		types:        make(map[string]*Type, len(core.Types)),
		compartments: make(map[string]*Compartment, len(core.Compartments)),
		systems:      make(map[string]string, len(core.Systems)),
	}
	if err := d.linkTypes(core.Types); err != nil {
		return nil, err
	}
	d.linkSearchParameters(core.SearchParameters)
	for _, c := range core.Compartments {
		d.compartments[c.Code] = linkCompartment(c)
	}
	for _, s := range core.Systems {
		d.systems[s.ValueSet] = s.System
	}
	return d, nil
}

func linkCompartment(c wire.Compartment) *Compartment {
	parameters := make(map[string][]string, len(c.Members))
	for _, m := range c.Members {
		parameters[m.Type] = m.Params
	}
	return &Compartment{Code: c.Code, URL: c.URL, Parameters: parameters}
}

func (d *Definitions) linkTypes(records []wire.Type) error {
	for i := range records {
		t := newType(&records[i])
		d.types[t.Name] = t
		switch {
		case t.Kind != Resource:
			d.dataTypes = append(d.dataTypes, t.Name)
		case !t.Abstract:
			d.resources = append(d.resources, t.Name)
		}
	}
	slices.Sort(d.resources)
	slices.Sort(d.dataTypes)
	for i := range records {
		t := d.types[records[i].Name]
		if t.Base != "" {
			if t.base = d.types[t.Base]; t.base == nil {
				return fmt.Errorf("%w: base of %s is unknown: %q", wire.ErrDamaged, t.Name, t.Base)
			}
		}
		l := linker{types: d.types}
		l.reserve(records[i].Elements)
		l.fill(t, records[i].Elements)
		if err := l.finish(); err != nil {
			return err
		}
	}
	return nil
}

func newType(r *wire.Type) *Type {
	return &Type{
		Name: r.Name, URL: r.URL, Base: r.Base,
		Kind:     Kind(r.Kind),
		Abstract: r.Flags&wire.FlagAbstract != 0,
		Profile:  r.Flags&wire.FlagProfile != 0,
		System:   r.System, Pattern: r.Pattern,
	}
}

// linker builds the elements of one named type and of its inline types.
type linker struct {
	types  map[string]*Type // by name; all types of the definitions
	inline map[string]*Type // by path
	shared []sharing
	err    error

	elements []Element // memory for all elements of the type
}

// sharing is an element that has the inline type of another (contentReference).
type sharing struct {
	element *Element
	path    string
}

// reserve allocates the elements in one piece.
func (l *linker) reserve(records []wire.Element) { l.elements = make([]Element, 0, count(records)) }

// count returns how many elements the records make: each one, its children, and one for each type of a choice.
func count(records []wire.Element) int {
	n := len(records)
	for i := range records {
		n += count(records[i].Children)
		if records[i].Flags&wire.FlagChoice != 0 {
			n += len(records[i].Types)
		}
	}
	return n
}

func (l *linker) add(e Element) *Element {
	l.elements = append(l.elements, e)
	return &l.elements[len(l.elements)-1]
}

func (l *linker) fill(t *Type, records []wire.Element) {
	names := len(records)
	for i := range records {
		if records[i].Flags&wire.FlagChoice != 0 {
			names += len(records[i].Types)
		}
	}
	t.elements = make([]*Element, 0, len(records))
	t.children = make(map[string]*Element, names)
	for i := range records {
		e := l.element(&records[i])
		e.Index = i
		t.elements = append(t.elements, e)
		t.children[e.Name] = e
		if !e.Choice {
			continue
		}
		for j := range e.Types {
			narrowed := *e
			narrowed.Types = e.Types[j : j+1 : j+1]
			t.children[e.Types[j].JSONName] = l.add(narrowed)
		}
	}
}

func (l *linker) element(r *wire.Element) *Element {
	e := l.add(Element{
		Name: r.Name, Path: r.Path, Short: r.Short,
		Min: int(r.Min), Max: int(r.Max),
		Choice:    r.Flags&wire.FlagChoice != 0,
		Summary:   r.Flags&wire.FlagSummary != 0,
		Modifier:  r.Flags&wire.FlagModifier != 0,
		Attribute: r.Flags&wire.FlagAttribute != 0,
		Types:     make([]TypeRef, len(r.Types)),
	})
	if r.Max == wire.Unbounded {
		e.Max = Unbounded
	}
	if r.Strength != "" {
		e.Binding = &Binding{Strength: r.Strength, ValueSet: r.ValueSet}
	}
	for i, ref := range r.Types {
		e.Types[i] = TypeRef{Code: ref.Code, JSONName: ref.JSONName, Targets: ref.Targets, Profiles: ref.Profiles, Type: l.named(ref.Code)}
	}
	switch {
	case len(r.Children) > 0:
		l.setInline(e, l.inlineType(r))
	case r.Content != "":
		l.shared = append(l.shared, sharing{element: e, path: r.Content})
	}
	return e
}

func (l *linker) named(code string) *Type {
	t := l.types[code]
	if t == nil && !strings.HasPrefix(code, "System.") && l.err == nil {
		l.err = fmt.Errorf("%w: unknown type %q", wire.ErrDamaged, code)
	}
	return t
}

func (l *linker) inlineType(r *wire.Element) *Type {
	base := l.named(r.Types[0].Code)
	t := &Type{Name: r.Path, Base: r.Types[0].Code, Kind: Complex, base: base}
	l.fill(t, r.Children)
	if l.inline == nil {
		l.inline = map[string]*Type{}
	}
	l.inline[r.Path] = t
	return t
}

func (l *linker) setInline(e *Element, t *Type) {
	e.Children = t
	e.Types[0].Type = t
}

// finish resolves the elements that share an inline type, which may come after them or hold them.
func (l *linker) finish() error {
	for _, s := range l.shared {
		t := l.inline[s.path]
		if t == nil {
			return fmt.Errorf("%w: no inline type %q", wire.ErrDamaged, s.path)
		}
		l.setInline(s.element, t)
	}
	return l.err
}
