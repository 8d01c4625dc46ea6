package path

import "github.com/firth-health/firth/fhir"

// operation computes a binary operator: the left operand is on the stack from mark to middle, the right one above. It leaves the
// result at mark.
type operation func(m *machine, where at, mark, middle int) error

func operationOf(operator string) operation {
	switch operator {
	case "=":
		return func(m *machine, where at, mark, middle int) error { return equality(m, where, mark, middle, false) }
	case "!=":
		return func(m *machine, where at, mark, middle int) error { return equality(m, where, mark, middle, true) }
	case "~":
		return func(m *machine, where at, mark, middle int) error { return equivalence(m, where, mark, middle, false) }
	case "!~":
		return func(m *machine, where at, mark, middle int) error { return equivalence(m, where, mark, middle, true) }
	case "<", "<=", ">", ">=":
		return comparison(operator)
	case "+", "-", "*", "/", "div", "mod":
		return arithmetic(operator)
	case "&":
		return concatenate
	case "|":
		return func(m *machine, where at, mark, _ int) error { return m.dedupe(where, mark) }
	case "in":
		return func(m *machine, where at, mark, middle int) error {
			return membership(m, where, mark, mark, middle, middle, len(m.stack))
		}
	case "contains":
		return func(m *machine, where at, mark, middle int) error {
			return membership(m, where, mark, middle, len(m.stack), mark, middle)
		}
	}
	return nil
}

func (c *compiler) binary(e *binary) (code, error) {
	left, err := c.compile(e.left)
	if err != nil {
		return nil, err
	}
	right, err := c.compile(e.right)
	if err != nil {
		return nil, err
	}
	if logic := logicOf(e.operator); logic != nil {
		return logical(e.at, left, right, logic), nil
	}
	operation := operationOf(e.operator)
	if operation == nil {
		return nil, c.fail(e.at, "unknown operator %s", e.operator)
	}
	return func(m *machine) error {
		if err := m.spend(e.at, 1); err != nil {
			return err
		}
		mark := len(m.stack)
		if err := left(m); err != nil {
			return err
		}
		middle := len(m.stack)
		if err := right(m); err != nil {
			return err
		}
		return operation(m, e.at, mark, middle)
	}, nil
}

// logicOf is the truth table of a Boolean operator (FHIRPath N1, Boolean logic).
func logicOf(operator string) func(a, b truth) truth {
	switch operator {
	case "and":
		return func(a, b truth) truth {
			switch {
			case a == no || b == no:
				return no
			case a == yes && b == yes:
				return yes
			}
			return unknown
		}
	case "or":
		return or
	case "xor":
		return func(a, b truth) truth {
			if a == unknown || b == unknown {
				return unknown
			}
			return truthOf(a != b)
		}
	case "implies":
		return func(a, b truth) truth { return or(a.not(), b) }
	}
	return nil
}

func or(a, b truth) truth {
	switch {
	case a == yes || b == yes:
		return yes
	case a == no && b == no:
		return no
	}
	return unknown
}

// logical compiles a Boolean operator. The right side is not evaluated where the left one decides: where it gives the same, known
// result with both answers on the right.
func logical(where at, left, right code, logic func(a, b truth) truth) code {
	return func(m *machine) error {
		a, err := m.test(where, left)
		if err != nil {
			return err
		}
		if result := logic(a, yes); result != unknown && result == logic(a, no) {
			m.pushTruth(result == yes)
			return nil
		}
		b, err := m.test(where, right)
		if err != nil {
			return err
		}
		return m.yieldTruth(len(m.stack), logic(a, b))
	}
}

// membership is "item in items": the one item lies in [from, to), the others in [low, high).
func membership(m *machine, where at, mark, from, to, low, high int) error {
	if to-from == 0 {
		m.truncate(mark)
		return nil
	}
	if to-from > 1 {
		return m.fail(where, "expected one item to look for, found %d", to-from)
	}
	found := false
	for i := low; i < high && !found; i++ {
		t, err := m.equal(where, &m.stack[from], &m.stack[i])
		if err != nil {
			return err
		}
		found = t == yes
	}
	return m.yield(mark, newBoolean(found))
}

// operands returns the two single system values of an operator; ok is false when one side is empty.
func (m *machine) operands(where at, mark, middle int) (a, b Value, ok bool, err error) {
	high := len(m.stack)
	if middle-mark > 1 || high-middle > 1 {
		return a, b, false, m.fail(where, "expected one item on each side, found %d and %d", middle-mark, high-middle)
	}
	if mark == middle || middle == high {
		return a, b, false, nil
	}
	a, b = m.stack[mark].asSystem(), m.stack[middle].asSystem()
	return a, b, a.kind != None && b.kind != None, nil
}

func concatenate(m *machine, where at, mark, middle int) error {
	high := len(m.stack)
	if middle-mark > 1 || high-middle > 1 {
		return m.fail(where, "expected one item on each side of &, found %d and %d", middle-mark, high-middle)
	}
	text := ""
	for i := mark; i < high; i++ {
		v := m.stack[i].asSystem()
		if v.kind != String && v.kind != None {
			return m.fail(where, "expected a String on each side of &, found %s", v.describe())
		}
		text += v.Text()
	}
	if err := m.spendText(where, len(text)); err != nil {
		return err
	}
	return m.yield(mark, newString(text))
}

// describe names the type of a value for an error message, with an article.
func (v Value) describe() string {
	name := v.TypeName()
	if name == "" {
		return "a value of unknown type"
	}
	return fhir.Indefinite(name)
}
