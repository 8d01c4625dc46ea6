package path

import (
	"bytes"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// equality is = and !=: empty when an operand is, otherwise equal items in equal order.
func equality(m *machine, where at, mark, middle int, negated bool) error {
	n := middle - mark
	if n == 0 || len(m.stack) == middle {
		m.truncate(mark)
		return nil
	}
	result := truthOf(len(m.stack)-middle == n)
	for i := 0; i < n && result == yes; i++ {
		var err error
		if result, err = m.equal(where, &m.stack[mark+i], &m.stack[middle+i]); err != nil {
			return err
		}
	}
	if negated {
		result = result.not()
	}
	return m.yieldTruth(mark, result)
}

// equal compares two items as = does; unknown stands for empty.
func (m *machine) equal(where at, a, b *Value) (truth, error) {
	if a.kind == Element && b.kind == Element {
		if a.node == b.node && a.node.Ok() {
			return yes, nil
		}
		if a.node.Kind() != b.node.Kind() && (a.isObject() || b.isObject()) {
			return no, nil
		}
	}
	if t, done := equalText(a, b); done {
		return t, nil
	}
	x, y := a.asSystem(), b.asSystem()
	switch {
	case x.kind == None && y.kind == None: // primitives with extensions only
		t := truthOf(m.equalNodes(a.sibling, b.sibling))
		return t, m.spend(where, 1)
	case x.kind == None || y.kind == None:
		return no, nil
	case x.kind == Element && y.kind == Element:
		start, end := a.node.Range()
		t := truthOf(m.equalNodes(x.node, y.node))
		return t, m.spend(where, (end-start)/64+1)
	case x.isNumber() && y.isNumber():
		return truthOf(x.number().Cmp(y.number()) == 0), nil
	case x.isTemporal() && y.isTemporal():
		return equalTemporal(&x, &y), nil
	case x.kind == QuantityKind && (y.kind == QuantityKind || y.isNumber()), y.kind == QuantityKind && x.isNumber():
		order, known := m.compareQuantities(x.toQuantity(), y.toQuantity())
		if !known {
			return unknown, nil
		}
		return truthOf(order == 0), nil
	}
	return truthOf(x.kind == y.kind && x.kind != Element && x.system == y.system), nil
}

// equalText compares an element with a string, the most frequent case, without decoding.
func equalText(a, b *Value) (result truth, done bool) {
	if b.kind == Element {
		a, b = b, a
	}
	if a.kind != Element || b.kind != String || a.node.Kind() != fhir.String || systemKind(a.typ) != String {
		return unknown, false
	}
	return truthOf(a.node.TextIs(b.system.(string))), true
}

func (v *Value) isTemporal() bool { return v.kind == Date || v.kind == DateTime || v.kind == Time }

func equalTemporal(x, y *Value) truth {
	if (x.kind == Time) != (y.kind == Time) {
		return no
	}
	order, known := compareTemporal(x.temporal(), y.temporal())
	if !known {
		return unknown
	}
	return truthOf(order == 0)
}

// equalNodes compares what two nodes say: members in any order, numbers by value. It takes its steps from the budget and leaves it to its
// callers to notice that none are left.
func (m *machine) equalNodes(a, b fhir.Node) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	if bytes.Equal(a.Raw(), b.Raw()) {
		return true
	}
	switch a.Kind() {
	case fhir.Object:
		if a.Len() != b.Len() {
			return false
		}
		for c := a.First(); c.Ok(); c = c.Next() {
			m.steps--
			if d := m.memberNamed(b, "", memberName(c)); m.steps < 0 || !d.Ok() || !m.equalNodes(c, d) {
				return false
			}
		}
		return true
	case fhir.Array:
		c, d := a.First(), b.First()
		for ; c.Ok() && d.Ok(); c, d = c.Next(), d.Next() {
			if !m.equalNodes(c, d) {
				return false
			}
		}
		return c.Ok() == d.Ok()
	case fhir.String: // the bytes differ, so only escapes can make them equal
		return (bytes.IndexByte(a.Raw(), '\\') >= 0 || bytes.IndexByte(b.Raw(), '\\') >= 0) && a.TextIs(b.Text())
	case fhir.Number:
		return equalNumbers(a, b)
	}
	return false
}

func equalNumbers(a, b fhir.Node) bool {
	x, err := fhir.ParseDecimal(a.Text())
	if err != nil {
		return false
	}
	y, err := fhir.ParseDecimal(b.Text())
	return err == nil && x.Cmp(y) == 0
}

// equivalence is ~ and !~: never empty, in any order.
func equivalence(m *machine, where at, mark, middle int, negated bool) error {
	n := middle - mark
	same := len(m.stack)-middle == n
	matched := make([]bool, n)
	for i := mark; i < middle && same; i++ {
		same = false
		for j := range n {
			if matched[j] {
				continue
			}
			if err := m.spend(where, 1); err != nil {
				return err
			}
			if m.equivalent(&m.stack[i], &m.stack[middle+j]) {
				matched[j], same = true, true
				break
			}
		}
	}
	if err := m.spend(where, 1); err != nil {
		return err
	}
	return m.yield(mark, newBoolean(same != negated))
}

// equivalent compares two items as ~ does.
func (m *machine) equivalent(a, b *Value) bool {
	x, y := a.asSystem(), b.asSystem()
	switch {
	case x.kind == None || y.kind == None:
		return x.kind == y.kind && m.equivalentNodes(a.sibling, b.sibling)
	case x.kind == String && y.kind == String:
		return equivalentText(x.system.(string), y.system.(string))
	case x.isNumber() && y.isNumber():
		p, q := x.number(), y.number()
		scale := max(0, min(p.Scale(), q.Scale()))
		return p.Round(scale).Cmp(q.Round(scale)) == 0
	case x.isTemporal() && y.isTemporal():
		p, q := x.temporal(), y.temporal()
		return (x.kind == Time) == (y.kind == Time) && sharePrecision(p, q) && equalTemporal(&x, &y) == yes
	case x.kind == QuantityKind && (y.kind == QuantityKind || y.isNumber()), y.kind == QuantityKind && x.isNumber():
		return m.equivalentQuantities(x.toQuantity(), y.toQuantity())
	case x.kind == Element && y.kind == Element:
		return m.equivalentNodes(x.node, y.node)
	}
	return x.kind == y.kind && x.kind != Element && x.system == y.system
}

// equivalentText ignores case and how much white space stands between words.
func equivalentText(a, b string) bool {
	return strings.EqualFold(a, b) || strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// equivalentNodes compares two nodes as ~ does: ids do not count, arrays in any order.
func (m *machine) equivalentNodes(a, b fhir.Node) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case fhir.Object:
		return m.equivalentMembers(a, b) && m.equivalentMembers(b, a)
	case fhir.Array:
		matched := make([]bool, b.Len())
		if len(matched) != a.Len() {
			return false
		}
		for c := a.First(); c.Ok(); c = c.Next() {
			if !m.matchOne(c, b, matched) {
				return false
			}
		}
		return true
	case fhir.String:
		return equivalentText(a.Text(), b.Text())
	case fhir.Number:
		return equalNumbers(a, b)
	}
	return bytes.Equal(a.Raw(), b.Raw())
}

func (m *machine) equivalentMembers(a, b fhir.Node) bool {
	for c := a.First(); c.Ok(); c = c.Next() {
		if c.KeyIs("id") {
			continue
		}
		m.steps--
		if d := m.memberNamed(b, "", memberName(c)); !d.Ok() || !m.equivalentNodes(c, d) {
			return false
		}
	}
	return true
}

func (m *machine) matchOne(item, items fhir.Node, matched []bool) bool {
	i := 0
	for c := items.First(); c.Ok() && m.steps >= 0; c = c.Next() {
		m.steps--
		if !matched[i] && m.equivalentNodes(item, c) {
			matched[i] = true
			return true
		}
		i++
	}
	return false
}
