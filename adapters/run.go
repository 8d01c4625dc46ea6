package adapters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firth-health/firth/adapters/expr"
	"github.com/firth-health/firth/fhir"
)

// accounted is a kind of place that must have a fate.
type accounted struct {
	selector *expr.Selector
	what     *scalar
}

// rule sets items aside.
type rule struct {
	name       string
	selector   *expr.Selector
	when       *scalar
	reason     string
	quarantine bool
}

// Map works out what a payload means, without looking anything up or writing. A *[PayloadError] says that the payload cannot be read; other errors are the
// context's. Whatever is wrong with a single item is in the Mapping.
func (a *Adapter) Map(ctx context.Context, in Input) (*Mapping, error) {
	if len(in.Payload) > a.maxBytes {
		return nil, &PayloadError{Stage: "size", Err: fmt.Errorf("the payload has %d bytes, more than the %d this adapter takes", len(in.Payload), a.maxBytes)}
	}
	documents, err := a.decode(in.Payload)
	if err != nil {
		return nil, &PayloadError{Stage: "parse", Err: err}
	}
	for _, d := range documents {
		if err := a.checkPayload(d.root); err != nil {
			return nil, err
		}
	}
	r := &run{ctx: ctx, a: a, in: &in, out: &Mapping{Adapter: a}, fates: map[fhir.Node]fate{}, ids: map[string]int{}, cached: make([]int, a.slots)}
	r.scope = expr.Scope{Context: in.Context, Now: in.Now.UTC().Format(fhir.InstantFormat)}
	r.meta = append(r.meta, `"meta":{`...)
	if in.Source != "" {
		r.meta = append(fhir.AppendQuoted(append(r.meta, `"source":`...), in.Source), ',')
	}
	for _, d := range documents {
		r.scope.Msg, r.prefix = d.root, d.prefix
		clear(r.cached)
		for _, step := range []func() error{r.rules, r.mappings, r.account} {
			if err := step(); err != nil {
				return nil, err
			}
		}
	}
	return r.out, nil
}

func (a *Adapter) checkPayload(root fhir.Node) error {
	if a.payload == nil {
		return nil
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(root.Raw())))
	if err != nil {
		return &PayloadError{Stage: "parse", Err: err}
	}
	if err = a.payload.Validate(document); err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		first := schemaFaults(invalid)[0]
		return &PayloadError{Stage: "schema", Expression: first.pointer, Err: errors.New(first.msg)}
	}
	return &PayloadError{Stage: "schema", Err: err}
}

// fate is what became of a place.
type fate struct {
	setAside bool // ignored or quarantined, with everything below
	draft    int  // index of the draft that it went into
	part     bool // the draft is reported with another item
}

// run is the mapping of one payload.
type run struct {
	ctx    context.Context
	a      *Adapter
	in     *Input
	out    *Mapping
	scope  expr.Scope
	fates  map[fhir.Node]fate
	ids    map[string]int // Observation id -> index of its draft
	links  map[link][]string
	cached []int // identity slot -> 1 + index in out.Identities, for those that are the same for the whole message
	known  map[string]int
	prefix string // of pointers
	meta   []byte // beginning of every meta
	chunk  []byte // memory for drafts
	visits int
	bytes  int
}

// link names what a mapping made of the readings that belong together.
type link struct {
	mapping string
	group   fhir.Node
}

// maxOutput bounds the drafts of one payload, in bytes.
const maxOutput = 128 << 20

// visit walks a selector, leaving out what has been set aside.
func (r *run) visit(s *expr.Selector, f func(*expr.Place)) error {
	var err error
	s.Visit(r.scope.Msg, func(n fhir.Node) bool { return !r.fates[n].setAside }, func(p *expr.Place) bool {
		if r.visits++; r.visits > r.a.maxItems*(len(r.a.mappings)+len(r.a.rules)+len(r.a.items)) || r.bytes > maxOutput {
			err = &PayloadError{Stage: "size", Err: fmt.Errorf("the payload has more than the %d items this adapter takes", r.a.maxItems)}
			return false
		}
		if r.visits%256 == 0 {
			if err = r.ctx.Err(); err != nil {
				return false
			}
		}
		if r.fates[p.Item].setAside {
			return true
		}
		r.scope.Item, r.scope.Parents, r.scope.Key = p.Item, p.Parents, p.Key
		r.scope.Device, r.scope.Patient = "", ""
		f(p)
		return true
	})
	return err
}

func (r *run) rules() error {
	for _, rule := range r.a.rules {
		err := r.visit(rule.selector, func(p *expr.Place) {
			holds, err := rule.when.holds(&r.scope)
			switch {
			case err != nil:
				r.quarantine(p, err)
			case !holds:
				return
			case rule.quarantine:
				r.out.Quarantined = append(r.out.Quarantined, Line{Pointer: r.pointer(p), Stage: "rule", Rule: rule.name, Reason: rule.reason})
			default:
				r.out.Ignored = append(r.out.Ignored, Line{Pointer: r.pointer(p), Rule: rule.name, Reason: rule.reason})
			}
			r.fates[p.Item] = fate{setAside: true}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// quarantine reports an item that could not be mapped.
func (r *run) quarantine(p *expr.Place, err error) {
	line := Line{Pointer: r.pointer(p), Stage: "map", Reason: err.Error()}
	var f *failure
	if errors.As(err, &f) {
		line.Stage, line.Reason, line.Expression = f.stage, f.reason, f.expression
	}
	r.out.Quarantined = append(r.out.Quarantined, line)
}

func (r *run) mappings() error {
	for _, m := range r.a.mappings {
		r.scope.Vars = nil
		if len(m.vars) > 0 {
			r.scope.Vars = expr.NewVars(m.names, m.vars)
		}
		err := r.visit(m.selector, func(p *expr.Place) {
			r.scope.Vars.Reset()
			r.item(m, p)
		})
		if err != nil {
			return err
		}
	}
	r.scope.Vars = nil
	return nil
}

// item applies one mapping to one place.
func (r *run) item(m *mapping, p *expr.Place) {
	if _, taken := r.fates[p.Item]; taken && m.consumes == nil {
		return
	}
	k, applies, err := m.applies(&r.scope)
	if err == nil && !applies {
		return
	}
	items, consumable := r.consumed(m, p.Item)
	if !consumable {
		return
	}
	outcome := fate{setAside: true}
	if err == nil {
		outcome.draft, err = r.observation(m, k, p)
	}
	if outcome.setAside = err != nil; err != nil {
		r.quarantine(p, err)
	}
	for _, n := range items {
		outcome.part = n != p.Item
		r.fates[n] = outcome
	}
}

func (m *mapping) applies(s *expr.Scope) (*concept, bool, error) {
	if m.when != nil {
		holds, err := m.when.holds(s)
		if err != nil || !holds {
			return nil, false, err
		}
	}
	return m.concept.find(s)
}

// consumed are the items that the mapping accounts for; false when it is too late for them: one has been set aside, or an earlier mapping has taken the
// item. The first mapping that applies to an item is the one.
func (r *run) consumed(m *mapping, item fhir.Node) ([]fhir.Node, bool) {
	if m.consumes == nil {
		_, taken := r.fates[item]
		return []fhir.Node{item}, !taken
	}
	var items []fhir.Node
	for _, c := range m.consumes {
		v, err := c.eval(&r.scope)
		if err != nil {
			return []fhir.Node{item}, true // the same error will quarantine the item
		}
		for part := range v.Each() {
			n := part.Node()
			if _, taken := r.fates[n]; taken {
				return nil, false
			}
			if n.Ok() {
				items = append(items, n)
			}
		}
	}
	return items, true
}

// account lists the items that no rule and no mapping knew, and those that became a part of something.
func (r *run) account() error {
	for _, kind := range r.a.items {
		err := r.visit(kind.selector, func(p *expr.Place) {
			fate, known := r.fates[p.Item]
			if known && !fate.part {
				return
			}
			what, err := kind.what.string(&r.scope)
			if err != nil {
				what = ""
			}
			if !known {
				r.out.Unmapped = append(r.out.Unmapped, Line{Pointer: r.pointer(p), What: what})
				return
			}
			draft := &r.out.Drafts[fate.draft]
			r.out.Parts = append(r.out.Parts, Line{Pointer: r.pointer(p), Reference: draft.Reference(), Mapping: draft.Mapping, What: what})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) pointer(p *expr.Place) string {
	if r.prefix == "" {
		return string(p.Pointer)
	}
	return r.prefix + string(p.Pointer)
}

func (r *run) warn(text string) {
	for _, known := range r.out.Warnings {
		if known == text {
			return
		}
	}
	r.out.Warnings = append(r.out.Warnings, text)
}

// buffer gives an empty slice with room for a draft; keep returns it to the run, which goes on behind it.
func (r *run) buffer() []byte {
	const chunk = 64 << 10
	if cap(r.chunk)-len(r.chunk) < 4<<10 {
		r.chunk = make([]byte, 0, chunk)
	}
	return r.chunk[len(r.chunk):]
}

func (r *run) keep(draft []byte) []byte {
	if cap(draft) == cap(r.chunk)-len(r.chunk) { // it did not outgrow the chunk
		r.chunk = r.chunk[:len(r.chunk)+len(draft)]
	}
	r.bytes += len(draft)
	return draft[:len(draft):len(draft)]
}

// deterministicID is 32 hexadecimal digits of the SHA-256 over the parts, each with its length.
func deterministicID(parts ...string) string {
	var array [256]byte
	in := array[:0]
	for _, part := range parts {
		in = append(in, byte(len(part)>>24), byte(len(part)>>16), byte(len(part)>>8), byte(len(part)))
		in = append(in, part...)
	}
	sum := sha256.Sum256(in)
	return hex.EncodeToString(sum[:16])
}
