package path

func existenceFunctions() []function {
	return []function{
		{name: "empty", run: empty, result: Boolean},
		{name: "exists", max: 1, run: exists, result: Boolean},
		{name: "all", min: 1, max: 1, run: all, result: Boolean},
		{name: "allTrue", run: quantifier(no, false), result: Boolean, input: booleanInput},
		{name: "anyTrue", run: quantifier(yes, true), result: Boolean, input: booleanInput},
		{name: "allFalse", run: quantifier(yes, false), result: Boolean, input: booleanInput},
		{name: "anyFalse", run: quantifier(no, true), result: Boolean, input: booleanInput},
		{name: "subsetOf", min: 1, max: 1, run: subsetOf, result: Boolean},
		{name: "supersetOf", min: 1, max: 1, run: supersetOf, result: Boolean},
		{name: "count", run: count, result: Integer},
		{name: "distinct", run: distinct, follows: theInput},
		{name: "isDistinct", run: isDistinct, result: Boolean},
		{name: "not", run: not, result: Boolean},
	}
}

func empty(m *machine, _ *invocation, mark int) error {
	return m.yield(mark, newBoolean(len(m.stack) == mark))
}

func exists(m *machine, in *invocation, mark int) error {
	if len(in.args) == 0 {
		return m.yield(mark, newBoolean(len(m.stack) > mark))
	}
	outer := m.scope()
	found := false
	for i := mark; i < len(m.stack) && !found; i++ {
		m.this, m.index = m.stack[i], i-mark
		t, err := m.test(in.at, in.args[0].code)
		if err != nil {
			return err
		}
		found = t == yes
	}
	m.leave(outer)
	return m.yield(mark, newBoolean(found))
}

func all(m *machine, in *invocation, mark int) error {
	outer := m.scope()
	for i := mark; i < len(m.stack); i++ {
		m.this, m.index = m.stack[i], i-mark
		t, err := m.test(in.at, in.args[0].code)
		if err != nil {
			return err
		}
		if t != yes {
			m.leave(outer)
			return m.yield(mark, newBoolean(false))
		}
	}
	m.leave(outer)
	return m.yield(mark, newBoolean(true))
}

// quantifier is allTrue() and its kin: result when a Boolean of the input is decisive, the opposite otherwise.
func quantifier(decisive truth, result bool) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		answer := !result
		for i := mark; i < len(m.stack); i++ {
			v := m.stack[i].asSystem()
			switch {
			case v.kind == None:
			case v.kind != Boolean:
				return m.fail(in.at, "%s() needs Booleans, found %s", in.name, v.describe())
			case truthOf(v.system.(bool)) == decisive:
				answer = result
			}
		}
		return m.yield(mark, newBoolean(answer))
	}
}

func subsetOf(m *machine, in *invocation, mark int) error {
	middle := len(m.stack)
	if err := in.args[0].code(m); err != nil {
		return err
	}
	return m.yieldSubset(in.at, mark, mark, middle, middle, len(m.stack))
}

func supersetOf(m *machine, in *invocation, mark int) error {
	middle := len(m.stack)
	if err := in.args[0].code(m); err != nil {
		return err
	}
	return m.yieldSubset(in.at, mark, middle, len(m.stack), mark, middle)
}

// yieldSubset tells whether all items of [from, to) are among those of [low, high).
func (m *machine) yieldSubset(where at, mark, from, to, low, high int) error {
	others, err := m.newItemSet(where, low, high)
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		found, err := others.has(&m.stack[i])
		if err != nil {
			return err
		}
		if !found {
			return m.yield(mark, newBoolean(false))
		}
	}
	return m.yield(mark, newBoolean(true))
}

func count(m *machine, _ *invocation, mark int) error {
	return m.yield(mark, newInteger(int64(len(m.stack)-mark)))
}

func distinct(m *machine, in *invocation, mark int) error { return m.dedupe(in.at, mark) }

func isDistinct(m *machine, in *invocation, mark int) error {
	n := len(m.stack)
	if err := m.dedupe(in.at, mark); err != nil {
		return err
	}
	return m.yield(mark, newBoolean(len(m.stack) == n))
}

func not(m *machine, in *invocation, mark int) error {
	t, err := m.truthAbove(in.at, mark)
	if err != nil {
		return err
	}
	return m.yieldTruth(mark, t.not())
}
