package search

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// Composites (R4 search.html#composite). The expression leads to items, and each item gives one key for every combination of one value per component:
//
//	"k" head ␁ head fields ␁ tail
//
//	head    the form letter and value of the first and of the second component, as in an index of their own: "t" code, "r" reference,
//	        "u" uri, "S" folded, "n" decimal, and "l" low or "h" high for an interval (two keys then); quantities in base units in their forms besides
//	fields  ␁ number letter text: what else belongs to component number 0, 1, …: "S" the system of a token; "S", "u", "u" the unit of a quantity;
//	        "t" the code of a token behind the second
//	tail    the other end of an interval; the decimal of a third component that is a number; else empty
//
// So equality in the first component and a range in the second are one range of keys, and everything else is a filter on the same key. The first component must
// therefore be of a type that is asked for by equality (token with a code, reference, uri); definitions that are otherwise are not supported.

// part is one component of a composite index.
type part struct {
	code     string // of the component's search parameter
	kind     kind
	fromRoot bool // its paths start at the resource: %resource
	system   string
	instant  bool
	targets  []string
}

// Bounds on combinations, so that a hostile resource cannot multiply codings.
const (
	maxTuples    = 4096    // of one item
	maxAllTuples = 100_000 // of a resource
)

// draftComposite reads the components. What they select is part of the identity of the index.
func (r *Registry) draftComposite(d *draft, definition *spec.SearchParameter) error {
	for _, c := range definition.Components {
		of := d.others.definition(r.defs, c.Definition)
		if of == nil {
			return fmt.Errorf("has a component of an unknown definition %s", c.Definition)
		}
		component := draftComponent{part: part{code: of.Code, kind: kind(of.Type), targets: of.Target}}
		for _, alternative := range splitUnion(c.Expression) {
			b := readBranch(alternative)
			if !b.plain || b.root != "" && b.root != "%resource" {
				return fmt.Errorf("has a component that is not a plain path: %s", c.Expression)
			}
			component.part.fromRoot = b.root == "%resource"
			component.branches = append(component.branches, b)
			d.identity += string(component.part.kind) + " " + b.root + " " + b.text + "|"
		}
		d.identity += "$"
		d.components = append(d.components, component)
	}
	return nil
}

// draftComponent is a component while its paths are being found.
type draftComponent struct {
	part     part
	branches []branch
}

// checkComponents refuses what keys cannot be asked for, given the paths of each component.
func checkComponents(parts []part, ways [][]route) error {
	if len(parts) < 2 || len(parts) > 3 {
		return fmt.Errorf("has %d components; 2 and 3 are supported", len(parts))
	}
	if !parts[0].kind.byEquality() {
		return fmt.Errorf("has a first component of type %s", parts[0].kind)
	}
	if len(parts) == 2 {
		return nil
	}
	if parts[2].kind != number && !parts[2].kind.byEquality() {
		return fmt.Errorf("has a third component of type %s", parts[2].kind)
	}
	if parts[2].kind == number && (hasIntervals(ways[1]) || hasIntervals(ways[2])) {
		return errors.New("has a range beside a third component")
	}
	return nil
}

// byEquality reports whether values of the kind are asked for exactly.
func (k kind) byEquality() bool { return k == token || k == reference || k == uri }

// compileParts finds the paths of the components below the items of a composite, and what the values of each have in common.
func (r *Registry) compileParts(t, item *spec.Type, components []draftComponent) ([]part, [][]route, error) {
	parts := make([]part, len(components))
	ways := make([][]route, len(components))
	for i, c := range components {
		context := item
		if c.part.fromRoot {
			context = t
		}
		parts[i] = c.part
		var err error
		if ways[i], parts[i].kind, err = r.compilePart(context, c); err != nil {
			return nil, nil, err
		}
		parts[i].system, parts[i].instant = traits(ways[i])
	}
	return parts, ways, checkComponents(parts, ways)
}

// compilePart compiles the paths of one component. Where they lead to elements that the component's own definition cannot hold, the elements decide:
// DocumentReference.relationship has the definitions of its two components swapped.
func (r *Registry) compilePart(context *spec.Type, c draftComponent) (ways []route, k kind, err error) {
	for _, k = range []kind{c.part.kind, token, reference, date, quantity, number, uri, text} {
		ways = ways[:0]
		var failed error
		for _, b := range c.branches {
			var way route
			if way.steps, failed = (paths{r.defs}).compile(context, b.steps, k); failed != nil {
				break
			}
			ways = append(ways, way)
		}
		if failed == nil {
			return ways, k, nil
		}
		if err == nil {
			err = failed
		}
	}
	return nil, "", err
}

func hasIntervals(ways []route) bool {
	for _, way := range ways {
		for _, m := range way.steps[len(way.steps)-1].members {
			if l := m.leaf; l.reading != readNumber && l.reading >= readDate && !l.instant {
				return true
			}
		}
	}
	return false
}

// item reads the components of one item and writes its keys.
func (x *extractor) item(n fhir.Node, components [][]route) {
	x.scratch, x.pieces, x.counts = x.scratch[:0], x.pieces[:0], x.counts[:0]
	tuples := 1
	for i := range components {
		x.part = i
		from := n
		if x.ix.parts[i].fromRoot {
			from = x.resource.Root()
		}
		before := len(x.pieces)
		for j := range components[i] {
			x.follow(&components[i][j], from)
		}
		x.counts = append(x.counts, len(x.pieces))
		tuples *= len(x.pieces) - before
		if tuples == 0 || tuples > maxTuples {
			break
		}
	}
	x.part = -1
	x.tuples += tuples
	if tuples > maxTuples || x.tuples > maxAllTuples {
		x.tooMany = true
		return
	}
	if tuples > 0 {
		x.combine(0, 0)
	}
}

// combine chooses one piece for each component from the i-th on, whose pieces begin at from.
func (x *extractor) combine(i, from int) {
	if i == len(x.counts) {
		x.writeTuple(false)
		if second := x.chosen[1]; second.form == formLow && second.tail {
			x.writeTuple(true)
		}
		return
	}
	for _, p := range x.pieces[from:x.counts[i]] {
		if p.form == formIdentifier {
			continue // Reference.identifier is asked for by a modifier, which composites have not
		}
		x.chosen = append(x.chosen[:i], p)
		x.combine(i+1, x.counts[i])
	}
}

// writeTuple writes a key; high makes the one that begins with the high end of an interval.
func (x *extractor) writeTuple(high bool) {
	x.begin(formComposite)
	var tail extent
	for i := range x.chosen[:2] {
		p := &x.chosen[i]
		switch {
		case i == 0:
			x.keys = append(x.keys, p.form)
			x.put(p.a)
			x.keys = append(x.keys, separator)
		case p.form == formLow && p.tail && high:
			x.keys = append(x.keys, p.letter(formHigh))
			x.putValue(p, p.b)
			tail = p.a
		default:
			x.keys = append(x.keys, p.letter(p.form))
			x.putValue(p, p.a)
			if p.form == formLow {
				tail = p.b
			}
		}
	}
	for i := range x.chosen {
		p := &x.chosen[i]
		label := strconv.Itoa(i)
		switch x.ix.parts[i].kind {
		case token:
			if i == 2 {
				x.putLabelled(label, formToken, p.a)
			}
			x.putLabelled(label, 'S', p.b)
		case quantity:
			x.putUnit(p, label)
		case number:
			if i == 2 {
				tail = p.a
			}
		case reference, uri:
			if i == 2 {
				x.putLabelled(label, p.form, p.a)
			}
		}
	}
	x.putField(tail)
	x.end()
}

func (x *extractor) putLabelled(label string, letter byte, e extent) {
	x.keys = append(x.keys, separator)
	x.keys = append(x.keys, label...)
	x.keys = append(x.keys, letter)
	x.put(e)
}
