package path

import (
	"bytes"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// fhirFunctions are those that FHIR adds (R4 fhirpath.html#functions).
func fhirFunctions() []function {
	return []function{
		{name: "extension", min: 1, max: 1, run: extension},
		{name: "hasValue", run: hasValue, result: Boolean},
		{name: "getValue", run: getValue},
		{name: "resolve", run: resolve},
		{name: "memberOf", min: 1, max: 1, run: memberOf, result: Boolean},
		{name: "conformsTo", min: 1, max: 1, run: conformsTo, result: Boolean},
		{name: "htmlChecks", run: htmlChecks, result: Boolean},
	}
}

// extension yields the extensions with the given URL.
func extension(m *machine, in *invocation, mark int) error {
	url, ok, err := m.textArgument(in, 0)
	if err != nil {
		return err
	}
	n := len(m.stack)
	if !ok {
		n = mark
	}
	steps := [...]step{{in.at, "extension", "_extension", false}}
	for i := mark; i < n; i++ {
		if err := m.walk(&m.stack[i], steps[:]); err != nil {
			return err
		}
	}
	kept := n
	for i := n; i < len(m.stack); i++ {
		if m.stack[i].node.Get("url").TextIs(url) {
			m.stack[kept] = m.stack[i]
			kept++
		}
	}
	m.truncate(kept)
	m.collapse(mark, n)
	return nil
}

func hasValue(m *machine, _ *invocation, mark int) error {
	answer := len(m.stack)-mark == 1
	if answer {
		v := m.stack[mark]
		answer = v.HasValue() && !v.isObject()
	}
	return m.yield(mark, newBoolean(answer))
}

func getValue(m *machine, _ *invocation, mark int) error {
	if len(m.stack)-mark != 1 || m.stack[mark].isObject() || !m.stack[mark].HasValue() {
		m.truncate(mark)
		return nil
	}
	return m.yield(mark, m.stack[mark].asSystem())
}

// resolve yields the targets of references, canonicals and URLs; what is not found yields nothing (see [Env.Resolve]).
func resolve(m *machine, in *invocation, mark int) error {
	kept := mark
	for i := mark; i < len(m.stack); i++ {
		if err := m.spend(in.at, 1); err != nil {
			return err
		}
		target, err := m.resolveOne(in, &m.stack[i])
		if err != nil {
			return err
		}
		if target.kind != None {
			m.stack[kept] = target
			kept++
		}
	}
	m.truncate(kept)
	return nil
}

func (m *machine) resolveOne(in *invocation, v *Value) (Value, error) {
	text := v.node
	if v.isObject() {
		text = v.node.Get("reference")
	}
	var reference []byte // without a copy, unless it holds escapes
	switch {
	case v.kind == String:
		reference = []byte(v.system.(string))
	case text.Kind() == fhir.String:
		raw := text.Raw()
		if reference = raw[1 : len(raw)-1]; bytes.IndexByte(reference, '\\') >= 0 {
			reference = []byte(text.Text())
		}
	}
	if len(reference) > 0 && reference[0] == '#' {
		return m.contained(reference[1:]), nil
	}
	if len(reference) > 0 && m.rootResource().typ.Is("Bundle") {
		if target := m.bundled(string(reference)); target.kind != None {
			return target, nil
		}
	}
	if m.env.Resolve == nil {
		return m.stub(v, text, reference), nil
	}
	if len(reference) == 0 {
		return Value{}, nil
	}
	r, err := m.env.Resolve(string(reference))
	if err != nil {
		return Value{}, m.hook(in.at, err)
	}
	if r == nil {
		return Value{}, nil
	}
	return Root(r, m.expression.defs), nil
}

// contained finds a contained resource; an empty id means the container itself.
func (m *machine) contained(id []byte) Value {
	root := m.rootResource()
	if len(id) == 0 {
		return root
	}
	for c := root.node.Get("contained").First(); c.Ok(); c = c.Next() {
		if c.Get("id").TextIs(string(id)) {
			return m.resourceAt(c)
		}
	}
	return Value{}
}

// bundled finds the entry of the Bundle that a reference means: by its full URL, or by type and id.
func (m *machine) bundled(reference string) Value {
	for c := m.rootResource().node.Get("entry").First(); c.Ok(); c = c.Next() {
		m.steps--
		url := c.Get("fullUrl")
		if url.TextIs(reference) || url.Kind() == fhir.String && strings.HasSuffix(url.Text(), "/"+reference) {
			return m.resourceAt(c.Get("resource"))
		}
	}
	return Value{}
}

func (m *machine) resourceAt(n fhir.Node) Value {
	if n.Kind() != fhir.Object {
		return Value{}
	}
	return Value{kind: Element, typ: m.expression.defs.Type(n.Get("resourceType").Text()), node: n}
}

// stub is a target that was not fetched: it has the type that the reference names and no content.
func (m *machine) stub(v *Value, text fhir.Node, reference []byte) Value {
	t := m.expression.defs.Type(string(referencedType(reference)))
	if (t == nil || t.Kind != spec.Resource) && v.isObject() {
		t = m.expression.defs.Type(v.node.Get("type").Text())
	}
	if t == nil || t.Kind != spec.Resource {
		return Value{}
	}
	return Value{kind: Element, typ: t, sibling: text, system: v.system}
}

// referencedType is the segment of a URL that names the type if it is one: Patient in Patient/1, http://host/Patient/1/_history/2,
// Patient?identifier=1 and http://host/Patient/1|2.0.
func referencedType(reference []byte) []byte {
	if i := bytes.IndexAny(reference, "|#?"); i >= 0 {
		if reference[i] == '?' {
			return reference[bytes.LastIndexByte(reference[:i], '/')+1 : i]
		}
		reference = reference[:i]
	}
	path, id := cutLast(reference)
	if before, segment := cutLast(path); string(segment) == "_history" {
		path, id = cutLast(before)
	}
	if len(id) == 0 {
		return nil
	}
	_, name := cutLast(path)
	return name
}

// cutLast splits at the last slash.
func cutLast(path []byte) (before, segment []byte) {
	i := bytes.LastIndexByte(path, '/')
	if i < 0 {
		return nil, path
	}
	return path[:i], path[i+1:]
}

func memberOf(m *machine, in *invocation, mark int) error {
	v, ok, err := m.one(in.at, mark)
	if err != nil {
		return err
	}
	url, given, err := m.textArgument(in, 0)
	if err != nil {
		return err
	}
	if m.env.MemberOf == nil || !ok || !given {
		m.truncate(mark)
		return nil
	}
	member, known, err := m.env.MemberOf(v, url)
	if err != nil {
		return m.hook(in.at, err)
	}
	return m.yieldIf(mark, newBoolean(member), known)
}

// conformsTo decides for the types of the definitions itself and asks Env for profiles.
func conformsTo(m *machine, in *invocation, mark int) error {
	v, ok, err := m.one(in.at, mark)
	if err != nil {
		return err
	}
	url, given, err := m.textArgument(in, 0)
	if err != nil || !ok || !given {
		m.truncate(mark)
		return err
	}
	if name, ok := strings.CutPrefix(url, "http://hl7.org/fhir/StructureDefinition/"); ok {
		if t := m.expression.defs.Type(name); t != nil && !t.Profile {
			return m.yield(mark, newBoolean(v.kind == Element && v.typ.Is(name)))
		}
	}
	if m.env.ConformsTo != nil {
		conforms, known, err := m.env.ConformsTo(v, url)
		if err != nil {
			return m.hook(in.at, err)
		}
		if known {
			return m.yield(mark, newBoolean(conforms))
		}
	}
	return m.fail(in.at, "conformsTo() does not know the profile")
}
