package path

import (
	"time"

	"github.com/firth-health/firth/fhir"
)

// code is a compiled node: it pushes the items it yields on the stack of the machine.
type code func(m *machine) error

// machine is one evaluation. Its stack is the caller's buffer: what is on it at the end, above what the caller had there, is the result.
type machine struct {
	expression *Expression
	env        *Env
	stack      Collection
	steps      int // left

	root  Value      // %context
	this  Value      // $this; the zero Value for an empty focus
	index int        // $index
	total Collection // $total

	now time.Time
}

// scope is what a function changes for the expressions it evaluates on each item.
type scope struct {
	this  Value
	index int
}

func (m *machine) scope() scope        { return scope{m.this, m.index} }
func (m *machine) leave(outer scope)   { m.this, m.index = outer.this, outer.index }
func (m *machine) push(v Value)        { m.stack = append(m.stack, v) }
func (m *machine) pushTruth(b bool)    { m.push(newBoolean(b)) }
func (m *machine) truncate(length int) { m.stack = m.stack[:length] }

// yield replaces what lies above mark by one value.
func (m *machine) yield(mark int, v Value) error {
	m.stack = append(m.stack[:mark], v)
	return nil
}

// yieldIf replaces what lies above mark by a value, or by nothing when ok is false.
func (m *machine) yieldIf(mark int, v Value, ok bool) error {
	m.truncate(mark)
	if ok {
		m.push(v)
	}
	return nil
}

// collapse removes the items from mark up to from; those above move down.
func (m *machine) collapse(mark, from int) {
	n := copy(m.stack[mark:], m.stack[from:])
	m.truncate(mark + n)
}

func (m *machine) fail(where at, format string, args ...any) error {
	return errorAt(m.expression.source, int(where), format, args...)
}

// hook reports an error of a function of Env.
func (m *machine) hook(where at, err error) error {
	e := errorAt(m.expression.source, int(where), "%v", err)
	e.Err = err
	return e
}

// spend takes steps from the budget.
func (m *machine) spend(where at, steps int) error {
	if m.steps -= steps; m.steps < 0 {
		return m.hook(where, ErrBudget)
	}
	return nil
}

// spendText pays for making a text of that many bytes.
func (m *machine) spendText(where at, size int) error { return m.spend(where, size/16+1) }

// one returns the only item above mark; ok is false when there is none.
func (m *machine) one(where at, mark int) (v Value, ok bool, err error) {
	switch len(m.stack) - mark {
	case 0:
		return Value{}, false, nil
	case 1:
		return m.stack[mark], true, nil
	}
	return Value{}, false, m.fail(where, "expected one item, found %d", len(m.stack)-mark)
}

// argument evaluates an argument that must be one item or empty, as a system value.
func (m *machine) argument(where at, arg code) (v Value, ok bool, err error) {
	mark := len(m.stack)
	if err := arg(m); err != nil {
		return Value{}, false, err
	}
	v, ok, err = m.one(where, mark)
	m.truncate(mark)
	v = v.asSystem()
	return v, ok && v.kind != None, err
}

// truth is three-valued: FHIRPath's empty is unknown.
type truth uint8

const (
	unknown truth = iota
	yes
	no
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

func (m *machine) yieldTruth(mark int, t truth) error {
	return m.yieldIf(mark, newBoolean(t == yes), t != unknown)
}

// truthAbove takes what lies above mark as a Boolean (FHIRPath N1, Singleton Evaluation of Collections): one item that is not a
// Boolean counts as true.
func (m *machine) truthAbove(where at, mark int) (truth, error) {
	v, ok, err := m.one(where, mark)
	if err != nil || !ok {
		return unknown, err
	}
	v = v.asSystem()
	switch v.kind {
	case None:
		return unknown, nil
	case Boolean:
		return truthOf(v.system.(bool)), nil
	}
	return yes, nil
}

// test evaluates a condition on the current scope and removes it from the stack.
func (m *machine) test(where at, condition code) (truth, error) {
	if err := m.spend(where, 1); err != nil {
		return unknown, err
	}
	mark := len(m.stack)
	if err := condition(m); err != nil {
		return unknown, err
	}
	t, err := m.truthAbove(where, mark)
	m.truncate(mark)
	return t, err
}

// resource is %resource.
func (m *machine) resource() Value {
	if m.env.Resource != nil {
		return Root(m.env.Resource, m.expression.defs)
	}
	return m.root
}

// rootResource is %rootResource.
func (m *machine) rootResource() Value {
	if m.env.RootResource != nil {
		return Root(m.env.RootResource, m.expression.defs)
	}
	return m.resource()
}

// clock is the same instant throughout an evaluation.
func (m *machine) clock() time.Time {
	if m.now.IsZero() {
		if m.now = m.env.Now; m.now.IsZero() {
			m.now = time.Now()
		}
	}
	return m.now
}

// isObject reports whether v is a complex element or a resource.
func (v *Value) isObject() bool { return v.kind == Element && v.node.Kind() == fhir.Object }
