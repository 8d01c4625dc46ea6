package path

func subsetFunctions() []function {
	return []function{
		{name: "single", run: single, follows: theInput},
		{name: "first", run: first, follows: theInput, input: orderedInput},
		{name: "last", run: last, follows: theInput, input: orderedInput},
		{name: "tail", run: tail, follows: theInput, input: orderedInput},
		{name: "skip", min: 1, max: 1, run: skip, follows: theInput, input: orderedInput},
		{name: "take", min: 1, max: 1, run: take, follows: theInput, input: orderedInput},
		{name: "intersect", min: 1, max: 1, run: intersect, follows: theInput},
		{name: "exclude", min: 1, max: 1, run: exclude, follows: theInput},
		{name: "union", min: 1, max: 1, run: union},
		{name: "combine", min: 1, max: 1, run: combine},
	}
}

func single(m *machine, in *invocation, mark int) error {
	_, _, err := m.one(in.at, mark)
	return err
}

func first(m *machine, _ *invocation, mark int) error {
	m.truncate(min(mark+1, len(m.stack)))
	return nil
}

func last(m *machine, _ *invocation, mark int) error {
	m.collapse(mark, max(mark, len(m.stack)-1))
	return nil
}

func tail(m *machine, _ *invocation, mark int) error {
	m.collapse(mark, min(mark+1, len(m.stack)))
	return nil
}

// number evaluates an argument that must be an Integer; ok is false when it is empty.
func (m *machine) number(in *invocation, i int) (n int64, ok bool, err error) {
	v, ok, err := m.argument(in.at, in.args[i].code)
	if err != nil || !ok {
		return 0, false, err
	}
	if v.kind != Integer {
		return 0, false, m.fail(in.at, "%s() needs an Integer, found %s", in.name, v.describe())
	}
	return v.system.(int64), true, nil
}

func skip(m *machine, in *invocation, mark int) error {
	n, ok, err := m.number(in, 0)
	if err != nil {
		return err
	}
	if !ok {
		m.truncate(mark)
		return nil
	}
	m.collapse(mark, mark+int(max(0, min(n, int64(len(m.stack)-mark)))))
	return nil
}

func take(m *machine, in *invocation, mark int) error {
	n, ok, err := m.number(in, 0)
	if err != nil {
		return err
	}
	if !ok {
		n = 0
	}
	m.truncate(mark + int(max(0, min(n, int64(len(m.stack)-mark)))))
	return nil
}

// filterBy keeps the items that are, or are not, among those of the argument.
func (m *machine) filterBy(in *invocation, mark int, wanted bool) error {
	middle := len(m.stack)
	if err := in.args[0].code(m); err != nil {
		return err
	}
	others, err := m.newItemSet(in.at, middle, len(m.stack))
	if err != nil {
		return err
	}
	kept := mark
	for i := mark; i < middle; i++ {
		found, err := others.has(&m.stack[i])
		if err != nil {
			return err
		}
		if found == wanted {
			m.stack[kept] = m.stack[i]
			kept++
		}
	}
	m.truncate(kept)
	return nil
}

func intersect(m *machine, in *invocation, mark int) error {
	if err := m.filterBy(in, mark, true); err != nil {
		return err
	}
	return m.dedupe(in.at, mark)
}

func exclude(m *machine, in *invocation, mark int) error { return m.filterBy(in, mark, false) }

func union(m *machine, in *invocation, mark int) error {
	if err := in.args[0].code(m); err != nil {
		return err
	}
	return m.dedupe(in.at, mark)
}

func combine(m *machine, in *invocation, _ int) error { return in.args[0].code(m) }
