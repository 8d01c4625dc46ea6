package adapters

import (
	"bytes"
	"slices"
	"strings"

	"github.com/firth-health/firth/adapters/expr"
	"github.com/firth-health/firth/fhir"
)

// observation drafts the Observation of one item and gives the index of the draft.
func (r *run) observation(m *mapping, k *concept, p *expr.Place) (int, error) {
	patient, err := r.identify(m.patient)
	if err != nil {
		return 0, err
	}
	if patient < 0 {
		return 0, &failure{stage: "identity", reason: "the reading names no patient"}
	}
	r.scope.Patient = r.out.Identities[patient].token()
	device, err := r.identify(m.device)
	if err != nil {
		return 0, err
	}
	if device >= 0 {
		r.scope.Device = r.out.Identities[device].token()
	}
	draft := Draft{Type: "Observation", Mode: PutIfChanged, System: r.a.system, Mapping: m.name}
	start, end, err := r.times(m.time)
	if err != nil {
		return 0, err
	}
	if err := r.key(m, &draft, patient, device); err != nil {
		return 0, err
	}
	b := builder{run: r, out: r.buffer(), draft: &draft}
	if err := b.head(m, k); err != nil {
		return 0, err
	}
	b.reference("subject", "Patient", patient)
	b.effective(start, end)
	if err := b.body(m, k); err != nil {
		return 0, err
	}
	if device >= 0 {
		b.reference("device", "Device", device)
	}
	if err := b.links(m); err != nil {
		return 0, err
	}
	for _, elements := range m.elements {
		if b.out, _, err = elements.appendMembers(b.out, &r.scope); err != nil {
			return 0, err
		}
	}
	b.out = append(b.out, '}')
	return r.add(m, &draft, b.out, p)
}

func (i *Identity) token() string { return i.System + "|" + i.Value }

// key fills the draft's id and identifier from the parts of the measurement key.
func (r *run) key(m *mapping, draft *Draft, patient, device int) error {
	var array [12]string
	parts := append(array[:0], "Observation", r.a.manifest.ID)
	shown := make([]byte, 0, 96)
	for i := range m.key {
		part := m.key[i]
		text, err := part.string(&r.scope)
		if err != nil {
			return staged(err, "key")
		}
		if text == "" {
			return part.fail("key", "a part of the measurement key is missing")
		}
		parts = append(parts, text)
		if i > 0 {
			shown = append(shown, '.')
		}
		switch { // the systems of the identities would only make it long
		case patient >= 0 && text == r.scope.Patient:
			text = r.out.Identities[patient].Value
		case device >= 0 && text == r.scope.Device:
			text = r.out.Identities[device].Value
		}
		shown = append(shown, text...)
	}
	draft.ID, draft.Value = deterministicID(parts...), string(shown)
	return nil
}

// add takes a finished draft, unless the payload has said the same already.
func (r *run) add(m *mapping, draft *Draft, json []byte, p *expr.Place) (int, error) {
	pointer := r.pointer(p)
	if index, found := r.ids[draft.ID]; found {
		first := &r.out.Drafts[index]
		if !bytes.Equal(first.JSON, json) {
			return 0, &failure{stage: "key", reason: "another item (" + first.Pointer + ") has the same measurement key and other content"}
		}
		r.out.Repeats = append(r.out.Repeats, Line{Pointer: pointer, Reference: first.Reference(), Mapping: m.name})
		return index, nil
	}
	draft.JSON, draft.Pointer = r.keep(json), pointer
	r.ids[draft.ID] = len(r.out.Drafts)
	if m.linked {
		group, err := m.groupNode(&r.scope)
		if err != nil {
			return 0, err
		}
		if r.links == nil {
			r.links = map[link][]string{}
		}
		at := link{m.name, group}
		r.links[at] = append(r.links[at], draft.Reference())
	}
	r.out.Drafts = append(r.out.Drafts, *draft)
	return len(r.out.Drafts) - 1, nil
}

// groupNode is what readings that belong together have in common.
func (m *mapping) groupNode(s *expr.Scope) (fhir.Node, error) {
	if m.group == nil {
		return s.Parent(), nil
	}
	v, err := m.group.eval(s)
	return v.Node(), err
}

// builder writes one Observation.
type builder struct {
	*run
	out   []byte
	draft *Draft
}

func (b *builder) name(name string) {
	b.out = append(append(append(b.out, `,"`...), name...), `":`...)
}

// head writes everything up to code.
func (b *builder) head(m *mapping, k *concept) error {
	status, err := m.status.string(&b.scope)
	if err != nil {
		return err
	}
	if status == "" {
		status = "final"
	}
	if !slices.Contains(observationStatus(), status) {
		return m.status.fail("map", "%q is not an Observation status", status)
	}
	b.out = append(append(append(b.out, `{"resourceType":"Observation","id":"`...), b.draft.ID...), `",`...)
	b.out = append(b.out, b.meta...)
	b.profiles(m, k)
	b.out = append(b.out, b.a.tag...)
	if err := b.revision(m.revision); err != nil {
		return err
	}
	b.out = append(b.out, `},"identifier":[`...)
	b.out = append(appendIdentifier(b.out, b.draft.System, b.draft.Value), `],"status":"`...)
	b.out = append(append(b.out, status...), '"')
	switch {
	case m.category != nil:
		b.out = append(append(b.out, ','), m.category...)
	case k != nil && k.category != nil:
		b.out = append(append(b.out, ','), k.category...)
	}
	var code *codeable
	if k != nil {
		code = k.code
	}
	b.name("code")
	out, present, err := appendCodeable(b.out, &b.scope, m.code, code)
	if err != nil {
		return err
	}
	if !present {
		return &failure{stage: "map", reason: "the reading has no code"}
	}
	b.out = out
	return nil
}

// revision adds the reading's revision to meta.tag, which ends the output.
func (b *builder) revision(s *scalar) error {
	v, err := s.eval(&b.scope)
	if err != nil || v.IsAbsent() {
		return staged(err, "key")
	}
	d, err := v.Decimal()
	if err != nil {
		return s.fail("key", "the revision is not a number")
	}
	b.out = append(b.out[:len(b.out)-1], `,{"system":"`+RevisionSystem+`","code":"`...)
	b.out = append(append(b.out, d.String()...), `"}]`...)
	return nil
}

// observationStatus is http://hl7.org/fhir/observation-status.
func observationStatus() []string {
	return []string{"final", "preliminary", "amended", "corrected", "registered", "cancelled", "entered-in-error", "unknown"}
}

func (b *builder) profiles(m *mapping, k *concept) {
	mark := len(b.out)
	b.out = append(b.out, `"profile":[`...)
	first := len(b.out)
	add := func(list []string) {
		for _, profile := range list {
			if len(b.out) > first {
				b.out = append(b.out, ',')
			}
			b.out = fhir.AppendQuoted(b.out, profile)
		}
	}
	if k != nil {
		add(k.profiles)
	}
	add(m.profiles)
	if len(b.out) == first {
		b.out = b.out[:mark]
		return
	}
	b.out = append(b.out, `],`...)
}

func (b *builder) reference(element, typ string, identity int) {
	b.name(element)
	b.out = append(append(append(b.out, `{"reference":"`...), typ...), '/')
	start := len(b.out)
	b.out = append(b.out, b.run.out.Identities[identity].ID...)
	b.draft.refs = append(b.draft.refs, referenceSlot{start, len(b.out), identity})
	b.out = append(b.out, `"}`...)
}

func (b *builder) effective(start, end string) {
	if end == "" {
		b.name("effectiveDateTime")
		b.out = append(append(append(b.out, '"'), start...), '"')
		return
	}
	b.name("effectivePeriod")
	b.out = append(append(append(b.out, `{"start":"`...), start...), `","end":"`...)
	b.out = append(append(b.out, end...), `"}`...)
}

// links writes derivedFrom and hasMember: what other mappings made of the same group.
func (b *builder) links(m *mapping) error {
	if len(m.derivedFrom) == 0 && len(m.hasMember) == 0 {
		return nil
	}
	group, err := m.groupNode(&b.scope)
	if err != nil {
		return err
	}
	b.linksTo("derivedFrom", m.derivedFrom, group)
	b.linksTo("hasMember", m.hasMember, group)
	return nil
}

func (b *builder) linksTo(element string, mappings []string, group fhir.Node) {
	var references []string
	for _, name := range mappings {
		references = append(references, b.run.links[link{name, group}]...)
	}
	if len(references) == 0 || !group.Ok() {
		return
	}
	b.name(element)
	b.out = append(append(append(b.out, `[{"reference":"`...), strings.Join(references, `"},{"reference":"`)...), `"}]`...)
}
